# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An NFS export tried from user space with libnfs: no mount, so nothing can hang or be left behind on the host."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError

PORT = 2049
# Version 3 tells owners as numbers; version 4 as names, which libnfs cannot always translate back.
VERSIONS = (3, 4)
STEPS = ("mount", "write", "rename", "chown", "read", "remove")
CONTENT = b"cloudstack.kvm\n"
OTHER = 1  # any user but root and nobody: only root may give a file to somebody else
# struct nfs_stat_64: dev, ino, mode, nlink, uid, gid, ... all 64 bits wide
STAT_WORDS = 32
UID = 4
# libnfs 5 has soname 14; libnfs 6 (LIBNFS_API_V2) has 16, and its read and write take the buffer before the size.
BUFFER_FIRST = 15
_SONAME = re.compile(r"\.so\.([0-9]+)")


class Refused(Exception):
    """The server, or the way to it, refused a step; the text is libnfs's."""


@dataclass(frozen=True)
class Attempt:
    """What root could do on the export. `steps` are milliseconds, None for those that did not happen.

    `uid_seen` is the owner of the file that root made, None if it cannot be seen.
    """

    version: int
    steps: Mapping[str, Optional[float]]
    failed_step: str = ""
    text: str = ""
    uid_seen: Optional[int] = None


def library() -> Optional[ctypes.CDLL]:
    """libnfs, None where it is not installed."""
    name = ctypes.util.find_library("nfs")
    if name is None:
        return None
    lib = ctypes.CDLL(name)
    context, path, handle = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    lib.nfs_init_context.restype = context
    lib.nfs_get_error.restype = path
    for function in ("destroy_context", "set_version", "set_uid", "set_gid", "set_timeout", "get_error"):
        getattr(lib, f"nfs_{function}").argtypes = [context] + [ctypes.c_int] * (function.startswith("set"))
    lib.nfs_mount.argtypes = lib.nfs_rename.argtypes = [context, path, path]
    lib.nfs_creat.argtypes = lib.nfs_open.argtypes = [context, path, ctypes.c_int, ctypes.POINTER(handle)]
    lib.nfs_stat64.argtypes = [context, path, ctypes.c_void_p]
    lib.nfs_chown.argtypes = [context, path, ctypes.c_int, ctypes.c_int]
    lib.nfs_unlink.argtypes = [context, path]
    lib.nfs_close.argtypes = [context, handle]
    version = _SONAME.search(name)
    lib.buffer_first = version is not None and int(version.group(1)) >= BUFFER_FIRST  # type: ignore[attr-defined]
    sized: list[Any] = [ctypes.c_char_p, ctypes.c_size_t] if lib.buffer_first else [ctypes.c_uint64, ctypes.c_char_p]
    lib.nfs_write.argtypes = lib.nfs_read.argtypes = [context, handle, *sized]
    return lib


def reachable(server: str, timeout: float) -> str:
    """Why the server's NFS port cannot be reached, "" if it can."""
    try:
        socket.create_connection((server, PORT), timeout=timeout).close()
    except OSError as error:
        return str(error)
    return ""


def try_export(server: str, path: str, name: str, timeout: float, write: bool) -> Attempt:
    """Open the export as root and, with `write`, do to a file `name` there what CloudStack does to volumes, and remove
    it again.

    `timeout` is in seconds. The first version that can open the export decides.
    """
    lib = library()
    if lib is None:
        raise CommandError(
            "libnfs is not installed", expected="the library libnfs", observed="none", next_step="install libnfs-utils"
        )
    down = reachable(server, timeout)
    if down:
        return Attempt(0, dict.fromkeys(STEPS), "mount", f"port {PORT} of {server}: {down}")
    attempts = []
    for version in VERSIONS:
        with _context(lib, version, timeout) as nfs:
            attempts.append(_attempt(_Share(lib, nfs, version, f"/{name}"), server, path, write))
        if attempts[-1].failed_step != "mount":
            return attempts[-1]
    return Attempt(0, dict.fromkeys(STEPS), "mount", "; ".join(f"NFSv{each.version}: {each.text}" for each in attempts))


