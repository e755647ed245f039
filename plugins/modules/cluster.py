#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Cluster of a pod
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Registers, changes or removes a cluster. CloudStack removes only an empty one.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.resource
options:
  name:
    description: Name of the cluster.
    type: str
    required: true
  zone:
    description: Name of the zone.
    type: str
    required: true
  pod:
    description: Name of the pod.
    type: str
    required: true
  hypervisor:
    description: Hypervisor. Cannot be changed by this module.
    type: str
    choices: [KVM, Simulator]
    default: KVM
  arch:
    description: CPU architecture of its hosts. Cannot be changed by this module.
    type: str
    choices: [x86_64, aarch64]
  allocation_state:
    description: Whether the cluster takes guests.
    type: str
    choices: [Enabled, Disabled]
"""

EXAMPLES = r"""
- name: The cluster exists
  cloudstack.kvm.cluster:
    name: cluster1
    zone: zone1
    pod: pod1
  delegate_to: localhost

- name: The cluster is gone
  cloudstack.kvm.cluster:
    name: cluster1
    zone: zone1
    pod: pod1
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
cluster:
  description: The cluster as CloudStack has it after the run; null if it does not exist.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name.
      type: str
    hypervisor:
      description: As the option of this name.
      type: str
    arch:
      description: As the option of this name.
      type: str
    allocation_state:
      description: As the option of this name.
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import parent
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import STATE, converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import CLUSTER, POD, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    "zone": {"type": "str", "required": True},
    "pod": {"type": "str", "required": True},
    "hypervisor": {"type": "str", "choices": ["KVM", "Simulator"], "default": "KVM"},
    "arch": {"type": "str", "choices": ["x86_64", "aarch64"]},
    "allocation_state": {"type": "str", "choices": ["Enabled", "Disabled"]},
    **STATE,
}


def body(module):
    options, client = module.params, connect(module.params)
    lenient = module.check_mode or options["state"] == "absent"
    zone = parent(client, ZONE, options["zone"], lenient)
    pod = zone and parent(client, POD, options["pod"], lenient, zoneid=zone["id"])
    parents = pod and {"zoneid": zone["id"], "podid": pod["id"]}
    plan, cluster = converge(client, CLUSTER, options, name=options["name"], parents=parents, check_mode=module.check_mode)
    return plan, {"cluster": cluster}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
