#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Bridges of a KVM host with the bonds and VLANs under them, and the right MTU at every layer
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Declares all bridges that carry CloudStack's traffic labels, each with one port, the bonds and VLAN devices that
    they lie on, and applies them in one run.
  - An address moves from the port to the bridge, in the files of whatever configures the host's network. Where a step
    fails, the host is not as declared afterwards, or no longer reaches where the login came from, links, addresses,
    routes and MTUs are put back as they were measured, by C(ip), and the files byte for byte.
  - The host puts the change back by itself unless it is confirmed in time over a new connection from the controller. A
    timer of systemd does it, whatever became of controller, login and module; after a power cut a unit puts the files
    back before the network of the next boot is set up.
  - Before anything is touched, ARP asks whether another machine has an address that is declared here; afterwards it is
    asked once more, and each declared gateway must answer.
  - What the files say of other interfaces stays as it is.
  - Refused before anything is touched is what cannot work. So are files that the back end does not accept, as they are
    or as they would be; options of the port that the bridge cannot have; a file that cloud-init would write again; a
    port that another back end configures too; and a port whose address is a lease that the bridge would not keep.
options:
  config:
    description:
      - The declaration. Required unless O(confirm). The short form is a list of bridges, the long form a mapping with
        the keys C(nics), C(bonds), C(vlans) and C(bridges), each a list of mappings.
      - An entry of C(nics) gives a NIC the C(name) by which the rest of the declaration has it, by its C(mac), its
        C(driver) or its C(slot), as in C(0000:3b:00.0). Exactly one NIC of the host must be so.
      - An entry of C(bonds) has C(name); C(ports), a list of NICs; C(mode), one of C(802.3ad), which is the default,
        C(active-backup) and C(balance-xor); C(lacp_rate), C(slow) or C(fast); C(hash_policy), such as C(layer3+4);
        C(primary), the port that active-backup prefers; and C(mtu). With C(type=openvswitch) it is a bond of Open
        vSwitch, the port of one bridge of that type, with C(name), C(ports), C(mode), one of C(active-backup), which is
        the default, C(balance-slb) and C(balance-tcp), and C(lacp), C(off), C(active) or C(passive), by default
        C(active) with balance-tcp and else C(off).
      - An entry of C(vlans) has C(parent), a NIC or bond; C(id), 1 to 4094; C(name), by default the parent's with a dot
        and the id behind it; and C(mtu).
      - An entry of C(bridges) has C(name), the same as the zone's traffic label; C(port), a NIC, bond or VLAN device;
        C(mtu), by default 1500; C(address), a static IPv4 address with prefix length or netmask, or C(dhcp);
        C(gateway), which at most one bridge has; C(ipv6_addresses), a list, and C(ipv6_gateway); C(routes), each with
        C(to), C(via) and perhaps C(table); C(rules), each with C(table), C(priority), and C(source) or C(to); C(dns)
        and C(search), lists of name servers and domains; C(stp), by default false, and C(forward_delay) in seconds;
        C(multicast_querier), by default false, whether the bridge itself asks for members of multicast groups, which
        is changed while the bridge is up.
      - An entry of C(bridges) with C(type=openvswitch) is a bridge of Open vSwitch, on a NIC or a bond of that type. It
        has C(tag), the VLAN of its own addresses, and C(trunks), the VLANs that its port carries, 0 being untagged and
        no list all, and none of C(stp), C(forward_delay) and C(multicast_querier). One that is there is changed in
        place and keeps the ports of guests. systemd-networkd cannot say such bridges, netplan no C(tag) and no
        C(trunks).
      - The MTU stands once, at the bridge. What lies under it has the largest MTU of what lies on it, or its own C(mtu)
        where that is larger.
      - An entry of a bond, VLAN device or bridge with C(state=absent) needs no more than its C(name), and is removed.
        What is in no declaration any more is told, and stays.
      - A NIC that carries only VLAN devices keeps its addresses and whatever else configures it.
    type: raw
    default: []
  traffic_labels:
    description:
      - The traffic labels of the zone. Each must be declared or be on the host, and a bridge for public traffic alone
        has no address.
    type: list
    elements: dict
    default: []
    suboptions:
      label:
        description: Name of the bridge or interface.
        type: str
        required: true
      type:
        description: The traffic type, such as C(Management).
        type: str
        required: true
  backend:
    description:
      - What configures the network of this host. It is never switched to another one.
      - V(networkmanager) means keyfiles, V(netplan) with systemd-networkd behind it.
    type: str
    choices: [ifupdown, netplan, networkd, networkmanager]
    default: ifupdown
  management_servers:
    description:
      - Addresses of management servers. Each that answers on port 8250, where the agent connects to it, before a change
        has to answer after it. One that refuses the connection has answered.
    type: list
    elements: str
    default: []
  rollback_timeout:
    description:
      - Seconds within which a new login must confirm the change after it was made, and within which the host must reach
        where the login came from. Else everything is put back.
    type: int
    default: 60
  confirm:
    description:
      - Keep the change that waits to be confirmed. The module's action plugin does this over a new connection; only who
        runs the module without Ansible needs it.
    type: bool
    default: false
  allow_guest_disruption:
    description: Whether a bridge that guests are connected to may be taken down.
    type: bool
    default: false
