# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the facts of a host differ from those of before, fact by fact: where, the value then, the value now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import show

# What names an item of a list of dictionaries, best first.
NAMES = ("name", "path", "destination", "node", "size_bytes")
ABSENT: Any = object()  # stands for a value where there is none
LONGEST = 80  # characters of a value in a message
FactName = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A fact that is another one now. `then` or `now` is ABSENT where the fact was not, or is no longer, there."""

    fact: FactName
    then: Any
    now: Any

    def __str__(self) -> str:
        return f"{fact_text(self.fact)} was {_value(self.then)}, is {_value(self.now)}"


def changes_between(then: Any, now: Any, fact: FactName = ()) -> Iterator[Change]:
    """Every fact that differs, in the order of names. Items of lists are matched by name where they have one, and not
    by position.
    """
    before, after = named_items(then), named_items(now)
    if before is None or after is None or isinstance(then, Mapping) != isinstance(now, Mapping):
        if then != now:
            yield Change(fact, then, now)
        return
    for key in sorted({*before, *after}):
        yield from changes_between(before.get(key, ABSENT), after.get(key, ABSENT), (*fact, key))


def with_fact(facts: Any, name: FactName, value: Any) -> Any:
    """A copy of the facts with another value under a name; ABSENT takes it out."""
    if not name:
        return value
    if isinstance(facts, Mapping):
        rest = {key: each for key, each in facts.items() if key != name[0]}
        inner = with_fact(facts.get(name[0], {}), name[1:], value)
        return rest if inner is ABSENT else {**rest, name[0]: inner}
    items = named_items(facts) or {}
    items[name[0]] = with_fact(items.get(name[0], {}), name[1:], value)
    return [each for each in items.values() if each is not ABSENT]


def named_items(value: Any) -> Optional[dict[str, Any]]:
    """The items of a dictionary, or of a list of dictionaries with different names, by name; None for anything else."""
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, Mapping) for each in value):
        return None
    for key in NAMES:
        if value and all(key in each for each in value):
            items = {str(each[key]): each for each in value}
            return items if len(items) == len(value) else None
    return None


def fact_text(name: FactName) -> str:
    """The name as a reader writes it: steps that are not a plain word in brackets."""
    return "".join(map(_step_text, name)).lstrip(".")


def _step_text(step: str) -> str:
    plain = step.replace("_", "").isalnum() and not step[0].isdigit()
    return f".{step}" if plain else f"[{step}]"


def _value(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    if value is None:
        return "not known"
    if isinstance(value, Mapping):
        return "present"
    text = show(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
