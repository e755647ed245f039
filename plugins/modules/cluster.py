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
  - cloudstack.kvm.cloudstack.in_zone
  - cloudstack.kvm.cloudstack.in_pod
  - cloudstack.kvm.cloudstack.allocation_state
options:
  name:
    description: Name of the cluster.
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

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    ALLOCATION_STATE,
    API_OPTIONS,
    IN_POD,
    IN_ZONE,
    STATE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import find_parents
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import CLUSTER, POD, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    **IN_ZONE,
    **IN_POD,
    "hypervisor": {"type": "str", "choices": ["KVM", "Simulator"], "default": "KVM"},
    "arch": {"type": "str", "choices": ["x86_64", "aarch64"]},
    **ALLOCATION_STATE,
    **STATE,
}


def body(module):
    options, client = module.params, connect(module.params)
    parents = find_parents(client, options, module.check_mode, ZONE, POD)
    plan, cluster = converge(
        client, CLUSTER, options, name=options["name"], parents=parents, check_mode=module.check_mode
    )
    return plan, {"cluster": cluster}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
