# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder of a cluster's reports: files of one run at a time, and the marks of runs that began and have not ended.

Every file is written beside its target, synced, and renamed. A lock holds two writers, or a writer and a reader, apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client.files import Staged

REPORT, FACTS, UNFINISHED, LOCK = (
    "preflight.json",
    "preflight.facts.json",
    "preflight.unfinished.json",
    ".preflight.lock",
)
PRIVATE = 0o600


def begin(folder: str, run_id: str, at: str, by: str) -> None:
    """Mark that a run has begun: until `end`, the report in the folder says nothing about now. Raises InputError where
    it cannot be written.
    """
    with locked(folder):
        _write_marks(folder, {**(_marks(folder) or {}), run_id: {"at": at, "by": by}})


def end(folder: str, run_id: str, *, judged: bool) -> None:
    """Take the mark of a run away. `judged`: its report is there, so those of runs that began before it go too. Call it
    inside `locked`.
    """
    marks = _marks(folder) or {}
    own = marks.pop(run_id, None)
    if judged:
        marks = {run: mark for run, mark in marks.items() if own and str(mark.get("at")) > str(own.get("at"))}
    _write_marks(folder, marks)


def write_all(folder: str, texts: Mapping[str, str], private: tuple[str, ...] = ()) -> None:
    """Replace files by name, in this order, after all of them have been written. Those in `private` are for the owner
    alone. Call it inside `locked`.

    Raises InputError where that is not possible: then the files of before are still there.
    """
    with contextlib.ExitStack() as staged, _in_words(folder):
        files = []
        for name, text in texts.items():
            # A host's output may hold what UTF-8 cannot say; in JSON the escape stands for the same character.
            content = text.encode("utf-8", "backslashreplace")
            files.append(
                Staged(os.path.join(folder, name), content, PRIVATE if name in private else _public(), None, None)
            )
            staged.callback(files[-1].discard)
        for file in files:
            file.commit()


@contextlib.contextmanager
def locked(folder: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder's lock. A reader (`shared`) goes on without one where there is none: a folder that was copied, or
    that it may not write.
    """
    path = os.path.join(folder, LOCK)
    with _in_words(folder), contextlib.ExitStack() as opened:
        if not shared:
            os.makedirs(folder, exist_ok=True)
        with contextlib.suppress(*((OSError,) if shared else ())):
            handle = os.open(path, os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT, 0o644)
            opened.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def read_json(folder: str, name: str) -> Any:
    """What a file holds; None if there is none. Raises InputError for one that cannot be read or is not JSON (NaN and
    Infinity are not).
    """
    path = os.path.join(folder, name)
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file, parse_constant=_refuse)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        next_step = "run ansible-playbook cloudstack.kvm.preflight again, as the user who adds the hosts"
        raise InputError(
            "cannot read what the pre-flight left", observed=f"{path}: {error}", next_step=next_step
        ) from error


def unfinished(folder: str) -> list[str]:
    """When and by whom each run was begun that has not ended."""
    marks = _marks(folder)
    if marks is None:
        return [f"{UNFINISHED} cannot be read"]
    return [f"{mark.get('at')} by {mark.get('by')}" for mark in marks.values()]


def _marks(folder: str) -> Optional[dict[str, Mapping[str, Any]]]:
    """Run id -> mark; None for a file that does not say it."""
    try:
        marks = read_json(folder, UNFINISHED)
    except InputError:
        return None
    marks = {} if marks is None else marks
    if not isinstance(marks, dict) or not all(isinstance(mark, dict) for mark in marks.values()):
        return None
    return marks


def _write_marks(folder: str, marks: Mapping[str, Any]) -> None:
    if marks:
        write_all(folder, {UNFINISHED: json.dumps(marks, indent=1, sort_keys=True) + "\n"})
    else:
        with _in_words(folder), contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, UNFINISHED))


def _public() -> int:
    """The mode of a new file that every user may read whom the umask does not exclude."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask


@contextlib.contextmanager
def _in_words(folder: str) -> Iterator[None]:
    try:
        yield
    except (OSError, OperationFailed) as error:
        observed = error.observed if isinstance(error, OperationFailed) else str(error)
        raise InputError(
            f"the report cannot be written to {folder}",
            observed=observed,
            next_step="set preflight_report_dir to a folder that you may write",
        ) from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number that JSON knows")
