# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The new password on the controller's disk, there before any BMC may have it. Only its owner can read it."""

from __future__ import annotations

import os
import secrets
import stat
import string

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, OperationFailed

PENDING = ".pending"  # behind the name while a rotation is not finished
LENGTH = 16  # bytes: what CloudStack's API and every BMC keep
# Vendors ask for several kinds of characters; none of these means anything to a shell or to ipmitool.
KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.")


class PasswordFile:
    """`path` holds the password of a finished rotation, `path`.pending that of one in progress."""

    def __init__(self, path: str) -> None:
        self.path, self.pending = path, path + PENDING

    def is_pending(self) -> bool:
        """Whether a rotation is in progress: a BMC may have its password."""
        return os.path.exists(self.pending)

    def is_finished(self) -> bool:
        """Whether a rotation into this file is complete, and none is in progress."""
        return os.path.exists(self.path) and not self.is_pending()

    def finished(self) -> str:
        return _read(self.path)

    def begin(self) -> str:
        """The password of the rotation in progress, else a new one. Returns only when it is on the disk."""
        if self.is_pending():
            return _read(self.pending)
        password = new_password()
        part = f"{self.pending}.{secrets.token_hex(4)}"
        try:
            _write(part, password)
            os.rename(part, self.pending)
            _sync_folder(self.path)
        except OSError as error:
            raise OperationFailed(
                "the new password cannot be kept on the controller, so nothing was changed",
                expected=f"{self.pending}, written",
                observed=error.strerror,
                next_step="create its folder, or choose another one (new_password_file)",
            ) from error
        return password

    def finish(self) -> None:
        """The rotation in progress is complete."""
        os.rename(self.pending, self.path)
        _sync_folder(self.path)

    def give_up(self) -> None:
        """The password of the rotation in progress is in use nowhere."""
        os.unlink(self.pending)


def new_password() -> str:
    """LENGTH random characters, of each kind at least one."""
    every = "".join(KINDS)
    while True:
        password = "".join(secrets.choice(every) for _letter in range(LENGTH))
        if password[0].isalnum() and all(any(each in kind for each in password) for kind in KINDS):
            return password


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            password = file.read().rstrip("\n")
    except OSError as error:
        raise OperationFailed(f"{path} cannot be read", observed=error.strerror) from error
    if mode & 0o077:
        raise InputError(
            f"others can read {path}",
            expected="mode 0600",
            observed=f"mode {mode:04o}",
            next_step=f"chmod 600 {path}; if others have read it, remove it and rotate again",
        )
    if not password:
        raise InputError(f"{path} is empty", expected="a password", observed="nothing", next_step=f"remove {path}")
    return password


def _write(path: str, password: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: str) -> None:
    """A name survives a power cut only when its folder is on the disk too."""
    handle = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
