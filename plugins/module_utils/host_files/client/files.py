# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads and replaces files. A replacement is complete or not there at all, and survives a power cut."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client.places import Place
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState

_SELINUX = "security.selinux"
_MARK = ".cloudstack-kvm."  # in the names of files that are about to replace others


def inspect(path: str) -> FileState:
    """What is at `path`, a link not followed. Raises OperationFailed if it cannot be read, InputError for a link that
    is not ours."""
    try:
        with Place(path) as place:
            return _state(place)
    except (FileNotFoundError, NotADirectoryError):
        return FileState(path)
    except OSError as error:
        raise OperationFailed(
            f"{path} cannot be read",
            observed=error.strerror,
            next_step="run with become, or correct the file's permissions",
        ) from error


def _state(place: Place) -> FileState:
    """What is at a place now. Raises OSError."""
    try:
        found = os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    except FileNotFoundError:
        return FileState(place.path)
    kind = _kind(found.st_mode)
    content: Optional[bytes] = None
    entries: tuple[str, ...] = ()
    if kind in ("file", "directory"):
        with _opened(place) as handle:
            found = os.fstat(handle)
            kind = _kind(found.st_mode)
            content = _content(handle) if kind == "file" else None
            entries = tuple(sorted(os.listdir(handle))) if kind == "directory" else ()
    # It may be another account's file, and would be given away.
    if kind == "file" and place.exposed and found.st_nlink > 1:
        raise place.refuse_link()
    target = place.link_target() if kind == "link" else None
    return FileState(
        place.path, kind, content, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, target, entries
    )


@contextlib.contextmanager
def _opened(place: Place) -> Iterator[int]:
    """The file or directory of a place for reading, and nothing that has been put there instead: no link, no pipe that
    never answers."""
    handle = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.directory)
    try:
        yield handle
    finally:
        os.close(handle)


def _content(handle: int) -> bytes:
    with os.fdopen(os.dup(handle), "rb") as file:
        return file.read()


def is_directory(path: str) -> bool:
    return os.path.isdir(path)


@contextlib.contextmanager
def locked(clock: Any, seconds: float = 120) -> Iterator[None]:
    """Between reading files and having replaced them only one of our runs is at work on a host. Raises OperationFailed
    after `seconds`."""
    handle = _open_lock()
    deadline = clock.monotonic() + seconds
    try:
        while not _take(handle):
            if clock.monotonic() >= deadline:
                raise OperationFailed(
                    "another run is writing files of this host",
                    expected=f"its end within {seconds:.0f} s",
                    observed=f"{_lock_path()} is held",
                    next_step="let the other run end, then run again",
                    reproduce=f"fuser -v {_lock_path()}",
                )
            clock.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _lock_path() -> str:
    """A file that only we can open: a directory or a file that others can read, they could hold for ever."""
    return (
        "/run/cloudstack.kvm.lock"
        if os.geteuid() == 0
        else os.path.join(tempfile.gettempdir(), f"cloudstack.kvm.{os.geteuid()}.lock")
    )


