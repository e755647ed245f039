#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: port_check
short_description: Find out which ports this host can reach, all at the same time
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Opens a TCP connection to each target and closes it again, up to 256 at a time, over IPv4 or IPv6.
  - Needs nothing but Python on the host, and at most O(timeout) for each 256 targets, plus the time that names need to
    be resolved.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  targets:
    description: The targets, in the order of the result.
    type: list
    elements: dict
    required: true
    suboptions:
      to:
        description: Name of the target in the result.
        type: str
        required: true
      address:
        description: IP address, or a name that this host resolves.
        type: str
        required: true
      port:
        description: Port.
        type: int
        required: true
      purpose:
        description: What it is needed for.
        type: str
        default: ""
      udp_rmcp:
        description:
          - Sends a presence ping of RMCP over UDP, which every BMC with IPMI over LAN answers, in place of a TCP
            connection.
          - Through an interface without an address the ping still finds a BMC that is on the same wire.
        type: bool
        default: false
      udp:
        description:
          - Sends a datagram in place of a TCP connection. It is answered where no program listens, V(refused); no
            answer, V(filtered), says that a program listens or that it got lost.
          - What listens for VXLAN drops the datagram.
        type: bool
        default: false
      bind_device:
        description: Interface to send through, for this target alone; otherwise O(bind_device).
        type: str
  source:
    description: Own address to send from; otherwise the routes decide.
    type: str
  bind_device:
    description: Interface to send through, whatever the routes say; needs root.
    type: str
  timeout:
    description: Seconds to wait for each answer. TCP repeats a lost first packet after one second, and an address that
      no host has is given up after three.
    type: float
    default: 3
"""

EXAMPLES = r"""
- name: The agent will reach its management server
  cloudstack.kvm.port_check:
    targets:
      - {to: management server, address: 192.0.2.10, port: 8250, purpose: agent}

- name: No BMC answers on the guest network
  cloudstack.kvm.port_check:
    bind_device: cloudbr1
    targets:
      - {to: BMC of host1, address: 192.0.2.211, port: 623, purpose: BMC, udp_rmcp: true}
  become: true
"""

RETURN = r"""
ports:
  description: One entry for each target, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    to:
      description: As given.
      returned: always
      type: str
    address:
      description: As given.
      returned: always
      type: str
    port:
      description: As given.
      returned: always
      type: int
    purpose:
      description: As given.
      returned: always
      type: str
    state:
      description:
        - V(open), the port answered.
        - V(refused), the port can be reached and no program listens there (yet). A firewall that rejects with a reset
          looks the same.
        - V(filtered), no answer came. A datagram (RV(ports[].state) of a target with O(targets[].udp)) may have been
          received by the program that listens there.
        - V(unreachable), a router, a firewall or this host said that there is no route, or the name is not known.
        - Null if the host could not send, because the interface or the source address does not exist.
      returned: always
      type: str
    ms:
      description: Milliseconds until the answer; null if none came.
      returned: always
      type: float
    text:
      description: Why it is not open, in the system's words.
      returned: always
      type: str
    source:
      description: The own address from which an open port was reached, empty for one that is not open.
      returned: always
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.ports import OPTIONS, check_all


def body(module):
    return Plan(), check_all(module.params)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
