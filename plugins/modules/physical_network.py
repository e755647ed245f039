#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: physical_network
short_description: Physical network of a zone
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Registers, changes or removes a physical network.
  - CloudStack itself would make a second one of the same name; this module matches by zone and name.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.resource
  - cloudstack.kvm.cloudstack.in_zone
  - cloudstack.kvm.cloudstack.allocation_state
options:
  name:
    description: Name of the physical network.
    type: str
    required: true
  isolation_methods:
    description: How guest networks are separated. Cannot be changed later.
    type: list
    elements: str
  vlan:
    description: VLAN ranges for guests, such as V(100-199). Replaces the whole list.
    type: str
  tags:
    description: Network tags.
    type: list
    elements: str
  allocation_state:
    description: Whether it is in use. A new one is Disabled by CloudStack and then enabled.
    default: Enabled
"""

EXAMPLES = r"""
- name: The physical network exists
  cloudstack.kvm.physical_network:
    name: physnet1
    zone: zone1
    isolation_methods: [VLAN]
    vlan: 100-199
  delegate_to: localhost

- name: The physical network is gone
  cloudstack.kvm.physical_network:
    name: physnet1
    zone: zone1
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
physical_network:
  description: The physical network as CloudStack has it after the run; null if it does not exist.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name.
      type: str
    isolation_methods:
      description: As the option of this name.
      type: str
    vlan:
      description: As the option of this name.
      type: str
    tags:
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
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import PHYSICAL_NETWORK, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    **IN_ZONE,
    "isolation_methods": {"type": "list", "elements": "str"},
    "vlan": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "allocation_state": {**ALLOCATION_STATE["allocation_state"], "default": "Enabled"},
    **STATE,
}


def body(module):
    options, client = module.params, connect(module.params)
    parents = find_parents(client, options, module.check_mode, ZONE)
    plan, found = converge(
        client, PHYSICAL_NETWORK, options, name=options["name"], parents=parents, check_mode=module.check_mode
    )
    return plan, {"physical_network": found}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