attributes:
  action:
    description: A new connection confirms the change.
    support: full
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
    config:
      - {name: cloudbr0, port: eth0, address: 192.0.2.11/24, gateway: 192.0.2.1}
      - {name: cloudbr1, port: eth1, mtu: 9000}

- name: Two NICs as a bond; guests untagged, management and storage on VLANs
  cloudstack.kvm.bridge:
    config:
      bonds:
        - {name: bond0, ports: [eth0, eth1], mode: 802.3ad, lacp_rate: fast, hash_policy: layer3+4}
      vlans:
        - {parent: bond0, id: 100}
        - {parent: bond0, id: 200}
      bridges:
        - {name: cloudbr0, port: bond0.100, address: 192.0.2.11/24, gateway: 192.0.2.1}
        - {name: cloudbr1, port: bond0}
        - {name: cloudbr2, port: bond0.200, mtu: 9000, address: 198.51.100.11/24}

- name: Bridges of Open vSwitch; two NICs as a bond, management in VLAN 100
  cloudstack.kvm.bridge:
    config:
      bonds:
        - {name: bond0, type: openvswitch, ports: [eth0, eth1], mode: balance-tcp}
      bridges:
        - {name: cloudbr0, type: openvswitch, port: bond0, tag: 100, address: 192.0.2.11/24, gateway: 192.0.2.1}
        - {name: cloudbr1, type: openvswitch, port: eth2}

- name: A bridge that is no longer needed
  cloudstack.kvm.bridge:
    config:
      - {name: cloudbr0, port: eth0, address: 192.0.2.11/24, gateway: 192.0.2.1}
      - {name: cloudbr9, state: absent}
"""

RETURN = r"""
bridges:
  description: The bridges as declared.
  returned: always
  type: list
  elements: str
  sample: [cloudbr0, cloudbr1]
undeclared:
  description: What an earlier declaration made and this one does not name. It stays; a warning tells it.
  returned: always
  type: list
  elements: str
  sample: [cloudbr2]
steps:
  description: What was changed, or in check mode would be; empty where all is as declared.
  returned: always
  type: list
  elements: str
  sample: [take down eth0, change /etc/network/interfaces, build cloudbr0]
rolled_back:
  description: Whether a change was begun and put back. Behind the action plugin no other host is changed after it.
  returned: failure
  type: bool
  sample: true
