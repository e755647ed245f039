# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A LUN of an iSCSI target tried from user space with libiscsi: no session of the kernel, no device on the host."""

from __future__ import annotations

import ctypes
import ctypes.util
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.pools import LUN, PORTS, PoolRefused

PORT = PORTS["iscsi"][0]
NORMAL_SESSION = 2  # enum iscsi_session_type
GOOD = 0  # SAM-5, section 5.3: status of a command
# The first commands of a session are answered with a unit attention: power on, or changed LUNs (SAM-5, section 5.14).
COMMANDS = 4
ARGUMENTS = {
    "connect_sync": [ctypes.c_void_p, ctypes.c_char_p],
    "login_sync": [ctypes.c_void_p],
    "logout_sync": [ctypes.c_void_p],
    "set_targetname": [ctypes.c_void_p, ctypes.c_char_p],
    "set_session_type": [ctypes.c_void_p, ctypes.c_int],
    "set_timeout": [ctypes.c_void_p, ctypes.c_int],
    "set_noautoreconnect": [ctypes.c_void_p, ctypes.c_int],
    "destroy_context": [ctypes.c_void_p],
}


def library() -> Optional[ctypes.CDLL]:
    """libiscsi, None where it is not installed."""
    name = ctypes.util.find_library("iscsi")
    if name is None:
        return None
    lib = ctypes.CDLL(name)
    for function, arguments in ARGUMENTS.items():
        getattr(lib, f"iscsi_{function}").argtypes = arguments
    lib.iscsi_create_context.argtypes = [ctypes.c_char_p]
    lib.iscsi_create_context.restype = ctypes.c_void_p
    lib.iscsi_get_error.argtypes = [ctypes.c_void_p]
    lib.iscsi_get_error.restype = ctypes.c_char_p
    # struct scsi_task begins with the status of the command
    lib.iscsi_testunitready_sync.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.iscsi_testunitready_sync.restype = ctypes.POINTER(ctypes.c_int)
    lib.scsi_free_scsi_task.argtypes = [ctypes.POINTER(ctypes.c_int)]
    return lib


def try_lun(lib: Any, server: str, target: str, lun: int, initiator: str, timeout: float) -> dict[str, float]:
    """Log in to the target with the host's own initiator name, and ask whether the LUN is ready; milliseconds by step.

    libiscsi makes a random session id, so that a session which the host has with this target stays as it is (RFC 7143,
    section 6.3.5). Nothing is written. Raises PoolRefused.
    """
    steps = {}
    with _context(lib, initiator, target, timeout) as session:
        began = time.monotonic()
        portal = f"[{server}]:{PORT}" if ":" in server else f"{server}:{PORT}"
        if lib.iscsi_connect_sync(session, portal.encode()) or lib.iscsi_login_sync(session):
            raise PoolRefused("login", _error(lib, session))
        steps["login"] = _since(began)
        began = time.monotonic()
        try:
            _await_ready(lib, session, lun)
        finally:
            lib.iscsi_logout_sync(session)
        steps[LUN] = _since(began)
    return steps


def _await_ready(lib: Any, session: int, lun: int) -> None:
    for _command in range(COMMANDS):
        task = lib.iscsi_testunitready_sync(session, lun)
        status = task[0] if task else None
        if task:
            lib.scsi_free_scsi_task(task)
        if status == GOOD:
            return
        if "UNIT_ATTENTION" not in _error(lib, session):
            break
    raise PoolRefused(LUN, f"LUN {lun}: {_error(lib, session)}")


@contextmanager
def _context(lib: Any, initiator: str, target: str, timeout: float) -> Iterator[int]:
    session = lib.iscsi_create_context(initiator.encode())
    try:
        lib.iscsi_set_targetname(session, target.encode())
        lib.iscsi_set_session_type(session, NORMAL_SESSION)
        lib.iscsi_set_timeout(session, max(1, int(timeout)))
        lib.iscsi_set_noautoreconnect(session, 1)  # it would try again for ever
        yield session
    finally:
        lib.iscsi_destroy_context(session)


def _error(lib: Any, session: int) -> str:
    return (lib.iscsi_get_error(session) or b"no reason given").decode(errors="replace").strip()


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
