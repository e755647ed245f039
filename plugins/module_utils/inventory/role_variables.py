# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which variables look like a role's but are not: the typo that Ansible itself never reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


def find_unknown(names: Iterable[str], known: Mapping[str, Iterable[str]]) -> list[str]:
    """Name every variable that starts with a role's prefix and is not a variable of any role.

    `known` maps a role to its public variables. Returns sorted sentences, each with the nearest real name if one is
    near. A prefix belongs to its role alone: `oobm_x` can only be meant for the role oobm.
    """
    roles = sorted(known, key=len, reverse=True)
    public = {name for options in known.values() for name in options}
    found = []
    for name in sorted(set(names) - public):
        role = next((role for role in roles if name.startswith(f"{role}_")), None)
        if role:
            found.append(f"{name} is not a variable of the role {role}{_hint(name, known[role])}")
    return found


def refusal(host: str, owner: str, unknown: list[str], rules: Iterable[Mapping[str, Any]]) -> str:
    """One message for everything that is wrong with the variables of a host; empty where nothing is.

    `owner` says whose variables they are ("the role oobm"), `unknown` is what find_unknown found. A rule has `that`,
    whether it is kept, and `expected`, `observed` and `next` for the message.
    """
    misspelt = {
        "that": not unknown,
        "expected": f"only variables of {owner}",
        "observed": "; ".join(unknown),
        "next": "correct the name in the inventory; the role's README lists all of them",
    }
    sentences = []
    for rule in [misspelt, *rules]:
        if not rule["that"]:
            sentences.append(
                f"{host}: expected {rule['expected']}, observed: {rule['observed']}. Next: {rule['next']}."
            )
    return " ".join(sentences)


def _hint(name: str, options: Iterable[str]) -> str:
    near = get_close_matches(name, list(options), n=1, cutoff=0.75)
    return f" (did you mean {near[0]}?)" if near else ""