class _Share:
    """One export that is opened, and the file that is tried on it."""

    def __init__(self, lib: Any, nfs: int, version: int, name: str) -> None:
        self.lib = lib
        self.nfs = nfs
        self.version = version
        self.name = name.encode()
        self.there = False
        self.owner: Optional[int] = None

    def mount(self, server: str, path: str) -> None:
        self._done(self.lib.nfs_mount(self.nfs, server.encode(), path.encode()))

    def write(self) -> None:
        with self._handle(lambda handle: self.lib.nfs_creat(self.nfs, self.name, 0o600, handle)):
            self.there = True  # libnfs 4 cannot write to what it created with NFSv4: NFS4ERR_OPENMODE
        with self._handle(lambda handle: self.lib.nfs_open(self.nfs, self.name, os.O_WRONLY, handle)) as handle:
            if self._done(self.lib.nfs_write(self.nfs, handle, *self._sized(CONTENT))) != len(CONTENT):
                raise Refused("the server took only a part of what was written")

    def look(self) -> None:
        stat = (ctypes.c_uint64 * STAT_WORDS)()
        self._done(self.lib.nfs_stat64(self.nfs, self.name, stat))
        self.owner = int(stat[UID]) if self.version == 3 else None

    def rename(self) -> None:
        self._done(self.lib.nfs_rename(self.nfs, self.name, self.name + b".renamed"))
        self.name += b".renamed"

    def chown(self) -> None:
        try:
            self._done(self.lib.nfs_chown(self.nfs, self.name, OTHER, OTHER))
        except Refused as error:
            # A server of version 4 that knows owners by name alone: the kernel's client then sends names, libnfs
            # cannot.
            if "BADOWNER" not in str(error):
                raise

    def read(self) -> None:
        buffer = ctypes.create_string_buffer(len(CONTENT))
        with self._handle(lambda handle: self.lib.nfs_open(self.nfs, self.name, os.O_RDONLY, handle)) as handle:
            self._done(self.lib.nfs_read(self.nfs, handle, *self._sized(buffer)))
        if buffer.raw != CONTENT:
            raise Refused("the file does not say what was written into it")

    def remove(self) -> None:
        self._done(self.lib.nfs_unlink(self.nfs, self.name))
        self.there = False

    def clean_up(self) -> str:
        """Remove the file if it is there; says what could not be removed."""
        if self.there and self.lib.nfs_unlink(self.nfs, self.name) < 0:
            return f"; the file {self.name.decode()} is left behind"
        return ""

    def _sized(self, buffer: Any) -> tuple[Any, Any]:
        return (buffer, len(CONTENT)) if self.lib.buffer_first else (len(CONTENT), buffer)

    @contextmanager
    def _handle(self, opened: Callable[[Any], int]) -> Iterator[ctypes.c_void_p]:
        handle = ctypes.c_void_p()
        self._done(opened(ctypes.byref(handle)))
        try:
            yield handle
        except Refused:
            self.lib.nfs_close(self.nfs, handle)
            raise
        self._done(self.lib.nfs_close(self.nfs, handle))  # the server's disk may be full only now

    def _done(self, status: int) -> int:
        if status < 0:
            raise Refused((self.lib.nfs_get_error(self.nfs) or b"no reason given").decode(errors="replace").strip())
        return status


def _attempt(share: _Share, server: str, path: str, write: bool) -> Attempt:
    steps: dict[str, Optional[float]] = dict.fromkeys(STEPS)
    for step in STEPS if write else STEPS[:1]:
        began = time.monotonic()
        try:
            share.mount(server, path) if step == "mount" else getattr(share, step)()
            steps[step] = round((time.monotonic() - began) * 1000, 1)
            if step == "write":
                share.look()
        except Refused as error:
            return Attempt(share.version, steps, step, f"{error}{share.clean_up()}", share.owner)
    return Attempt(share.version, steps, uid_seen=share.owner)


@contextmanager
def _context(lib: Any, version: int, timeout: float) -> Iterator[int]:
    nfs = lib.nfs_init_context()
    try:
        lib.nfs_set_version(nfs, version)
        lib.nfs_set_uid(nfs, 0)
        lib.nfs_set_gid(nfs, 0)
        lib.nfs_set_timeout(nfs, int(timeout * 1000))
        yield nfs
    finally:
        lib.nfs_destroy_context(nfs)
