#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_pool_check
short_description: Verify that this host can use storage pools on iSCSI and RBD
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Logs in to the target of an iSCSI pool with this host's own initiator name and asks whether the LUN is ready. Logs
    in to the monitors of an RBD pool, opens the pool, and writes, reads and removes an object there.
  - Works in user space with libiscsi and librados. No session of the kernel is made, no device appears, and nothing of
    libvirt's is touched. Pools on NFS are the matter of M(cloudstack.kvm.nfs_export_check).
  - It never fails because of a pool; it reports what it found for the caller to judge.
options:
  pools:
    description: Pools as CloudStack's listStoragePools shows them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the pool.
        type: str
        required: true
      kind:
        description: CloudStack's type of the pool.
        type: str
        required: true
        choices: [Iscsi, IscsiLUN, RBD]
      server:
        description: Address or name of the portal, or of the monitors, separated by commas. They are asked at their
          default ports.
        type: str
        required: true
      path:
        description: For iSCSI V(/target/lun), for RBD the name of the pool.
        type: str
        required: true
  accounts:
    description: The account of a RBD pool as V(user:key), by the name of the pool. Without it the monitors are reached
      and the pool is not judged.
    type: dict
    default: {}
  timeout:
    description: Longest wait for each answer, in seconds.
    type: int
    default: 10
attributes:
  check_mode:
    description: Writes nothing; a RBD pool is opened only.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: The LUN and the Ceph pool that the cluster uses
  cloudstack.kvm.storage_pool_check:
    pools:
      - {name: san1, kind: IscsiLUN, server: 192.0.2.40, path: /iqn.2026-01.org.example:san/1}
      - {name: ceph1, kind: RBD, server: 192.0.2.51, path: cloudstack}
    accounts:
      ceph1: "cloudstack:{{ vault_ceph_key }}"
  become: true
  register: storage
"""

RETURN = r"""
pools:
  description: One entry for each pool, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: As given.
      returned: always
      type: str
    kind:
      description: As given.
      returned: always
      type: str
    ok:
      description: Whether everything that was tried succeeded; null where the pool cannot be judged, because the
        library or an account is missing.
      returned: always
      type: bool
    steps:
      description: Milliseconds for V(connect), V(login), and V(lun) of iSCSI or V(pool), V(write), V(read), V(remove)
        of RBD; empty unless all that was tried succeeded.
      returned: always
      type: dict
    failed_step:
      description: The step that failed; empty if none did.
      returned: always
      type: str
    text:
      description: Why it failed, or why it cannot be judged.
      returned: always
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.storage_pools import OPTIONS, check_all


def body(module):
    return Plan(), check_all(module.params, check_mode=module.check_mode)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
