# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root can do on NFS exports, for the modules nfs_export_check and preflight_probe."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libnfs

OPTIONS = {
    "exports": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 15},
    "report_only": {"type": "bool", "default": False},
}
NEXT = {
    "mount": "check the storage network, that the NFS server runs, that the export exists and lists this host's "
    "address there",
    "write": "give this host write access as root: rw,no_root_squash",
    "owner": "export it with no_root_squash: CloudStack's agent writes as root",
}


def check_all(options: Mapping[str, Any], *, check_mode: bool, warn: Callable[[str], None]) -> dict[str, Any]:
    """The result of the module nfs_export_check. In check mode nothing is written. Raises CommandError for an export
    that root cannot use, unless `report_only`, and InputError for what is not an export."""
    if libnfs.library() is None and (check_mode or options["report_only"]):
        warn("libnfs is not installed yet, so the exports were not tried")
        return {"exports": None, "unknown": {"exports": "libnfs is not installed"}}
    done = []
    for export in options["exports"]:
        done.append(check(export, options["timeout"], not check_mode))
        if not done[-1]["ok"] and not options["report_only"]:
            raise refused(done[-1])
    return {"exports": done, "unknown": {}}


def check(export: str, timeout: float, write: bool) -> dict[str, Any]:
    """One export, as the module returns it."""
    server, colon, path = export.partition(":/")
    if not colon or not server or path.startswith("/"):
        raise InputError(
            "not an NFS export", observed=export, expected="server:/path", next_step="correct storage_client_exports"
        )
    name = f".cloudstack-kvm-{platform.node()}-{os.getpid()}"
    seen = libnfs.try_export(server.strip("[]"), f"/{path}", name, timeout, write)
    return {"export": export, "ok": not seen.failed_step and not seen.uid_seen, **vars(seen)}


def refused(seen: Mapping[str, Any]) -> CommandError:
    """The error for an export that root cannot use."""
    squashed = bool(seen["uid_seen"])
    why = (
        f"it belongs to uid {seen['uid_seen']}: the server squashes root"
        if squashed
        else f"{seen['failed_step']}: {seen['text']}"
    )
    return CommandError(
        f"root cannot use the export {seen['export']}",
        host=platform.node(),
        expected="a file that root makes there belongs to root, and root can rename it, give it away, read and remove "
        "it",
        observed=why,
        next_step=NEXT["owner" if squashed else "mount" if seen["failed_step"] == "mount" else "write"],
    )
