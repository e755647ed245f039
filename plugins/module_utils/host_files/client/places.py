# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a path leads, walked directory by directory: no link is followed that an account without our rights could have
put there.

Whoever may write a directory may swap whatever lies below it at any time. So all work on a file is done relative to a
descriptor of its directory, which stays the same directory whatever happens to its name (openat(2), "Rationale").
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from types import TracebackType
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINKS = 40  # as the kernel's own limit, path_resolution(7)


class Place:
    """The directory of a path, held open, and the name in it. Close it, or use it in a `with`.

    `exposed` says that another account may write the directory or one above it. Raises OSError, and InputError for a
    link there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.exposed = False
        self.parents: list[str] = []
        self._hops = 0
        self.directory = os.open("/", _DIRECTORY)
        try:
            self.name = self._walk(deque(part for part in path.split("/") if part not in ("", ".")))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.directory)

    def link_target(self) -> Optional[str]:
        """What the link of this name points to, None for anything else."""
        try:
            return os.readlink(self.name, dir_fd=self.directory)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def refuse_link(self) -> InputError:
        """The error for a link, or a second name of a file, that is not followed."""
        return InputError(
            f"{self.path} leads through a link that another account may have put there",
            expected=(
                "plain directories and a plain file with one name:"
                " the directory is writable for an account other than root"
            ),
            observed=f"{'/' + '/'.join(self.parents)}/{self.name} is a link, or a file with further names",
            next_step="look at it, remove it, and run again",
            reproduce=f"namei -l {self.path}",
        )

    def _walk(self, parts: deque[str]) -> str:
        """Open all directories but the last name, which is returned."""
        while len(parts) > 1:
            self.name = parts.popleft()
            self._judge()
            try:
                self._enter(self.name)
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                self._follow(parts)
        self.name = parts[0] if parts else "."
        self._judge()
        if self.name == "..":
            self._enter(self.name)
            self.name = "."
        return self.name

    def _judge(self) -> None:
        found = os.fstat(self.directory)
        self.exposed = self.exposed or not (is_ours(found) or _is_sticky(found) and self._is_name_ours())

    def _is_name_ours(self) -> bool:
        """Whether the name belongs to root or us, or is not there: in a sticky directory (/tmp) no other account can
        then swap it."""
        try:
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False).st_uid in (0, os.geteuid())
        except FileNotFoundError:
            return True

    def _enter(self, name: str) -> None:
        inner = os.open(name, _DIRECTORY, dir_fd=self.directory)
        os.close(self.directory)
        self.directory = inner
        if name != "..":
            self.parents.append(name)
        elif self.parents:
            self.parents.pop()

    def _follow(self, parts: deque[str]) -> None:
        """Put what a link points to in front of the parts that are left."""
        target = self.link_target()
        if target is None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.path)
        if self.exposed:
            raise self.refuse_link()
        self._hops += 1
        if self._hops > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self.path)
        if target.startswith("/"):
            os.close(self.directory)
            self.directory, self.parents = os.open("/", _DIRECTORY), []
        parts.extendleft(reversed([part for part in target.split("/") if part not in ("", ".")]))


def is_ours(directory: os.stat_result) -> bool:
    """Whether only root and we can make or swap names in this directory. An access list shows in the bits of the
    group."""
    trusted = (0, os.geteuid())
    by_group = directory.st_mode & stat.S_IWGRP and directory.st_gid != 0
    return directory.st_uid in trusted and not by_group and not directory.st_mode & stat.S_IWOTH


def _is_sticky(directory: os.stat_result) -> bool:
    return bool(directory.st_mode & stat.S_ISVTX) and directory.st_uid in (0, os.geteuid())


def resolve(path: str) -> str:
    """The path behind its links: editing /etc/resolv.conf means editing the file that it points to. Missing parts stay
    as given.

    Raises InputError for a link that another account may have put there.
    """
    for _hop in range(_LINKS):
        try:
            with Place(path) as place:
                target = place.link_target()
                if target is None:
                    return "/" + "/".join([*place.parents, *([] if place.name == "." else [place.name])])
                if place.exposed:
                    raise place.refuse_link()
                path = os.path.join("/", *place.parents, target)
        except (FileNotFoundError, NotADirectoryError):
            return os.path.normpath(path)
    raise InputError(f"{path} is a link that leads in circles", next_step="remove it")
