#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_drill_failure
short_description: Begin or undo the failure of a drill on its host
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Begins what the host is to suffer. Nothing of it outlives a reboot, and what can be undone on the host is undone
    there by a timer too, also if the controller dies.
  - In check mode it says how the host reaches its storage and what is in the way of each failure.
  - Power is switched with M(cloudstack.kvm.bmc_power).
  - Used by the playbook C(cloudstack.kvm.ha_drill).
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  ip_address:
    description: Management address of the host.
    type: str
    required: true
  failure:
    description:
      - What the host is to suffer. Needed for V(present).
      - V(kernel_hang) stops the kernel (sysrq c, with kernel.panic=0 and without a crash kernel). In a container its
        processes are frozen instead.
      - V(management_cut) drops all packets on the device of the management address.
      - V(storage_cut) drops NFS to the servers that the host has mounted.
      - V(agent_kill) kills cloudstack-agent and masks its unit until the next boot.
    type: str
    choices: [kernel_hang, management_cut, storage_cut, agent_kill]
  heal_after:
    description: Seconds after which the host undoes the failure by itself, where it can.
    type: int
    default: 3600
  state:
    description: Whether the failure is there. V(absent) undoes any.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Predicts the commands.
    support: full
  diff_mode:
    description: Shows the commands.
    support: full
seealso:
  - module: cloudstack.kvm.bmc_power
"""

EXAMPLES = r"""
- name: Kill the agent
  cloudstack.kvm.ha_drill_failure:
    ip_address: 192.0.2.11
    failure: agent_kill

- name: Undo it
  cloudstack.kvm.ha_drill_failure:
    ip_address: 192.0.2.11
    state: absent
"""

RETURN = r"""
look:
  description: What the host says of itself.
  returned: success
  type: dict
  contains:
    management:
      description: Device of its management address; empty where it is on none.
      type: str
    pools:
      description: Devices by which it reaches its NFS servers, by their addresses.
      type: dict
    boot_id:
      description: Id of this boot, of the kernel.
      type: str
    cannot:
      description: Why a failure cannot be begun here, by its name.
      type: dict
    remarks:
      description: What to know before a failure, by its name.
      type: dict
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.failure import apply, fetch
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import FAILURES, POWER_OFF
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.failure import (
    obstacle,
    plan_begin,
    plan_undo,
    remark,
)

ARGUMENT_SPEC = {
    "ip_address": {"type": "str", "required": True},
    "failure": {"type": "str", "choices": [each for each in FAILURES if each != POWER_OFF]},
    "heal_after": {"type": "int", "default": 3600},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def look_of(state):
    """The documented keys."""
    against = {each: obstacle(each, state) for each in FAILURES}
    remarks = {each: remark(each, state) for each in FAILURES}
    return {
        "management": state.management,
        "pools": dict(state.pools),
        "boot_id": state.boot_id,
        "cannot": {each: why for each, why in against.items() if why},
        "remarks": {each: text for each, text in remarks.items() if text},
    }


def body(module):
    options, state = module.params, fetch(module.params["ip_address"])
    if options["state"] == "absent":
        plan = plan_undo(state)
    else:
        plan = plan_begin(options["failure"], state, options["heal_after"])
    if not module.check_mode:
        apply(plan)
    return plan, {"look": look_of(state)}


def main():
    runtime.run(ARGUMENT_SPEC, body, host=platform.node(), required_if=[("state", "present", ("failure",))])


if __name__ == "__main__":
    main()
