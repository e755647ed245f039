# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""With which credentials the hosts of a run reach which CloudStack, and what to say where it does not answer. No secret
is in any result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges

# variable of the inventory -> setting of the `cs` library that is taken where the inventory has none
SOURCES = {"cloudstack_api_url": "endpoint", "cloudstack_api_key": "key", "cloudstack_api_secret": "secret"}
NAMES = [f"CLOUDSTACK_{setting.upper()}" for setting in SOURCES.values()]
VERIFY = "cloudstack_api_verify"  # not part of the credentials, but of whom they are told


def accesses(
    hosts: Iterable[str], variables: Mapping[str, Mapping[str, Any]], settings: Mapping[str, str], looked: str
) -> list[dict[str, Any]]:
    """The distinct sets of credentials: `hosts` that use one, what is `missing` of it, by the name in the environment,
    and where it was `looked` for besides. `settings` are those of the `cs` library.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        own = variables[host]
        given = [str(own.get(name, settings.get(setting)) or "") for name, setting in SOURCES.items()]
        found.setdefault((*given, str(own.get(VERIFY, ""))), []).append(host)
    answer = []
    for values, users in found.items():
        missing = [name for name, value in zip(NAMES, values) if not value]
        answer.append({"hosts": users, "missing": missing, "looked": looked})
    return answer


def access_problems(found: Sequence[Mapping[str, Any]], results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those of `accesses` that cannot be used: their `hosts`, and the `text` to tell. `results` are the answers, `item`
    an access each.
    """
    answers = {tuple(result["item"]["hosts"]): result for result in results}
    return [{"hosts": list(access["hosts"]), "text": _text(access, why)} for access, why in _unusable(found, answers)]


def _unusable(
    found: Iterable[Mapping[str, Any]], answers: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], str]]:
    for access in found:
        answer = answers.get(tuple(access["hosts"]), {})
        if access["missing"]:
            yield access, _missing(access)
        elif "value" not in answer:  # the module tells a value, empty or not, where the API answered
            yield access, _unanswered(str(answer.get("msg") or "no answer").strip())


def _missing(access: Mapping[str, Any]) -> str:
    missing = ", ".join(access["missing"])
    return (
        f"Expected: {', '.join(NAMES)} in the environment, {', '.join(SOURCES)} in the inventory, or endpoint, key,"
        f" secret in a configuration file of `cs`. Observed: not set or empty: {missing}; looked for in the inventory,"
        f" in the environment and in {access['looked']}. Next: set what is missing, then run again"
    )


def _unanswered(message: str) -> str:
    """The module's own words; they have a next step where it did not die."""
    expected = f"Expected: an API that answers to {', '.join(NAMES)} or, in the inventory, to {', '.join(SOURCES)}"
    said = f"{expected}. Observed: {message.rstrip('.')}"
    return said if "Next:" in message else f"{said}. Next: run again with -vvv, which shows how the module ended"


def _text(access: Mapping[str, Any], why: str) -> str:
    return f"{ranges(access['hosts'])}: CloudStack cannot be used. {why}. No host was touched."
