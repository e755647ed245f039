# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""With which credentials the hosts of a run reach which CloudStack, and what to say where it does not answer. No secret
is in any result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges

# variable of the inventory -> variable of the environment that is taken where the inventory has none
SOURCES = {
    "cloudstack_api_url": "CLOUDSTACK_ENDPOINT",
    "cloudstack_api_key": "CLOUDSTACK_KEY",
    "cloudstack_api_secret": "CLOUDSTACK_SECRET",
}


def accesses(
    hosts: Iterable[str], variables: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The distinct sets of credentials: `hosts` that use one, and what is `missing` of it, by the name in the
    environment.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        own = variables[host]
        given = tuple(str(own.get(name, environment.get(fallback)) or "") for name, fallback in SOURCES.items())
        found.setdefault(given, []).append(host)
    names = tuple(SOURCES.values())
    answer = []
    for given, users in found.items():
        missing = [name for name, value in zip(names, given) if not value]
        answer.append({"hosts": users, "missing": missing})
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
            yield access, f"not set or empty: {', '.join(access['missing'])}"
        elif "value" not in answer:  # the module tells a value, empty or not, where the API answered
            yield access, str(answer.get("msg") or "no answer").strip()


def _text(access: Mapping[str, Any], observed: str) -> str:
    inventory, environment = ", ".join(SOURCES), ", ".join(SOURCES.values())
    return (
        f"{ranges(access['hosts'])}: CloudStack cannot be used. Expected: an API that answers to {environment} of the "
        f"environment, or to {inventory} of the inventory. Observed: {observed.rstrip('.')}. Next: correct them, then "
        "run again. No host was touched."
    )
