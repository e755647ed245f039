# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carries out a plan of files: everything is staged before anything is replaced."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, KvmError, OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState

_BACKUP_KINDS = ("write", "remove", "link")


def validate(steps: Iterable) -> list[str]:
    """Let each step's own program look at its new content, before anything is written.

    Returns the names of programs that are not installed; raises InputError for a content that a program refuses.
    """
    missing = []
    for step in steps:
        if step.validate:
            missing += _validate(step)
    return missing


def _validate(step) -> list[str]:
    words = shlex.split(step.validate)
    if not any("%s" in word for word in words):
        raise InputError(f"{step.path}: validate names no file", expected='"%s" in the command', observed=step.validate)
    with files.scratch_copy(step.content) as path:
        answer = command.run([word.replace("%s", path) for word in words])
    if answer.status is None and answer.problem.endswith("is not installed"):
        return [words[0]]
    if not answer.ok:
        # Neither the content nor what the program quotes of it may be a secret's way out: say the first line only.
        raise InputError(
            f"{step.path}: the new content is refused, nothing was written",
            expected=f"`{step.validate}` ends with 0",
            observed=answer.why(),
            next_step="correct the variables that this file is made of",
        )
    return []


def apply(
    steps: Iterable, states: Mapping[str, FileState], backup_name: Optional[Callable[[str], str]] = None
) -> dict[str, str]:
    """Do the steps; with `backup_name` what is overwritten or removed is copied first. Returns path -> backup.

    New contents are written beside their files and synced first, so a full disk stops before the first replacement.
    `states` is what the steps were planned from: a file that is no longer so stops everything. Raises ChangedMeanwhile,
    with `changed_paths` in its details where something was replaced before.
    """
    steps = list(steps)
    made: list[str] = []
    staged: dict[str, files.Staged] = {}
    try:
        for step in steps:
            if step.kind == "directory":
                files.make_directory(step.path, step.mode, step.uid, step.gid)
                made.append(step.path)
            elif step.kind == "write":
                state = states[step.path]
                staged[step.path] = files.Staged(step.path, step.content, step.mode, step.uid, step.gid, state)
        backups = _back_up(steps, states, backup_name) if backup_name else {}
        for each in staged.values():
            each.compare()
    except BaseException:
        _undo(staged, made)
        raise
    _commit(steps, staged, states)
    return backups


def _undo(staged: dict[str, files.Staged], made: list[str]) -> None:
    for each in staged.values():
        each.discard()
    for path in reversed(made):
        with suppress(OperationFailed):
            files.remove(path)


def _back_up(steps: list, states: Mapping[str, FileState], backup_name: Callable[[str], str]) -> dict[str, str]:
    backups = {}
    for step in steps:
        if step.kind in _BACKUP_KINDS and states[step.path].kind == "file":
            backups[step.path] = backup_name(step.path)
            files.back_up(states[step.path], backups[step.path])
    return backups


def _commit(steps: list, staged: dict[str, files.Staged], states: Mapping[str, FileState]) -> None:
    done: list[str] = []
    try:
        for step in steps:
            _do(step, staged, states[step.path])
            done.append(step.path)
    except KvmError as error:
        error.details["changed_paths"] = done
        error.next_step = error.next_step or "remove the cause and run again: what is already replaced is complete"
        raise
    finally:
        for each in staged.values():
            each.discard()


def _do(step, staged: dict[str, files.Staged], state: FileState) -> None:
    if step.kind == "write":
        staged[step.path].commit()
    elif step.kind == "directory":
        files.sync_directory_of(step.path)
    elif step.kind == "link":
        files.make_link(step.path, step.target, state)
    elif step.kind == "remove":
        files.remove(step.path, state)
    elif step.kind == "attributes":
        files.set_attributes(step.path, step.mode, step.uid, step.gid)


def fetch(paths: Iterable[str]) -> dict[str, FileState]:
    """The state of each path, links not followed."""
    return {path: files.inspect(path) for path in paths}


def present_parents(paths: Iterable[str]) -> set[str]:
    """Those directories above `paths` that are there."""
    return {parent for parent in map(posixpath.dirname, paths) if files.is_directory(parent)}