waits:
  description:
    - Whether the change waits to be confirmed. Always V(false) behind the action plugin, which has confirmed it.
  returned: always
  type: bool
  sample: false
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.registry import BACKENDS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client import rollback
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.apply import Applier
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.cards import cards
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.confirmation import (
    SECONDS,
    Confirmation,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.guard import Guard, caller
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.witnesses import Witnesses
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import names_cards, read_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import (
    guests_on,
    plan_network,
    undeclared,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.detect import require_alone
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.rules import check

LABEL = {"label": {"type": "str", "required": True}, "type": {"type": "str", "required": True}}
SPEC = {
    "config": {"type": "raw", "default": []},
    "traffic_labels": {"type": "list", "elements": "dict", "default": [], "options": LABEL},
    "management_servers": {"type": "list", "elements": "str", "default": []},
    "backend": {"type": "str", "choices": sorted(BACKENDS), "default": "ifupdown"},
    "rollback_timeout": {"type": "int", "default": SECONDS},
    "confirm": {"type": "bool", "default": False},
    "allow_guest_disruption": {"type": "bool", "default": False},
}


def body(module):
    confirmation = Confirmation(module.params["rollback_timeout"], rollback.__name__)
    if module.params["confirm"]:
        if not module.check_mode:
            confirmation.confirm()
        return Plan(), {"bridges": [], "undeclared": [], "steps": [], "waits": False}
    confirmation.require_none()
    config, name = module.params["config"], module.params["backend"]
    network = read_network(config, cards() if names_cards(config) else ())
    require_alone(name, network.taken, _claims_of_others(name))
    return _declare(module, network, BACKENDS[name](), confirmation)


def _declare(module, network, backend, confirmation):
    links = Links()
    links.require_switches(network)

    def make_plan(state, files):
        check(network, state.links, module.params["traffic_labels"])
        rendered, declared = backend.render(network, files), backend.declared(files)
        becomes = backend.declared({**files, **rendered})
        return plan_network(network, files, rendered, declared, state, backend.file_mode, becomes)

    state, files = links.measure(), backend.read()
    plan, waits = make_plan(state, files), False
    _refuse_guests(module, guests_on(plan, state.links, backend.declared(files)))
    if plan:
        there = backend.configured(files)
        backend.check(files, [link for link in network.taken if link in there])
        backend.check({**files, **backend.render(network, files)}, network.taken)
    left = _told_left(module, network, files, backend)
    if plan and not module.check_mode:
        guard = _guard(module, network, state.links)
        name = module.params["backend"]
        applier = Applier(name, backend, links, guard, confirmation, lambda: make_plan(links.measure(), backend.read()))
        waits = applier.apply(plan, state)
    names = [bridge.name for bridge in network.bridges]
    return plan, {"bridges": names, "undeclared": left, "steps": plan.summary(), "waits": waits}


def _guard(module, network, links):
    seconds = module.params["rollback_timeout"]
    witnesses = Witnesses(module.params["management_servers"], network.nics, seconds)
    return Guard(caller(), seconds, network, links, witnesses=witnesses)


def _told_left(module, network, files, backend):
    left = undeclared(network, files, backend.declared(files))
    if left:
        module.warn(
            f"{', '.join(left)}: made by an earlier declaration, and not in network_bridge_config any more. Nothing "
            "was removed. Next: declare it again, or with state: absent to remove it."
        )
    return left


def _claims_of_others(name):
    others = {other: make() for other, make in BACKENDS.items() if other != name}
    found = {other: backend.configured(backend.read()) for other, backend in others.items()}
    return {other: links for other, links in found.items() if links and others[other].in_force()}


def _refuse_guests(module, guests):
    if guests and not module.params["allow_guest_disruption"]:
        raise InputError(
            "guests are connected to a bridge that would be taken down",
            observed=", ".join(guests),
            next_step="put the host into maintenance first, or set network_bridge_allow_guest_disruption",
        )


def main():
    runtime.run(SPEC, body)


if __name__ == "__main__":
    main()
