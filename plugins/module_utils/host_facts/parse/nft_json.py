# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`nft -j list ruleset`: the part that decides about incoming packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

SOURCE = "nft -j list ruleset"
_COUNTING = ("counter", "last")  # statements that change with every packet and decide nothing
_Name = tuple[Any, Any, Any]


def parse_ruleset(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The objects in order, as kind (table, chain, rule, set, map ...) and content. Raises ParseError."""
    try:
        objects = load_json(text, SOURCE)["nftables"]
    except (KeyError, TypeError, IndexError) as error:
        raise ParseError(SOURCE, f"not its JSON: {error!r}", text=text) from error
    if not isinstance(objects, list):
        raise ParseError(SOURCE, "nftables is not a list", text=text)
    return [_object(each, number) for number, each in enumerate(objects, 1)]


def forward_policy(ruleset: list[tuple[str, dict[str, Any]]]) -> str:
    """drop if a chain with the hook forward drops what no rule takes, accept if there are such chains, else none."""
    policies = [
        chain.get("policy", "accept") for kind, chain in ruleset if kind == "chain" and chain.get("hook") == "forward"
    ]
    return "drop" if "drop" in policies else "accept" if policies else "none"


def input_side(ruleset: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Tables, chains, rules, sets and maps that incoming packets meet, as nft prints them, without handles, counters
    and times."""
    wanted = _reached(ruleset)
    tables = {name[:2] for name in wanted}
    kept = []
    for kind, body in ruleset:
        inside = _name(body, body.get("chain") if kind == "rule" else body.get("name"))
        if (kind in ("chain", "rule", "set", "map") and inside in wanted) or (
            kind == "table" and (body.get("family"), body.get("name")) in tables
        ):
            kept.append({kind: _without_state(body)})
    return kept


def _reached(ruleset: list[tuple[str, dict[str, Any]]]) -> set[_Name]:
    """Names of the chains with the hook input and of all chains, sets and maps that these lead to."""
    users: dict[_Name, set[_Name]] = {}
    for kind, body in ruleset:
        if kind in ("rule", "map"):
            user = _name(body, body.get("chain") if kind == "rule" else body.get("name"))
            content = body.get("expr") if kind == "rule" else body.get("elem")
            users.setdefault(user, set()).update(_name(body, used) for used in _used(content))
    pending = [
        _name(body, body.get("name")) for kind, body in ruleset if kind == "chain" and body.get("hook") == "input"
    ]
    reached: set[_Name] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending.extend(users.get(name, ()))
    return reached


def _used(content: Any) -> Iterator[str]:
    """Targets of jump and goto, and names of sets and maps (written @name). Not recursive: rules may be nested
    deeply."""
    pending = [content]
    while pending:
        part = pending.pop()
        if isinstance(part, str) and part.startswith("@"):
            yield part[1:]
        elif isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, dict):
            pending.extend(part.values())
            for verdict in ("jump", "goto"):
                target = part.get(verdict)
                if isinstance(target, dict) and isinstance(target.get("target"), str):
                    yield target["target"]


def _without_state(body: dict[str, Any]) -> dict[str, Any]:
    """Facts of a host at rest are equal from run to run: handles, counters and the rest of a ban's time are not."""
    kept = {key: value for key, value in body.items() if key != "handle"}
    if isinstance(kept.get("expr"), list):
        kept["expr"] = [
            each for each in kept["expr"] if not (isinstance(each, dict) and any(key in each for key in _COUNTING))
        ]
    if isinstance(kept.get("elem"), list):
        kept["elem"] = [_element(each) for each in kept["elem"]]
    return kept


def _element(element: Any) -> Any:
    inner = element.get("elem") if isinstance(element, dict) else None
    if not isinstance(inner, dict):
        return element
    return {"elem": {key: value for key, value in inner.items() if key not in ("expires", *_COUNTING)}}


def _name(body: dict[str, Any], name: Any) -> _Name:
    return body.get("family"), body.get("table"), name


def _object(each: Any, number: int) -> tuple[str, dict[str, Any]]:
    """One object of the list; what names it has to be text, for it is looked up by that."""
    if isinstance(each, dict) and len(each) == 1:
        [(kind, body)] = each.items()
        if isinstance(body, dict) and all(
            isinstance(body.get(key, ""), str) for key in ("family", "table", "name", "chain", "hook", "policy")
        ):
            return kind, body
    raise ParseError(SOURCE, f"object {number} of the list is not understood")
