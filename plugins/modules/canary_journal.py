#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: canary_journal
short_description: Which boots of a canary guest have written to its disk, and whether two did at the same time
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads the journal that a canary guest writes to its own disk, also while the guest runs, on this host or on another
    one. Runs on a host that can reach the pool of the volume.
  - Two boots that wrote at the same time are two guests on one disk, which is what fencing has to prevent. They are
    told by the order in which they wrote, so that different clocks do not matter.
  - Opens the volume for reading only and shared with the guest (C(qemu-img dd -U)).
  - Fails if the volume cannot be read or has no journal. That is no proof of anything.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  pool:
    description: Where the pool is on this host. CloudStack mounts a pool of NFS at C(/mnt/) and the UUID of the pool.
    type: str
    required: true
  address:
    description: >
      Address of a pool of NFS, such as V(nfs://192.0.2.200/export/primary). It is read from there if this host does not
      mount it at O(pool). Then C(qemu-img) must be able to read NFS by itself (Debian's package C(qemu-block-extra)).
    type: str
    default: ""
  volume:
    description: Path of the volume below the pool, as C(path) of C(listVolumes) says.
    type: str
    required: true
  format:
    description: Format of the volume.
    type: str
    choices: [qcow2, raw]
    default: qcow2
requirements:
  - C(qemu-img) on the host
"""

EXAMPLES = r"""
- name: Has the canary's disk ever had two writers?
  cloudstack.kvm.canary_journal:
    pool: /mnt/9a3b1c52-5a0e-3f4e-8d43-0d7b5c1f2e11
    volume: 4f6d2a39-3a49-4c5c-a9a5-0d9d5a3f4b21
  become: true
  register: journal

- name: Two guests have not written to the canary's disk at the same time
  ansible.builtin.assert:
    that: journal.overlaps | length == 0
    fail_msg: "Two guests wrote to one disk at the same time: {{ journal.overlaps }}"
"""

RETURN = r"""
boots:
  description:
    - The boots that have written, by their first record. The journal keeps the last 8191 records, those of two hours
      or more. Boots of which none is left are missing.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What this boot calls itself, 16 random hexadecimal digits.
      type: str
    first:
      description: Its first record that is still there.
      type: dict
      contains: &fields
        position:
          description: Counts the records of this disk from 1, whoever wrote them.
          type: int
        boot:
          description: ID of the boot that wrote it.
          type: str
        number:
          description: Counts the records of that boot from 1.
          type: int
        time:
          description: When it was written, by the clock of that guest, in seconds since 1970.
          type: int
    last:
      description: Its last record.
      type: dict
      contains: *fields
    records:
      description: How many of its records are there.
      type: int
  sample:
    - id: 8c0bc203e00dd8f3
      first: {position: 1, boot: 8c0bc203e00dd8f3, number: 1, time: 1796005439}
      last: {position: 17, boot: 8c0bc203e00dd8f3, number: 17, time: 1796005459}
      records: 17
overlaps:
  description: Each two boots that wrote at the same time. Empty if there are none.
  returned: success
  type: list
  elements: dict
  contains:
    earlier:
      description: ID of the boot that began first, and wrote again after the other one had begun.
      type: str
    later:
      description: ID of the boot that began later.
      type: str
    first:
      description: The record that began the time in which both wrote.
      type: dict
      contains: *fields
    last:
      description: The record that ended it.
      type: dict
      contains: *fields
  sample: []
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.canary import OPTIONS, journal


def body(module):
    return Plan(), journal(module.params)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
