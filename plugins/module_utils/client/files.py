# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads and replaces files. A replacement is complete or not there at all, and survives a power cut."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import shutil
import stat
import tempfile
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError, OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.file import FileState

_SELINUX = "security.selinux"


def inspect(path: str) -> FileState:
    """What is at `path`, a link not followed. Raises OperationFailed if it cannot be read."""
    try:
        found = os.lstat(path)
        kind = _kind(found.st_mode)
        content = _read(path) if kind == "file" else None
        target = os.readlink(path) if kind == "link" else None
    except (FileNotFoundError, NotADirectoryError):
        return FileState(path)
    except OSError as error:
        raise OperationFailed(f"{path} cannot be read", observed=error.strerror, next_step="run with become, or correct the file's permissions") from error
    return FileState(path, kind, content, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, target)


def resolve(path: str) -> str:
    """The path behind links: editing /etc/resolv.conf means editing the file that it points to."""
    return os.path.realpath(path)


def is_directory(path: str) -> bool:
    return os.path.isdir(path)


def find_uid(owner: Optional[str]) -> Optional[int]:
    """User name or number -> uid. Raises InputError for a user that the host does not have."""
    if owner is None or owner.isdigit():
        return None if owner is None else int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise InputError(f"the host has no user {owner}", next_step="install the package that makes it, or correct the name") from None


def find_gid(group: Optional[str]) -> Optional[int]:
    """Group name or number -> gid. Raises InputError for a group that the host does not have."""
    if group is None or group.isdigit():
        return None if group is None else int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise InputError(f"the host has no group {group}", next_step="install the package that makes it, or correct the name") from None


class Staged:
    """A new content that lies beside the file it will replace. Leave it by `commit` or `discard`."""

    def __init__(self, path: str, content: bytes, mode: int, uid: Optional[int], gid: Optional[int]) -> None:
        """Write and sync the content next to `path`; the old file stays as it is. Raises OperationFailed."""
        self.path = path
        self._temporary = ""
        try:
            handle, self._temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(path))
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                _own(file.fileno(), uid, gid)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            _copy_selinux_context(path, self._temporary)
        except OSError as error:
            self.discard()
            raise OperationFailed(f"{path} cannot be written", observed=error.strerror, next_step="look at free space and mount options") from error

    def commit(self) -> None:
        """Put the new content in the file's place."""
        try:
            os.replace(self._temporary, self.path)
            _sync_directory(os.path.dirname(self.path))
        except OSError as error:
            if error.errno == errno.EBUSY:
                # A file that is a mount point itself (/etc/hosts in a container) can only be written in place.
                self._write_in_place()
            else:
                raise OperationFailed(f"{self.path} cannot be replaced", observed=error.strerror) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was staged, if it is still there."""
        if self._temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)

    def _write_in_place(self) -> None:
        with open(self._temporary, "rb") as source, open(self.path, "wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())


def make_directory(path: str, mode: int, uid: Optional[int], gid: Optional[int]) -> None:
    """Make one directory. Its parent must be there."""
    try:
        os.mkdir(path)
        os.chmod(path, mode)
        _own(path, uid, gid)
    except OSError as error:
        raise OperationFailed(f"the directory {path} cannot be made", observed=error.strerror) from error


def make_link(path: str, target: str) -> None:
    """Make or replace a symbolic link in one step."""
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    try:
        os.symlink(target, temporary)
        os.replace(temporary, path)
        _sync_directory(os.path.dirname(path))
    except OSError as error:
        raise OperationFailed(f"the link {path} cannot be made", observed=error.strerror) from error


def remove(path: str) -> None:
    """Remove a file or a link; a directory only when it is empty."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OperationFailed(f"{path} cannot be removed", observed=error.strerror) from error


def set_attributes(path: str, mode: Optional[int], uid: Optional[int], gid: Optional[int]) -> None:
    """Change mode and ownership; None leaves one as it is."""
    try:
        _own(path, uid, gid)
        if mode is not None:  # after the owner: chown clears the setuid bits
            os.chmod(path, mode)
    except OSError as error:
        raise OperationFailed(f"mode or owner of {path} cannot be set", observed=error.strerror, next_step="run with become") from error


def back_up(path: str, backup: str) -> None:
    """Copy a file with its mode and owner to `backup`, on disk when this returns."""
    found = os.lstat(path)
    Staged(backup, _read(path), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid).commit()


@contextlib.contextmanager
def scratch_copy(content: bytes):
    """A file readable by us alone that holds `content`, for a program that validates it; yields its path."""
    with tempfile.TemporaryDirectory(prefix="cloudstack-kvm-") as directory:
        path = os.path.join(directory, "candidate")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield path


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _own(target, uid: Optional[int], gid: Optional[int]) -> None:
    if uid is not None or gid is not None:
        os.chown(target, -1 if uid is None else uid, -1 if gid is None else gid)


def _copy_selinux_context(source: str, target: str) -> None:
    """Keep the label of the file that is replaced; a new file has got its directory's by the kernel."""
    with contextlib.suppress(OSError):  # no SELinux, or no file yet
        os.setxattr(target, _SELINUX, os.getxattr(source, _SELINUX))


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
