# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(properties wanted, text of agent.properties) -> the text with these keys and every other line as it was."""

from __future__ import annotations

from collections.abc import Container, Mapping
from difflib import get_close_matches
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.agent_keys import (
    KEY_TYPES,
    OVERWRITTEN,
    OWNED,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import (
    SECRET,
    escape,
    find_properties,
    is_open,
    line_ends,
    split_lines,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_values import wrong_value


def plan_properties(path: str, text: str, wanted: Mapping[str, Any], allow_unknown: bool = False) -> Plan:
    """One step for each key that differs; None removes a key. Raises InputError for a key or value that the agent won't
    read."""
    values = {key: _checked(key, value, allow_unknown) for key, value in wanted.items()}
    found = find_properties(text, path)
    current = {each.key: each.value for each in found}
    differing = sorted(key for key, value in values.items() if current.get(key) != value)
    places: dict[str, list[tuple[int, int]]] = {key: [] for key in differing}
    for each in found:
        if each.key in places:
            places[each.key].append((each.first, each.last))
    return Plan.of(_change(path, key, current.get(key), values[key], places[key]) for key in differing)


def _change(path: str, key: str, before: Optional[str], value: Optional[str], places: list[tuple[int, int]]) -> Change:
    action = "remove" if value is None else "set"
    data = {"key": key, "value": value, "places": places}
    return Change(action, f"{path}: {key}", before or "", value or "", bool(SECRET.search(key)), data)


def warnings_for(wanted: Mapping[str, Any]) -> list[str]:
    """What will not last although it can be written."""
    return [f"{key} is overwritten {OVERWRITTEN[key]}" for key in sorted(wanted) if key in OVERWRITTEN]


def edit(text: str, plan: Plan) -> str:
    """The text after its plan; every byte of a line that no step names stays as it was.

    Each key keeps its place and the line end that it had; repeated lines of a key become one; a new key goes to the
    end, in the file's own line ends. The last of these is ended too, because keystore-setup appends to this file with
    echo >> (scripts/util/keystore-setup of CloudStack 4.22.1).
    """
    if not plan:
        return text
    lines, ends = split_lines(text), line_ends(text)
    written: dict[int, str] = {}  # first line of a key -> what stands there afterwards
    gone: set[int] = set()
    for change in plan:
        places = change.data["places"]
        gone.update(line for first, last in places for line in range(first, last + 1))
        if places:
            first, last = places[0]
            written[first] = _written(change, ends[last])
    kept = [_kept(number, lines[number] + ends[number], written, gone) for number in range(len(lines))]
    end = next(filter(None, ends), "\n")
    added = [_written(change, end) for change in plan if not change.data["places"]]
    return _joined("".join(kept), "".join(added), end)


def _kept(number: int, line: str, written: Mapping[int, str], gone: Container[int]) -> str:
    """What stands in the place of a physical line afterwards."""
    return written.get(number, "") if number in gone else line


def _joined(kept: str, added: str, end: str) -> str:
    """New lines behind the old ones: behind a line without an end, or with a backslash that would swallow them."""
    if not added or not kept:
        return kept + added
    between = "" if kept.endswith(("\n", "\r")) else end
    return kept + between + (end if is_open(kept) else "") + added


def _written(change: Change, end: str) -> str:
    value = change.data["value"]
    return "" if value is None else f"{escape(change.data['key'], key=True)}={escape(value)}{end}"


def _checked(key: str, value: Any, allow_unknown: bool) -> Optional[str]:
    """The value as text. Booleans are lower case, because the agent compares so."""
    if key in OWNED:
        raise InputError(
            f"{key} is CloudStack's own key",
            expected="a key that an operator sets",
            observed=key,
            next_step="leave it to the join",
        )
    if key not in KEY_TYPES and not key.startswith("libvirt.vif.driver.") and not allow_unknown:
        near = get_close_matches(key, KEY_TYPES, n=1)
        hint = f"did you mean {near[0]}? Otherwise " if near else ""
        raise InputError(
            f"the agent does not know the key {key}", observed=key, next_step=f"{hint}set allow_unknown: true"
        )
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        raise InputError(
            f"the value of {key} has the wrong type", expected="a single value", observed=type(value).__name__
        )
    text = str(value).lower() if isinstance(value, bool) else str(value)
    expected = _complaint(key, text)
    if expected:
        shown = "(hidden)" if SECRET.search(key) else text
        raise InputError(
            f"the value of {key} has the wrong type", expected=expected, observed=shown, next_step="correct it"
        )
    return text


def _complaint(key: str, text: str) -> str:
    """What the agent expects for the key, empty if `text` is that. Booleans are written as the documentation does."""
    if KEY_TYPES.get(key) == "bool":
        return "" if text in ("true", "false") else "true or false"
    return wrong_value(key, text)
