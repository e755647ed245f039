#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cpu_compare
short_description: Whether this host can run the guests of other hosts, as libvirt compares their CPUs
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Hands the CPU of each other host to C(virsh hypervisor-cpu-compare), as the CPU of a guest that would come from
    there. Identical CPUs are compared only once.
  - Asks only if C(libvirtd.service) is already active; starts nothing and writes no file.
  - libvirt refuses this question on a read-only connection since version 5.4, although it changes nothing. It therefore
    needs root.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  cpus:
    description: For each other host the host-model CPU of its C(virsh domcapabilities), as text of a C(cpu) element. A
      host whose CPU is not known has null.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Can this host take the guests of the others?
  cloudstack.kvm.cpu_compare:
    cpus: "{{ dict(others | zip(others | map('extract', hostvars, path))) }}"
  become: true
  vars:
    others: "{{ ansible_play_hosts | difference([inventory_hostname]) }}"
    path: [ansible_facts, kvm_host, libvirt, host_cpu, xml]
"""

RETURN = r"""
cpu_compare:
  description:
    - For each other host V(identical), V(superset) (this host's CPU has all of it, and more) or V(incompatible),
      followed by a colon and the features that this host lacks, or libvirt's reason.
    - Null where libvirt was not asked. A host is missing where libvirt could not compare.
  returned: success
  type: dict
unknown:
  description: Why something is missing, by its path, such as V(cpu_compare.host2).
  returned: success
  type: dict
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.cpu_compare import OPTIONS, compare_all


def body(module):
    return Plan(), compare_all(module.params)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
