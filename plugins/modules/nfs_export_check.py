#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nfs_export_check
short_description: Prove that root of this host can write to NFS exports
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Opens each export as root, makes a directory, looks at its owner and removes it again. CloudStack accepts an export that squashes root
    and then fails when guests are made.
  - Works from user space with libnfs. Nothing is mounted, so nothing can hang and no pool of CloudStack is disturbed.
options:
  exports:
    description: Exports as V(server:/path).
    type: list
    elements: str
    required: true
  timeout:
    description: Longest wait for the server, in seconds.
    type: int
    default: 15
attributes:
  check_mode:
    description: Opens the export and writes nothing. Where libnfs is not installed yet, it says so and does nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Root can write to the primary storage
  cloudstack.kvm.nfs_export_check:
    exports: ["192.0.2.200:/export/primary"]
"""

RETURN = r"""
exports:
  description: For each export the NFS version and what could be done, V(written) or in check mode V(opened).
  returned: success
  type: list
  elements: dict
"""

import os
import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.client import libnfs
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import CommandError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.plan import Plan

ARGUMENT_SPEC = {
    "exports": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 15},
}
NEXT = {
    "open": "check on the server that the export exists and lists this host's address on the storage network",
    "write": "give this host write access as root: rw,no_root_squash",
    "owner": "export it with no_root_squash: CloudStack's agent writes as root",
}


def refused(export, observed, next_step):
    return CommandError(
        f"root cannot use the export {export}",
        host=platform.node(),
        expected="a directory that root makes there belongs to root",
        observed=observed,
        next_step=next_step,
    )


def check(export, timeout, write):
    """One export; raises CommandError where root cannot write."""
    server, _colon, path = export.partition(":")
    if not server or not path.startswith("/"):
        raise InputError("not an NFS export", observed=export, expected="server:/path", next_step="correct storage_client_exports")
    down = libnfs.reachable(server, timeout)
    if down:
        raise refused(export, f"port 2049 of {server}: {down}", "check the storage network of this host, and that the NFS server runs")
    seen = libnfs.try_export(server, path, f".cloudstack-kvm-{platform.node()}-{os.getpid()}", timeout, write)
    if seen.error:
        raise refused(export, f"NFSv{seen.version}: {seen.error}", NEXT["open" if seen.step == "open" else "write"])
    if seen.owner > 0:
        raise refused(export, f"it belongs to uid {seen.owner}: the server squashes root", NEXT["owner"])
    return {"export": export, "version": seen.version, "result": seen.step}


def body(module):
    if module.check_mode and libnfs.library() is None:
        module.warn("libnfs is not installed yet, so the exports were not tried")
        return Plan(), {"exports": []}
    done = [check(export, module.params["timeout"], not module.check_mode) for export in module.params["exports"]]
    return Plan(), {"exports": done}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
