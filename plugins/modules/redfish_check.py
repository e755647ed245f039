#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_check
short_description: What CloudStack's driver redfish can do with a BMC
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Asks a BMC over Redfish as CloudStack's driver does, reads what its power control has, and says in words what
    CloudStack will not be able to do. Run it on a management server, from where CloudStack asks.
  - It reads only and switches nothing.
  - Where guests depend on fencing use the driver C(ipmitool).
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  address:
    description: Address of the BMC. CloudStack takes no port with it.
    type: str
    required: true
  port:
    description: Port for this check; CloudStack always uses that of the scheme.
    type: int
  username:
    description: Account on the BMC.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  use_https:
    description: As CloudStack's setting C(redfish.use.https).
    type: bool
    default: true
  ignore_ssl:
    description: As CloudStack's setting C(redfish.ignore.ssl).
    type: bool
    default: false
  timeout:
    description: Longest wait for one answer, in seconds.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: What CloudStack can do over Redfish
  cloudstack.kvm.redfish_check:
    address: 198.51.100.11
    username: cloudstack
    password: "{{ vault_bmc_password }}"
  delegate_to: mgmt1
"""

RETURN = r"""
redfish:
  description: The system that CloudStack would switch.
  returned: success
  type: dict
  contains:
    system_id:
      description: Its id, which is that of the first member of C(/redfish/v1/Systems).
      type: str
    systems:
      description: How many systems the BMC has.
      type: int
    power_state:
      description: Its power state, in the BMC's words.
      type: str
    manufacturer:
      description: Its manufacturer, in the BMC's words.
      type: str
    uuid:
      description: Its UUID, lower case. On most machines it is the one in C(dmidecode).
      type: str
    reset_types:
      description: What the BMC can do to the power; null where it does not say.
      type: list
      elements: str
impossible_actions:
  description: Actions of CloudStack for which the BMC has nothing.
  returned: success
  type: list
  elements: str
  sample: [CYCLE]
limits:
  description: What CloudStack will not be able to do, one sentence each.
  returned: success
  type: list
  elements: str
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.redfish import Redfish
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.plan.redfish import impossible_actions, limits
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

ARGUMENT_SPEC = {
    "address": {"type": "str", "required": True},
    "port": {"type": "int"},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "use_https": {"type": "bool", "default": True},
    "ignore_ssl": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 20},
}


def body(module):
    options = module.params
    scheme = "https" if options["use_https"] else "http"
    host = f"[{options['address']}]" if ":" in options["address"] else options["address"]
    port = f":{options['port']}" if options["port"] else ""
    redfish = Redfish(
        f"{scheme}://{host}{port}",
        options["username"],
        options["password"],
        verify=not options["ignore_ssl"],
        timeout=options["timeout"],
    )
    system = redfish.system()
    found = {"redfish": vars(system), "impossible_actions": impossible_actions(system), "limits": limits(system)}
    return Plan(), found


def main():
    runtime.run(ARGUMENT_SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
