#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: multicast_check
short_description: Hear which hosts send to a multicast group at the same time
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Joins the group 239.0.0.0 on each network, sends a small datagram to UDP 8472 of it four times a second, and returns
    whose datagrams came in. VXLAN by multicast needs such groups between the hosts' addresses on the guest label.
  - Only hosts that run it at the same time can hear each other, so run it on all of them in one task.
  - VXLAN devices drop these datagrams. Nothing is changed on the host.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
  - cloudstack.kvm.attributes.linux
options:
  host:
    description: Name of this host, by which the others know it.
    type: str
    required: true
  networks:
    description: Networks of this host.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The device, which is the traffic label.
        type: str
        required: true
      source:
        description: The host's own IPv4 address there.
        type: str
        required: true
  seconds:
    description: How long to send and listen.
    type: float
    default: 4
"""

EXAMPLES = r"""
- name: Hear the other hosts of the cluster
  cloudstack.kvm.multicast_check:
    host: "{{ inventory_hostname }}"
    networks:
      - {name: cloudbr1, source: 192.0.2.11}
    seconds: 10
  become: true
  register: multicast
"""

RETURN = r"""
networks:
  description: One entry for each network, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: As given.
      returned: always
      type: str
    source:
      description: As given.
      returned: always
      type: str
    began:
      description: When listening began, in seconds since 1970 by this host's clock.
      returned: always
      type: float
    ended:
      description: When it ended.
      returned: always
      type: float
    sent:
      description: How many datagrams were sent.
      returned: always
      type: int
    heard:
      description: Names of the other hosts that were heard.
      returned: always
      type: list
      elements: str
    text:
      description: Why nothing could be sent or heard; empty if all went well.
      returned: always
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.multicast import OPTIONS, listen


def body(module):
    return Plan(), listen(module.params)


def main():
    runtime.run(OPTIONS, body)


if __name__ == "__main__":
    main()
