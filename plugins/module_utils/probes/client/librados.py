# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pool of a Ceph cluster tried from user space with librados: no mapped image, nothing of libvirt's on the host."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.pools import PoolRefused

CONTENT = b"cloudstack.kvm\n"
CHARS, HANDLE, SIZE = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t
ARGUMENTS = {
    "create": [ctypes.POINTER(HANDLE), CHARS],
    "conf_set": [HANDLE, CHARS, CHARS],
    "connect": [HANDLE],
    "ioctx_create": [HANDLE, CHARS, ctypes.POINTER(HANDLE)],
    "write_full": [HANDLE, CHARS, CHARS, SIZE],
    "read": [HANDLE, CHARS, CHARS, SIZE, ctypes.c_uint64],
    "remove": [HANDLE, CHARS],
    "ioctx_destroy": [HANDLE],
    "shutdown": [HANDLE],
}
# What libvirt sets for a pool (storage_backend_rbd.c), with 30 seconds there
TIMEOUTS = ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout")


def library() -> Optional[ctypes.CDLL]:
    """librados, None where it is not installed."""
    name = ctypes.util.find_library("rados")
    if name is None:
        return None
    lib = ctypes.CDLL(name)
    for function, arguments in ARGUMENTS.items():
        getattr(lib, f"rados_{function}").argtypes = arguments
    for function in ("ioctx_destroy", "shutdown"):
        getattr(lib, f"rados_{function}").restype = None
    return lib


def try_pool(
    lib: Any, monitors: str, pool: str, account: tuple[str, str], timeout: float, name: str
) -> dict[str, float]:
    """Log in to the monitors (separated by commas) as `account` (user, key), open the pool and, with a `name`, write an
    object there, read and remove it; milliseconds by step.

    `timeout` is in seconds, for each answer. Raises PoolRefused.
    """
    steps: dict[str, float] = {}
    with _quiet(), _cluster(lib, monitors, account, timeout) as cluster:
        _timed(steps, "login", lambda: lib.rados_connect(cluster))
        with _opened(lib, cluster, pool, steps) as opened:
            if name:
                _write(lib, opened, name.encode(), steps)
    return steps


def _write(lib: Any, opened: ctypes.c_void_p, name: bytes, steps: dict[str, float]) -> None:
    _timed(steps, "write", lambda: lib.rados_write_full(opened, name, CONTENT, len(CONTENT)))
    try:
        buffer = ctypes.create_string_buffer(len(CONTENT))
        _timed(steps, "read", lambda: lib.rados_read(opened, name, buffer, len(CONTENT), 0))
        if buffer.raw != CONTENT:
            raise PoolRefused("read", "the object does not say what was written into it")
    except PoolRefused:
        lib.rados_remove(opened, name)
        raise
    _timed(steps, "remove", lambda: lib.rados_remove(opened, name))


@contextmanager
def _quiet() -> Iterator[None]:
    """librados logs to standard error before its options count, and keys that it cannot read among it."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


@contextmanager
def _cluster(lib: Any, monitors: str, account: tuple[str, str], timeout: float) -> Iterator[ctypes.c_void_p]:
    cluster = HANDLE()
    user, key = account
    _done("login", lib.rados_create(ctypes.byref(cluster), user.encode()))
    options = {**dict.fromkeys(TIMEOUTS, str(max(1, int(timeout)))), "mon_host": monitors, "key": key}
    try:
        for option, value in options.items():
            # An option that this release does not have is none that a proof depends on.
            lib.rados_conf_set(cluster, option.encode(), value.encode())
        yield cluster
    finally:
        lib.rados_shutdown(cluster)


@contextmanager
def _opened(lib: Any, cluster: ctypes.c_void_p, pool: str, steps: dict[str, float]) -> Iterator[ctypes.c_void_p]:
    opened = HANDLE()
    _timed(steps, "pool", lambda: lib.rados_ioctx_create(cluster, pool.encode(), ctypes.byref(opened)))
    try:
        yield opened
    finally:
        lib.rados_ioctx_destroy(opened)


def _timed(steps: dict[str, float], step: str, call: Callable[[], int]) -> None:
    began = time.monotonic()
    _done(step, call())
    steps[step] = round((time.monotonic() - began) * 1000, 1)


def _done(step: str, status: int) -> None:
    """librados answers with the negative number of an error."""
    if status < 0:
        raise PoolRefused(step, f"{os.strerror(-status)} (librados: {status})")
