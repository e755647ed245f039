# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(what files shall be, what they are) -> the plan that makes them so."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileGoal, FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.lines import edit_hosts, edit_lines
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.settings import edit_settings

_NEW_FILE, _NEW_SECRET, _NEW_DIRECTORY = 0o644, 0o600, 0o755
_KINDS = {
    "present": ("file", "absent"),
    "directory": ("directory", "absent"),
    "link": ("file", "link", "absent"),
    "absent": ("file", "link", "directory", "absent"),
}


@dataclass(frozen=True)
class Step:
    """What applying a change does: write, attributes, directory, link or remove."""

    kind: str
    path: str
    content: bytes = b""
    mode: Optional[int] = None
    uid: Optional[int] = None
    gid: Optional[int] = None
    target: Optional[str] = None
    validate: Optional[str] = None


def plan_files(goals: Sequence[FileGoal], states: Mapping[str, FileState]) -> Plan:
    """Plan every goal, in the given order. `states` has an entry for each goal's path.

    Raises InputError or ParseError, with the path, for what cannot be planned: then nothing at all is to be done.
    """
    _refuse_repeats(goals)
    _refuse_full(goals, states)
    return Plan(tuple(change for goal in goals for change in _plan_one(goal, states[goal.path])))


def missing_parents(plan: Plan, directories: Iterable[str]) -> list[str]:
    """Directories that the plan writes into, that are not there and that it does not make before it needs them."""
    there, missing = set(directories), []
    for change in plan:
        step = change.data
        parent = posixpath.dirname(step.path)
        if step.kind in ("write", "directory", "link") and parent not in there:
            missing.append(parent)
        if step.kind == "directory":
            there.add(step.path)
    return sorted(set(missing))


def _refuse_repeats(goals: Sequence[FileGoal]) -> None:
    paths = [goal.path for goal in goals]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise InputError(
            "files names a path more than once", observed=", ".join(twice), next_step="make one entry of them"
        )


def _refuse_full(goals: Sequence[FileGoal], states: Mapping[str, FileState]) -> None:
    """A directory that shall go must be empty by then: else everything before it would be done, and it not."""
    gone: set[str] = set()
    for goal in goals:
        if goal.state != "absent":
            continue
        left = [name for name in states[goal.path].entries if posixpath.join(goal.path, name) not in gone]
        if left:
            raise InputError(
                f"{goal.path} is a directory that is not empty",
                expected="an empty directory, or entries with state=absent before it for all that it holds",
                observed=", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else ""),
                next_step="look at what it holds, and remove it by hand or name it",
            )
        gone.add(goal.path)


def _plan_one(goal: FileGoal, state: FileState) -> list[Change]:
    if state.kind not in _KINDS[goal.state]:
        raise InputError(
            f"{goal.path} is a {state.kind}",
            expected=f"something that state={goal.state} may replace",
            next_step="look at it and remove it by hand",
        )
    if goal.state == "absent":
        return _plan_absent(goal, state)
    if goal.state == "link":
        return _plan_link(goal, state)
    if goal.state == "directory" and state.kind == "absent":
        mode = _NEW_DIRECTORY if goal.mode is None else goal.mode
        step = Step("directory", goal.path, mode=mode, uid=goal.uid, gid=goal.gid)
        return [Change("create directory", goal.path, None, {"state": "directory", "mode": _octal(mode)}, data=step)]
    return [*(_plan_content(goal, state) if goal.state == "present" else []), *_plan_attributes(goal, state)]


def _plan_absent(goal: FileGoal, state: FileState) -> list[Change]:
    if state.kind == "absent":
        return []
    before = _shown(state.content) if state.kind == "file" else {"state": state.kind}
    return [Change("delete", goal.path, before, None, goal.secret, Step("remove", goal.path))]


def _plan_link(goal: FileGoal, state: FileState) -> list[Change]:
    if state.kind == "link" and state.target == goal.target:
        return []
    before = {"file": lambda: _shown(state.content), "link": lambda: {"target": state.target}, "absent": lambda: None}[
        state.kind
    ]()
    action = "create link" if state.kind == "absent" else "replace by link"
    return [
        Change(action, goal.path, before, {"target": goal.target}, data=Step("link", goal.path, target=goal.target))
    ]


def _plan_content(goal: FileGoal, state: FileState) -> list[Change]:
    wanted = _wanted(goal, state)
    if wanted is None or wanted == state.content:
        return []
    new = state.kind == "absent"
    kept = (_NEW_SECRET if goal.secret else _NEW_FILE) if new else state.mode
    mode = kept if goal.mode is None else goal.mode
    uid = goal.uid if goal.uid is not None else state.uid
    gid = goal.gid if goal.gid is not None else state.gid
    step = Step("write", goal.path, wanted, mode, uid, gid, validate=goal.validate)
    before = None if new else _shown(state.content)
    return [Change("create" if new else "update", goal.path, before, _shown(wanted), goal.secret, step)]


def _wanted(goal: FileGoal, state: FileState) -> Optional[bytes]:
    """The content that shall be there; None when only mode and owner are looked after, or when the file may not be
    made."""
    if goal.content is not None:
        return goal.content.encode()
    edits = goal.settings is not None or goal.lines or goal.lines_absent
    if state.kind == "absent" and not goal.create:
        return None
    if not edits:
        if state.kind == "absent":
            raise InputError(
                f"{goal.path} is not there", expected="a file, or content, settings or lines to make it of"
            )
        return None
    text = (state.content or b"").decode("utf-8", "surrogateescape")
    edited = _edit(goal, text)
    if edited == text and state.kind == "absent":
        return None  # only removals: nothing to take out of a file that is not there
    return edited.encode("utf-8", "surrogateescape")


def _edit(goal: FileGoal, text: str) -> str:
    if goal.settings is None:
        return edit_lines(text, goal.lines, goal.lines_absent, goal.path)
    if goal.format == "hosts":
        return edit_hosts(text, goal.settings, goal.path)
    return edit_settings(text, goal.settings, goal.format, goal.path)


def _plan_attributes(goal: FileGoal, state: FileState) -> list[Change]:
    """Mode and owner of what is already there; a new file gets them with its content."""
    wanted = {"mode": (goal.mode, state.mode), "uid": (goal.uid, state.uid), "gid": (goal.gid, state.gid)}
    wrong = {name: pair for name, pair in wanted.items() if pair[0] is not None and pair[0] != pair[1]}
    if not wrong or state.kind == "absent":
        return []
    before = {name: _octal(pair[1]) if name == "mode" else pair[1] for name, pair in wrong.items()}
    after = {name: _octal(pair[0]) if name == "mode" else pair[0] for name, pair in wrong.items()}
    step = Step("attributes", goal.path, mode=goal.mode, uid=goal.uid, gid=goal.gid)
    return [Change("attributes", goal.path, before, after, data=step)]


def _octal(mode: Optional[int]) -> Optional[str]:
    return None if mode is None else f"{mode:04o}"


def _shown(content: Optional[bytes]) -> str:
    return (content or b"").decode("utf-8", "replace")


def parse_mode(text: Optional[str], path: str) -> Optional[int]:
    """'0644' -> permission bits. Raises InputError for anything but three or four octal digits."""
    if text is None:
        return None
    if len(text) not in (3, 4) or not set(text) <= set("01234567"):
        raise InputError(
            f"{path}: the mode is not usable", expected='octal digits in quotes, for example "0644"', observed=text
        )
    return int(text, 8)
