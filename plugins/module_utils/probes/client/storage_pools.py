# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a host can use pools on iSCSI and RBD, for the modules storage_pool_check and preflight_probe."""

from __future__ import annotations

import os
import platform
import re
import socket
import time
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libiscsi, librados
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.pools import (
    CONNECT,
    ISCSI,
    KINDS,
    PORTS,
    RBD,
    PoolRefused,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.pool_address import (
    is_ceph_key,
    iscsi_unit,
    rbd_account,
    servers,
)

POOL = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True, "choices": sorted(KINDS)},
    "server": {"type": "str", "required": True},
    "path": {"type": "str", "required": True},
}
OPTIONS = {
    "pools": {"type": "list", "elements": "dict", "required": True, "options": POOL},
    "accounts": {"type": "dict", "default": {}, "no_log": True},
    "timeout": {"type": "int", "default": 10},
}
INITIATOR_FILE = "/etc/iscsi/initiatorname.iscsi"
INITIATOR = re.compile(r"^\s*InitiatorName\s*=\s*(\S+)", re.MULTILINE)
MISSING = {ISCSI: "libiscsi is not installed on this host", RBD: "librados is not installed on this host"}
NO_KEY = (
    "a monitor answers; the pool was not tried without an account: CloudStack does not tell it, and "
    "cluster_primary_storage has none for it"
)
NO_CHAP = "the target wants CHAP, and the pre-flight has no account for it"
WANTS_CHAP = re.compile(r"Authentication failure")


class _Unknown(Exception):
    """The pool cannot be judged from here; the text says why."""


def check_all(options: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module storage_pool_check. In check mode nothing is written. Raises InputError for an address
    that is not one of such a pool.
    """
    return {"pools": [_check(pool, options, write=not check_mode) for pool in options["pools"]]}


def _check(pool: Mapping[str, Any], options: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
    """One pool, as the module returns it: `ok` is None for what cannot be judged."""
    result = {"name": pool["name"], "kind": pool["kind"], "ok": True, "steps": {}, "failed_step": "", "text": ""}
    proof = _iscsi if KINDS[pool["kind"]] == ISCSI else _rbd
    try:
        result["steps"] = proof(pool, options, write)
    except PoolRefused as error:
        result.update(ok=False, failed_step=error.step, text=str(error))
    except (_Unknown, ParseError) as error:
        result.update(ok=None, text=str(error))
    return result


def _iscsi(pool: Mapping[str, Any], options: Mapping[str, Any], _write: bool) -> dict[str, float]:
    target, lun = iscsi_unit(pool["path"])
    took = _connect(pool, ISCSI, options["timeout"])
    lib = libiscsi.library()
    if lib is None:
        raise _Unknown(MISSING[ISCSI])
    initiator = _initiator()
    if not initiator:
        raise _Unknown(f"this host has no initiator name in {INITIATOR_FILE}")
    try:
        steps = libiscsi.try_lun(lib, servers(pool["server"])[0], target, lun, initiator, options["timeout"])
    except PoolRefused as error:
        if WANTS_CHAP.search(str(error)):
            raise _Unknown(NO_CHAP) from error
        raise
    return {CONNECT: took, **steps}


def _rbd(pool: Mapping[str, Any], options: Mapping[str, Any], write: bool) -> dict[str, float]:
    took = _connect(pool, RBD, options["timeout"])
    lib = librados.library()
    if lib is None:
        raise _Unknown(MISSING[RBD])
    account = rbd_account(options["accounts"].get(pool["name"]) or "")
    if account is None:
        raise _Unknown(NO_KEY)
    if not is_ceph_key(account[1]):
        raise PoolRefused("login", f"what the URL of the pool has as the key of {account[0]} is not a Ceph key")
    name = f".cloudstack-kvm-{platform.node()}-{os.getpid()}" if write else ""
    steps = librados.try_pool(lib, pool["server"], pool["path"].strip("/"), account, options["timeout"], name)
    return {CONNECT: took, **steps}


def _connect(pool: Mapping[str, Any], kind: str, timeout: float) -> float:
    """How long it took until one of the servers answered, in milliseconds; they are asked one after the other. Raises
    PoolRefused where none does.
    """
    began = time.monotonic()
    said = []
    for server in servers(pool["server"]):
        for port in PORTS[kind]:
            try:
                socket.create_connection((server, port), timeout=timeout / 2).close()
            except OSError as error:
                said.append(f"port {port} of {server}: {error}")
            else:
                return round((time.monotonic() - began) * 1000, 1)
    raise PoolRefused(CONNECT, "; ".join(said))


def _initiator() -> Optional[str]:
    try:
        with open(INITIATOR_FILE, encoding="utf-8", errors="replace") as opened:
            found = INITIATOR.search(opened.read())
    except OSError:
        return None
    return found.group(1) if found else None
