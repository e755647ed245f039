#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Bridges of a KVM host, with the MTU the same on bridge and port
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Declares all bridges that carry CloudStack's traffic labels, each with one port, and puts them into force in one run.
  - An address moves with its stanza from the port to the bridge. Afterwards the host must still reach where the login came
    from, or everything is put back as it was.
  - Stanzas of other interfaces stay as they are.
  - Refused before anything is touched is what cannot work, also a port that another file of C(/etc/network/interfaces.d) configures, as
    cloud-init's does, and a port whose address is a lease that the bridge would not keep.
options:
  bridges:
    description: The bridges.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the bridge, the same as the zone's traffic label.
        type: str
        required: true
      port:
        description: The NIC, bond or VLAN device under it. It must exist.
        type: str
        required: true
      mtu:
        description: MTU of bridge and port, in bytes.
        type: int
        default: 1500
      address:
        description: Static address with prefix length, V(dhcp), or nothing for a bridge without an address.
        type: str
      gateway:
        description: Default gateway; at most one bridge has one.
        type: str
  backend:
    description: What configures the network of this host.
    type: str
    choices: [ifupdown]
    default: ifupdown
  patience:
    description: Seconds within which the host must reach where the login came from.
    type: int
    default: 20
  allow_guest_disruption:
    description: Whether a bridge that guests are connected to may be taken down.
    type: bool
    default: false
attributes:
  check_mode:
    description: Predicts exactly what the real run does.
    support: full
  diff_mode:
    description: Shows the files, and each bridge before and after.
    support: full
"""

EXAMPLES = r"""
- name: Management and guest bridge
  cloudstack.kvm.bridge:
    bridges:
      - {name: cloudbr0, port: eth0, address: 192.0.2.11/24, gateway: 192.0.2.1}
      - {name: cloudbr1, port: eth1, mtu: 9000}
"""

RETURN = r"""
bridges:
  description: The bridges as declared.
  returned: always
  type: list
  elements: str
  sample: [cloudbr0, cloudbr1]
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends import ifupdown
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import MAIN_FILE, OWN_FILE, Bridge
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import guests_on, plan_bridges

BRIDGE = {
    "name": {"type": "str", "required": True},
    "port": {"type": "str", "required": True},
    "mtu": {"type": "int", "default": 1500},
    "address": {"type": "str"},
    "gateway": {"type": "str"},
}
SPEC = {
    "bridges": {"type": "list", "elements": "dict", "required": True, "options": BRIDGE},
    "backend": {"type": "str", "choices": ["ifupdown"], "default": "ifupdown"},
    "patience": {"type": "int", "default": 20},
    "allow_guest_disruption": {"type": "bool", "default": False},
}


def declared(one):
    """One entry of `bridges`; an empty address or gateway means that there is none."""
    given = {**one, "address": one["address"] or None, "gateway": one["gateway"] or None}
    return Bridge(**given)


def body(module):
    bridges = [declared(one) for one in module.params["bridges"]]
    links = ifupdown.links()
    main, own = ifupdown.read(MAIN_FILE), ifupdown.read(OWN_FILE)
    wanted = plan_bridges(bridges, main, own, links, gateways=ifupdown.gateways(), others=ifupdown.other_files())
    guests = guests_on(wanted.rebuild, links)
    if guests and not module.params["allow_guest_disruption"]:
        raise InputError(
            "guests are connected to a bridge that would be taken down",
            observed=", ".join(guests),
            next_step="put the host into maintenance first, or set network_bridge_allow_guest_disruption",
        )
    if wanted.plan and not module.check_mode:
        ifupdown.apply(wanted, ifupdown.caller(), module.params["patience"])
    return wanted.plan, {"bridges": [bridge.name for bridge in bridges]}


def main():
    runtime.run(SPEC, body)


if __name__ == "__main__":
    main()
