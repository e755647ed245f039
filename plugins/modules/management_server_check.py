#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: management_server_check
short_description: Probe hosts and their BMCs from a CloudStack management server
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Runs once on each management server and probes all hosts at the same time. The path that matters for a join is the
    one from the management server, not the one from the Ansible controller.
  - Connects to the ports, logs in with the server's own key, as the account and with the SSH algorithms that CloudStack
    has, and asks there for C(/dev/kvm) and for what C(sudo -l) allows. The BMC is asked for power state and GUID as
    CloudStack asks it.
  - Changes nothing. A host that cannot be reached is a result, not a failure of the task.
  - Reads the key of the user C(cloud), so it needs O(ignore:become).
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
  - cloudstack.kvm.attributes.linux
options:
  hosts:
    description: The hosts to probe.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the host in the result.
        type: str
        required: true
      address:
        description: Address that CloudStack will be given.
        type: str
        required: true
      ssh_port:
        description: Port of its SSH server, in place of port 22 in O(ports).
        type: int
        default: 22
      username:
        description: The account that CloudStack will be given.
        type: str
        default: root
      bmc_address:
        description: Address of its BMC. If omitted, no BMC is asked.
        type: str
      bmc_port:
        description: IPMI port of its BMC.
        type: int
        default: 623
      bmc_username:
        description: User of the BMC.
        type: str
        default: ""
      bmc_password:
        description: Password of the BMC. IPMI takes at most 20 bytes. It is given to ipmitool through its environment.
        type: str
        default: ""
  ssh_key:
    description: Where the management server keeps its private key. The first file that can be read is used.
    type: list
    elements: path
    default:
      - /var/cloudstack/management/.ssh/id_rsa
      - /var/lib/cloudstack/management/.ssh/id_rsa
      - ~cloud/.ssh/id_rsa
  ssh_public_key:
    description: File of the public key. The private one is looked for beside it, under its name without C(.pub), before
      O(ssh_key).
    type: path
  ports:
    description: TCP ports of each host to connect to.
    type: list
    elements: int
    default: [22, 16514]
  timeout:
    description: Longest wait for one connection, in seconds. A whole login or call of the BMC may take three times as
      long.
    type: int
    default: 10
  time_limit:
    description: Longest run for all hosts together, in seconds. What was not tested by then is unknown.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Probe the hosts from every management server
  hosts: management_servers
  gather_facts: false
  become: true
  tasks:
    - name: Log in as CloudStack will
      cloudstack.kvm.management_server_check:
        hosts:
          - name: host1
            address: 192.0.2.11
            bmc_address: 198.51.100.11
            bmc_username: ADMIN
            bmc_password: "{{ oobm_password }}"
      register: seen
"""

RETURN = r"""
management:
  description: For each host, by name, what this management server found. A part that could not be determined is null.
  returned: always
  type: dict
  contains:
    ports:
      description: For each port its state, V(open), V(refused), V(filtered) (no answer) or V(unreachable), and the
        milliseconds that it took.
      returned: always
      type: list
      elements: dict
    ssh:
      description:
        - ok, whether the login and the questions worked. stage, where it ended if not, V(connect), V(algorithms) (no
          common one), V(authentication) or V(command). text, the words of the SSH client. ms, how long all of it took.
      returned: always
      type: dict
    device:
      description: Whether the account sees C(/dev/kvm) there.
      returned: always
      type: bool
    sudo:
      description:
        - For each program that CloudStack runs through sudo whether the account may, without a password and a terminal.
          Null where sudo's rules are of a kind that is not understood.
      returned: always
      type: dict
    sudo_text:
      description: Why not, if one of them is not allowed or not known; sudo's own words where it has any.
      returned: always
      type: str
    bmc:
      description: ok, whether the BMC answered. text, the words of ipmitool. power, V(on) or V(off). guid, its system
        GUID as ipmitool prints it. serials, of a BMC without a GUID the serial numbers of product and chassis.
      returned: always
      type: dict
    unknown:
      description: Why ports, ssh or bmc is null.
      returned: always
      type: dict
"""

import time

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.management_probe import (
    ManagementProbe,
    ProbedHost,
    private_keys,
)

HOST_SPEC = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "ssh_port": {"type": "int", "default": 22},
    "username": {"type": "str", "default": "root"},
    "bmc_address": {"type": "str"},
    "bmc_port": {"type": "int", "default": 623},
    "bmc_username": {"type": "str", "default": ""},
    "bmc_password": {"type": "str", "default": "", "no_log": True},
}
KEYS = ["/var/cloudstack/management/.ssh/id_rsa", "/var/lib/cloudstack/management/.ssh/id_rsa", "~cloud/.ssh/id_rsa"]
ARGUMENT_SPEC = {
    "hosts": {"type": "list", "elements": "dict", "required": True, "options": HOST_SPEC},
    "ssh_key": {"type": "list", "elements": "path", "default": KEYS, "no_log": False},
    "ssh_public_key": {"type": "path"},
    "ports": {"type": "list", "elements": "int", "default": [22, 16514]},
    "timeout": {"type": "int", "default": 10},
    "time_limit": {"type": "int", "default": 120},
}


def body(module):
    asked = module.params
    keys = private_keys(asked["ssh_public_key"], asked["ssh_key"])
    probe = ManagementProbe(keys, asked["ports"], asked["timeout"], time.monotonic() + asked["time_limit"])
    return Plan(), {"management": probe.look_at_all(ProbedHost(**host) for host in asked["hosts"])}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
