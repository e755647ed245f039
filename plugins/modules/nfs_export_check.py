#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nfs_export_check
short_description: Prove that root of this host can use NFS exports
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Opens each export as root, writes a file, looks at its owner, renames it, gives it to another user, reads and removes it, and says how long
    each step took. CloudStack accepts an export that squashes root and then fails when guests are made.
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
  report_only:
    description: Whether to return what was seen, for somebody else to judge, instead of failing at the first export that root cannot use.
    type: bool
    default: false
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
  become: true

- name: What can root do, and how fast?
  cloudstack.kvm.nfs_export_check:
    exports: ["192.0.2.200:/export/primary"]
    report_only: true
  become: true
  register: nfs
"""

RETURN = r"""
exports:
  description: One entry for each export, in their order; null if libnfs is not installed.
  returned: success
  type: list
  elements: dict
  contains:
    export:
      description: As given.
      returned: always
      type: str
    ok:
      description: Whether everything that was tried succeeded, and the file that root made belongs to root as far as can be seen.
      returned: always
      type: bool
    version:
      description: Version of NFS; 0 if none could open it.
      returned: always
      type: int
    steps:
      description: Milliseconds for V(mount), V(write), V(rename), V(chown), V(read) and V(remove); null for what was not tried or failed.
      returned: always
      type: dict
    failed_step:
      description: The step that failed; empty if none did.
      returned: always
      type: str
    text:
      description: Why it failed.
      returned: always
      type: str
    uid_seen:
      description: Owner of the file that root made; 65534 is nobody, so that the server squashes root. Null if it cannot be seen, as with version 4.
      returned: always
      type: int
unknown:
  description: Why RV(exports) is null, by its name.
  returned: success
  type: dict
"""

import os
import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libnfs

ARGUMENT_SPEC = {
    "exports": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 15},
    "report_only": {"type": "bool", "default": False},
}
NEXT = {
    "mount": "check the storage network, that the NFS server runs, that the export exists and lists this host's address there",
    "write": "give this host write access as root: rw,no_root_squash",
    "owner": "export it with no_root_squash: CloudStack's agent writes as root",
}


def refused(seen):
    """The error for an export that root cannot use."""
    squashed = bool(seen["uid_seen"])
    why = f"it belongs to uid {seen['uid_seen']}: the server squashes root" if squashed else f"{seen['failed_step']}: {seen['text']}"
    return CommandError(
        f"root cannot use the export {seen['export']}",
        host=platform.node(),
        expected="a file that root makes there belongs to root, and root can rename it, give it away, read and remove it",
        observed=why,
        next_step=NEXT["owner" if squashed else "mount" if seen["failed_step"] == "mount" else "write"],
    )


def check(export, timeout, write):
    """One export, as in RETURN."""
    server, colon, path = export.partition(":/")
    if not colon or not server or path.startswith("/"):
        raise InputError("not an NFS export", observed=export, expected="server:/path", next_step="correct storage_client_exports")
    name = f".cloudstack-kvm-{platform.node()}-{os.getpid()}"
    seen = libnfs.try_export(server.strip("[]"), f"/{path}", name, timeout, write)
    return {"export": export, "ok": not seen.failed_step and not seen.uid_seen, **vars(seen)}


def body(module):
    options = module.params
    if libnfs.library() is None and (module.check_mode or options["report_only"]):
        module.warn("libnfs is not installed yet, so the exports were not tried")
        return Plan(), {"exports": None, "unknown": {"exports": "libnfs is not installed"}}
    done = []
    for export in options["exports"]:
        done.append(check(export, options["timeout"], not module.check_mode))
        if not done[-1]["ok"] and not options["report_only"]:
            raise refused(done[-1])
    return Plan(), {"exports": done, "unknown": {}}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