def _open_lock() -> int:
    try:
        return os.open(_lock_path(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperationFailed(
            f"{_lock_path()} cannot be made", observed=error.strerror, next_step="look at the mount options of /run"
        ) from error


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def find_uid(owner: Optional[str]) -> Optional[int]:
    """User name or number -> uid. Raises InputError for a user that the host does not have."""
    if owner is None or owner.isdigit():
        return None if owner is None else int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise InputError(
            f"the host has no user {owner}", next_step="install the package that makes it, or correct the name"
        ) from None


def find_gid(group: Optional[str]) -> Optional[int]:
    """Group name or number -> gid. Raises InputError for a group that the host does not have."""
    if group is None or group.isdigit():
        return None if group is None else int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise InputError(
            f"the host has no group {group}", next_step="install the package that makes it, or correct the name"
        ) from None


class ChangedMeanwhile(OperationFailed):
    """Something else wrote a file after it was read; `path` says which. It was not replaced."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was changed by something else while this run was about to replace it",
            expected="the file as it was read",
            observed="another content, mode or owner",
            next_step="run again; if it happens again, see which service or tool writes this file",
        )


class Staged:
    """A new content that lies beside the file it will replace. Leave it by `commit` or `discard`.

    `expected` is the state that the content was made from; None where the file is new and its own (a backup).
    """

    def __init__(
        self,
        path: str,
        content: bytes,
        mode: int,
        uid: Optional[int],
        gid: Optional[int],
        expected: Optional[FileState] = None,
    ) -> None:
        """Write and sync the content next to `path`; the old file stays as it is. Raises OperationFailed."""
        self.path = path
        self._content, self._expected = content, expected
        self._place: Optional[Place] = None
        self._temporary = ""
        try:
            self._place = Place(path)
            self._write(self._place, mode, uid, gid)
        except OSError as error:
            self.discard()
            raise OperationFailed(
                f"{path} cannot be written", observed=error.strerror, next_step="look at free space and mount options"
            ) from error
        except BaseException:
            self.discard()
            raise

    def _write(self, place: Place, mode: int, uid: Optional[int], gid: Optional[int]) -> None:
        _remove_unfinished(place)
        name = _temporary_name(place)
        handle = os.open(
            name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=place.directory
        )
        self._temporary = name
        with os.fdopen(handle, "wb") as file:
            file.write(self._content)
            file.flush()
            _own(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)  # after the owner: chown clears the setuid bits
            _copy_selinux_context(place, file.fileno())
            os.fsync(file.fileno())

    def compare(self) -> None:
        """Raises ChangedMeanwhile where the file is not as it was read."""
        if self._expected is not None:
            try:
                _compare(self._at(), self._expected)
            except OSError as error:
                raise OperationFailed(f"{self.path} cannot be read again", observed=error.strerror) from error

    def commit(self) -> None:
        """Put the new content in the file's place, if that is still as it was read. Raises OperationFailed,
        ChangedMeanwhile."""
        place = self._at()
        try:
            self.compare()
            os.replace(self._temporary, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
            self._temporary = ""
            _sync(place)
        except OSError as error:
            if error.errno == errno.EBUSY:
                # A file that is a mount point itself (/etc/hosts in a container) can only be written in place.
                self._write_in_place(place)
            else:
                raise OperationFailed(f"{self.path} cannot be replaced", observed=error.strerror) from error
        finally:
            self.discard()

    def _at(self) -> Place:
        if self._place is None:
            raise ValueError(f"{self.path}: what was staged is committed or discarded already")
        return self._place

    def discard(self) -> None:
        """Remove what was staged, if it is still there."""
        if self._place is None:
            return
        if self._temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary, dir_fd=self._place.directory)
        self._place.close()
        self._place, self._temporary = None, ""

    def _write_in_place(self, place: Place) -> None:
        handle = os.open(place.name, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.directory)
        with os.fdopen(handle, "wb") as target:
            target.write(self._content)
            target.flush()
            os.fsync(target.fileno())


def make_directory(path: str, mode: int, uid: Optional[int], gid: Optional[int]) -> None:
    """Make one directory. Its parent must be there."""
    try:
        with Place(path) as place:
            os.mkdir(place.name, 0o700, dir_fd=place.directory)
            with _opened(place) as handle:
                _own(handle, uid, gid)
                os.fchmod(handle, mode)
    except OSError as error:
        raise OperationFailed(f"the directory {path} cannot be made", observed=error.strerror) from error


def make_link(path: str, target: str, expected: Optional[FileState] = None) -> None:
    """Make or replace a symbolic link in one step."""
    try:
        with Place(path) as place:
            if expected is not None:
                _compare(place, expected)
            temporary = _temporary_name(place)
            os.symlink(target, temporary, dir_fd=place.directory)
            os.replace(temporary, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
            _sync(place)
    except OSError as error:
        raise OperationFailed(f"the link {path} cannot be made", observed=error.strerror) from error


def remove(path: str, expected: Optional[FileState] = None) -> None:
    """Remove a file or a link; a directory only when it is empty."""
    try:
        with Place(path) as place:
            if expected is not None and expected.kind != "directory":
                _compare(place, expected)
            is_directory = stat.S_ISDIR(os.stat(place.name, dir_fd=place.directory, follow_symlinks=False).st_mode)
            (os.rmdir if is_directory else os.unlink)(place.name, dir_fd=place.directory)
            _sync(place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OperationFailed(f"{path} cannot be removed", observed=error.strerror) from error


def set_attributes(path: str, mode: Optional[int], uid: Optional[int], gid: Optional[int]) -> None:
    """Change mode and ownership; None leaves one as it is."""
    try:
        with Place(path) as place, _opened(place) as handle:
            if place.exposed and stat.S_ISREG(os.fstat(handle).st_mode) and os.fstat(handle).st_nlink > 1:
                raise place.refuse_link()
            _own(handle, uid, gid)
            if mode is not None:  # after the owner: chown clears the setuid bits
                os.fchmod(handle, mode)
    except OSError as error:
        raise OperationFailed(
            f"mode or owner of {path} cannot be set", observed=error.strerror, next_step="run with become"
        ) from error


def sync_directory_of(path: str) -> None:
    """Have the name itself on disk. Raises OperationFailed."""
    try:
        with Place(path) as place:
            _sync(place)
    except OSError as error:
        raise OperationFailed(f"the directory of {path} cannot be written to disk", observed=error.strerror) from error


def write(path: str, content: bytes, mode: int, uid: Optional[int] = None, gid: Optional[int] = None) -> None:
    """Make or replace one file, on disk when this returns. Raises OperationFailed."""
    Staged(path, content, mode, uid, gid).commit()


def back_up(state: FileState, backup: str) -> None:
    """Keep a file that was read, with its mode and owner, as `backup`."""
    write(backup, state.content or b"", state.mode or 0, state.uid, state.gid)


@contextlib.contextmanager
def scratch_copy(content: bytes):
    """A file readable by us alone that holds `content`, for a program that validates it; yields its path."""
    with tempfile.TemporaryDirectory(prefix="cloudstack-kvm-") as directory:
        path = os.path.join(directory, "candidate")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield path


@contextlib.contextmanager
def scratch_tree(contents: Mapping[str, bytes]) -> Iterator[str]:
    """A folder readable by us alone that holds these files (absolute path -> content) as below a root of its own, for a
    program that takes one; yields its path."""
    with tempfile.TemporaryDirectory(prefix="cloudstack-kvm-") as root:
        for path, content in contents.items():
            place = root + os.path.normpath(path)
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
            with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        yield root


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _own(handle: int, uid: Optional[int], gid: Optional[int]) -> None:
    if uid is not None or gid is not None:
        os.fchown(handle, -1 if uid is None else uid, -1 if gid is None else gid)


def _compare(place: Place, expected: FileState) -> None:
    if replace(_state(place), path=expected.path) != expected:
        raise ChangedMeanwhile(place.path)


def _temporary_name(place: Place) -> str:
    return f".{place.name[:150]}{_MARK}{os.urandom(8).hex()}"


def remove_unfinished(path: str) -> None:
    """Remove what a killed run left beside a file that it was about to replace. Raises OperationFailed."""
    try:
        with Place(path) as place:
            _remove_unfinished(place)
    except (FileNotFoundError, NotADirectoryError):  # its folder is gone
        return
    except OSError as error:
        raise OperationFailed(f"the directory of {path} cannot be read", observed=error.strerror) from error


def _remove_unfinished(place: Place) -> None:
    """Remove what a killed run left beside the file. No other run is at it, see `locked`."""
    start = f".{place.name[:150]}{_MARK}"
    for name in _names(place):
        if name.startswith(start) and len(name) == len(start) + 16:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place.directory)


def _names(place: Place) -> list[str]:
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.directory)
    try:
        return os.listdir(handle)
    finally:
        os.close(handle)


def _copy_selinux_context(place: Place, target: int) -> None:
    """Keep the label of the file that is replaced; a new file has got its directory's by the kernel."""
    with contextlib.suppress(OSError), _opened(place) as source:  # no SELinux, or no file yet
        os.setxattr(target, _SELINUX, os.getxattr(source, _SELINUX))


def _sync(place: Place) -> None:
    """The directory's own content, which names are, on disk."""
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.directory)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
