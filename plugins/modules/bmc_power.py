#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bmc_power
short_description: Power of a machine through its BMC
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Switches a machine on or off through its BMC over IPMI, and returns when the BMC says that it is so. Off is at once;
    the operating system is not told.
  - CloudStack is not told either, so that to it the host has died. To switch a host as CloudStack does, call
    issueOutOfBandManagementPowerAction.
  - Runs where the BMC can be reached from, as a task of a management server or of the controller. Needs ipmitool there.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  address:
    description: Address of the BMC.
    type: str
    required: true
  port:
    description: UDP port of the BMC.
    type: int
    default: 623
  username:
    description: Account on the BMC.
    type: str
    required: true
  password:
    description: Password of that account. It is given to ipmitool in a file that only the user of the task can read.
    type: str
    required: true
  state:
    description: The power.
    type: str
    choices: ['on', 'off']
    required: true
  timeout:
    description: Longest wait for the power to be so, in seconds.
    type: int
    default: 30
attributes:
  check_mode:
    description: Asks the BMC and switches nothing.
    support: full
  diff_mode:
    description: Shows the power before and after.
    support: full
seealso:
  - module: cloudstack.kvm.oobm
"""

EXAMPLES = r"""
- name: The host loses its power, and CloudStack is not told
  cloudstack.kvm.bmc_power:
    address: "{{ oobm_address }}"
    username: "{{ oobm_username }}"
    password: "{{ oobm_password }}"
    state: 'off'
  delegate_to: mgmt1
"""

RETURN = r"""
power:
  description: The power before, V(on) or V(off).
  returned: success
  type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.lan import LanBmc
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

ARGUMENT_SPEC = {
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "default": 623},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "state": {"type": "str", "choices": ["on", "off"], "required": True},
    "timeout": {"type": "int", "default": 30},
}


def body(module):
    options = module.params
    bmc = LanBmc(options["address"], options["port"], options["username"], options["password"])
    before, wanted = bmc.power(), options["state"]
    change = Change("switch", f"power of {options['address']}", {"power": before}, {"power": wanted})
    plan = Plan((change,) if before != wanted else ())
    if plan and not module.check_mode:
        bmc.switch(wanted, options["timeout"])
    return plan, {"power": before}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
