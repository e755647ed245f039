#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_type
short_description: Traffic type and KVM label of a physical network
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Adds, changes or removes a traffic type of a physical network. The label is the bridge that carries it on the hosts.
  - Hosts take a changed label when their agent connects again.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.resource
  - cloudstack.kvm.cloudstack.in_zone
options:
  traffic_type:
    description: Which traffic.
    type: str
    required: true
    choices: [Management, Public, Guest, Storage]
  physical_network:
    description: Name of the physical network.
    type: str
    required: true
  kvm_label:
    description: Name of the bridge on KVM hosts.
    type: str
"""

EXAMPLES = r"""
- name: The traffic type exists
  cloudstack.kvm.traffic_type:
    traffic_type: Guest
    zone: zone1
    physical_network: physnet1
    kvm_label: cloudbr1
  delegate_to: localhost

- name: The traffic type is gone
  cloudstack.kvm.traffic_type:
    traffic_type: Guest
    zone: zone1
    physical_network: physnet1
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
traffic_type:
  description: The traffic type as CloudStack has it after the run; null if it does not exist.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name.
      type: str
    kvm_label:
      description: As the option of this name.
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    STATE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import find_parents
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import (
    PHYSICAL_NETWORK,
    TRAFFIC_TYPE,
    ZONE,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "traffic_type": {"type": "str", "required": True, "choices": ["Management", "Public", "Guest", "Storage"]},
    **IN_ZONE,
    "physical_network": {"type": "str", "required": True},
    "kvm_label": {"type": "str"},
    **STATE,
}


def body(module):
    options, client = module.params, connect(module.params)
    ids = find_parents(client, options, module.check_mode, ZONE, PHYSICAL_NETWORK)
    parents = ids and {"physicalnetworkid": ids["physicalnetworkid"]}  # its calls know no zone
    plan, found = converge(
        client, TRAFFIC_TYPE, options, name=options["traffic_type"], parents=parents, check_mode=module.check_mode
    )
    return plan, {"traffic_type": found}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
