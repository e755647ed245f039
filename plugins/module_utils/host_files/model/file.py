# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file as a value: what is there, and what shall be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class FileState:
    """What was found at a path. `kind` is absent, file, directory, link or other (device, socket).

    `mode` holds the permission bits, `content` is set for files alone, `target` for links alone, `entries`
    (the names in it, sorted) for directories alone.
    """

    path: str
    kind: str = "absent"
    content: Optional[bytes] = None
    mode: Optional[int] = None
    uid: Optional[int] = None
    gid: Optional[int] = None
    target: Optional[str] = None
    entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileGoal:
    """What shall be at a path. None means: leave as it is (for a new file: root's defaults, 0644 and 0755).

    `state` is present, absent, link or directory. Exactly one of `content`, `settings` and `lines` says what a present
    file holds; with none of them only mode and ownership are looked after. `secret` keeps the content out of every
    diff.
    """

    path: str
    state: str = "present"
    content: Optional[str] = None
    settings: Optional[dict] = None
    format: str = "ini_flat"
    lines: tuple[str, ...] = ()
    lines_absent: tuple[str, ...] = ()
    target: Optional[str] = None
    mode: Optional[int] = None
    uid: Optional[int] = None
    gid: Optional[int] = None
    validate: Optional[str] = None
    create: bool = True
    secret: bool = False
