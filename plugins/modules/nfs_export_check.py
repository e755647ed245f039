#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nfs_export_check
short_description: Verify that root on this host can use NFS exports
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Opens each export as root, writes a file, checks its owner, renames it, changes its owner, reads and removes it, and
    says how long each step took. CloudStack accepts an export with root_squash, and fails later when guests are
    created.
  - Works in user space with libnfs. Nothing is mounted, so nothing can hang and no pool of CloudStack is disturbed.
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
    description: Whether to return the results for the caller to judge, instead of failing at the first export that
      root cannot use.
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
      description: Whether everything that was tried succeeded, and the file that root made belongs to root as far as
        can be seen.
      returned: always
      type: bool
    version:
      description: Version of NFS; 0 if none could open it.
      returned: always
      type: int
    steps:
      description: Milliseconds for V(mount), V(write), V(rename), V(chown), V(read) and V(remove); null for what was
        not tried or failed.
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
      description: Owner of the file that root made; 65534 is nobody, so that the server squashes root. Null if it
        cannot be seen, as with version 4.
      returned: always
      type: int
unknown:
  description: Why RV(exports) is null, by its name.
  returned: success
  type: dict
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.nfs_exports import OPTIONS, check_all


def body(module):
    return Plan(), check_all(module.params, check_mode=module.check_mode, warn=module.warn)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
