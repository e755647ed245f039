#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: zone
short_description: Zone of CloudStack
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Registers, changes or removes a zone.
  - A new zone is Disabled unless O(allocation_state) says otherwise. Physical networks can only be added to a Disabled
    zone.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.resource
  - cloudstack.kvm.cloudstack.allocation_state
options:
  name:
    description: Name of the zone.
    type: str
    required: true
  network_type:
    description: Network type. Needed for a new zone; cannot be changed later.
    type: str
    choices: [Advanced, Basic]
  dns1:
    description: First DNS server of the guests. Needed for a new zone.
    type: str
  dns2:
    description: Second DNS server of the guests.
    type: str
  internal_dns1:
    description: First DNS server of the system VMs. Needed for a new zone.
    type: str
  internal_dns2:
    description: Second DNS server of the system VMs.
    type: str
  guest_cidr:
    description: CIDR that isolated guest networks get by default.
    type: str
  local_storage_enabled:
    description: Whether volumes may be on the hosts own disks.
    type: bool
"""

EXAMPLES = r"""
- name: The zone exists
  cloudstack.kvm.zone:
    name: zone1
    network_type: Advanced
    dns1: 192.0.2.53
    internal_dns1: 192.0.2.53
  delegate_to: localhost

- name: The zone is gone
  cloudstack.kvm.zone:
    name: zone1
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
zone:
  description: The zone as CloudStack has it after the run; null if it does not exist.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name.
      type: str
    network_type:
      description: As the option of this name.
      type: str
    dns1:
      description: As the option of this name.
      type: str
    dns2:
      description: As the option of this name.
      type: str
    internal_dns1:
      description: As the option of this name.
      type: str
    internal_dns2:
      description: As the option of this name.
      type: str
    guest_cidr:
      description: As the option of this name.
      type: str
    local_storage_enabled:
      description: As the option of this name.
      type: bool
    allocation_state:
      description: As the option of this name.
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    ALLOCATION_STATE,
    API_OPTIONS,
    STATE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    "network_type": {"type": "str", "choices": ["Advanced", "Basic"]},
    "dns1": {"type": "str"},
    "dns2": {"type": "str"},
    "internal_dns1": {"type": "str"},
    "internal_dns2": {"type": "str"},
    "guest_cidr": {"type": "str"},
    "local_storage_enabled": {"type": "bool"},
    **ALLOCATION_STATE,
    **STATE,
}


def body(module):
    options = module.params
    plan, zone = converge(
        connect(options), ZONE, options, name=options["name"], parents={}, check_mode=module.check_mode
    )
    return plan, {"zone": zone}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
