# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An NFS export tried from user space with libnfs: no mount, so nothing can hang or be left behind on the host."""

from __future__ import annotations

import ctypes
import ctypes.util
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import CommandError

PORT = 2049
# Version 3 tells owners as numbers; version 4 as names, which libnfs cannot always translate back.
VERSIONS = (3, 4)
# struct nfs_stat_64: dev, ino, mode, nlink, uid, gid, ... all 64 bits wide
STAT_WORDS = 32
UID = 4


@dataclass(frozen=True)
class Attempt:
    """What root could do on the export: `step` is open, opened, write or written. `owner` of what was made, -1 if it can't be seen."""

    version: int
    step: str
    owner: int
    error: str


def library() -> Optional[ctypes.CDLL]:
    """libnfs, None where it is not installed."""
    name = ctypes.util.find_library("nfs")
    if name is None:
        return None
    lib = ctypes.CDLL(name)
    lib.nfs_init_context.restype = ctypes.c_void_p
    lib.nfs_get_error.restype = ctypes.c_char_p
    for function in ("destroy_context", "set_version", "set_uid", "set_gid", "set_timeout", "get_error"):
        getattr(lib, f"nfs_{function}").argtypes = [ctypes.c_void_p] + [ctypes.c_int] * (function.startswith("set"))
    lib.nfs_mount.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    lib.nfs_mkdir.argtypes = lib.nfs_rmdir.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.nfs_stat64.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return lib


def reachable(server: str, timeout: float) -> str:
    """Why the server's NFS port cannot be reached, "" if it can."""
    try:
        socket.create_connection((server, PORT), timeout=timeout).close()
    except OSError as error:
        return str(error)
    return ""


def try_export(server: str, path: str, name: str, timeout: float, write: bool) -> Attempt:
    """Open the export as root and, with `write`, make the directory `name` there and remove it again.

    `timeout` is in seconds. The first version that can open the export decides.
    """
    lib = library()
    if lib is None:
        raise CommandError("libnfs is not installed", expected="the library libnfs", observed="none", next_step="install libnfs-utils")
    attempts = []
    for version in VERSIONS:
        attempts.append(_attempt(lib, version, server, path, f"/{name}", timeout, write))
        if attempts[-1].step != "open":
            return attempts[-1]
    return attempts[-1]


def _attempt(lib: ctypes.CDLL, version: int, server: str, path: str, probe: str, timeout: float, write: bool) -> Attempt:
    with _context(lib, version, timeout) as nfs:
        if lib.nfs_mount(nfs, server.encode(), path.encode()) < 0:
            return Attempt(version, "open", -1, _error(lib, nfs))
        if not write:
            return Attempt(version, "opened", -1, "")
        if lib.nfs_mkdir(nfs, probe.encode()) < 0:
            return Attempt(version, "write", -1, _error(lib, nfs))
        stat = (ctypes.c_uint64 * STAT_WORDS)()
        seen = lib.nfs_stat64(nfs, probe.encode(), stat)
        error = "" if seen >= 0 else _error(lib, nfs)
        if lib.nfs_rmdir(nfs, probe.encode()) < 0:
            error = error or _error(lib, nfs)
        return Attempt(version, "written", int(stat[UID]) if seen >= 0 and version == 3 else -1, error)


@contextmanager
def _context(lib: ctypes.CDLL, version: int, timeout: float) -> Iterator[int]:
    nfs = lib.nfs_init_context()
    try:
        lib.nfs_set_version(nfs, version)
        lib.nfs_set_uid(nfs, 0)
        lib.nfs_set_gid(nfs, 0)
        lib.nfs_set_timeout(nfs, int(timeout * 1000))
        yield nfs
    finally:
        lib.nfs_destroy_context(nfs)


def _error(lib: ctypes.CDLL, nfs: int) -> str:
    return (lib.nfs_get_error(nfs) or b"no reason given").decode(errors="replace").strip()
