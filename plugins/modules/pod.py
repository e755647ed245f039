#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pod
short_description: Pod of a zone
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Registers, changes or removes a pod and its management address range.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.resource
  - cloudstack.kvm.cloudstack.in_zone
  - cloudstack.kvm.cloudstack.allocation_state
options:
  name:
    description: Name of the pod.
    type: str
    required: true
  gateway:
    description: Gateway of the management network. Needed for a new pod.
    type: str
  netmask:
    description: Netmask, dotted. Needed for a new pod.
    type: str
  start_ip:
    description: First address for system VMs. Needed for a new pod.
    type: str
  end_ip:
    description: Last address for system VMs. CloudStack takes the last one of the subnet if it is left out.
    type: str
"""

EXAMPLES = r"""
- name: The pod exists
  cloudstack.kvm.pod:
    name: pod1
    zone: zone1
    gateway: 192.0.2.1
    netmask: 255.255.255.0
    start_ip: 192.0.2.100
    end_ip: 192.0.2.150
  delegate_to: localhost

- name: The pod is gone
  cloudstack.kvm.pod:
    name: pod1
    zone: zone1
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
pod:
  description: The pod as CloudStack has it after the run; null if it does not exist.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name.
      type: str
    gateway:
      description: As the option of this name.
      type: str
    netmask:
      description: As the option of this name.
      type: str
    start_ip:
      description: As the option of this name.
      type: str
    end_ip:
      description: As the option of this name.
      type: str
    allocation_state:
      description: As the option of this name.
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    ALLOCATION_STATE,
    API_OPTIONS,
    IN_ZONE,
    STATE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import find_parents
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import POD, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    **IN_ZONE,
    "gateway": {"type": "str"},
    "netmask": {"type": "str"},
    "start_ip": {"type": "str"},
    "end_ip": {"type": "str"},
    **ALLOCATION_STATE,
    **STATE,
}


def body(module):
    options, client = module.params, connect(module.params)
    parents = find_parents(client, options, module.check_mode, ZONE)
    plan, pod = converge(client, POD, options, name=options["name"], parents=parents, check_mode=module.check_mode)
    return plan, {"pod": pod}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
