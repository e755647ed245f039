#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Bridges of a KVM host, with the same MTU on bridge and port
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Declares all bridges that carry CloudStack's traffic labels, each with one port, and applies them in one run.
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
  bridges:
    description: The bridges. Required unless O(confirm).
    type: list
    elements: dict
    default: []
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
        description: Static address with prefix length or netmask, V(dhcp), or nothing for a bridge without an address.
        type: str
      gateway:
        description: Default gateway; at most one bridge has one.
        type: str
  backend:
    description:
      - What configures the network of this host. It is never switched to another one.
      - V(networkmanager) means keyfiles, V(netplan) with systemd-networkd behind it.
    type: str
    choices: [ifupdown, netplan, networkd, networkmanager]
    default: ifupdown
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
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.confirmation import (
    SECONDS,
    Confirmation,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.guard import Guard, caller
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import (
    check,
    guests_on,
    plan_bridges,
    read_bridges,
    rebuilt_bridges,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.detect import require_alone

BRIDGE = {
    "name": {"type": "str", "required": True},
    "port": {"type": "str", "required": True},
    "mtu": {"type": "int", "default": 1500},
    "address": {"type": "str"},
    "gateway": {"type": "str"},
}
SPEC = {
    "bridges": {"type": "list", "elements": "dict", "default": [], "options": BRIDGE},
    "backend": {"type": "str", "choices": sorted(BACKENDS), "default": "ifupdown"},
    "rollback_timeout": {"type": "int", "default": SECONDS},
    "confirm": {"type": "bool", "default": False},
    "allow_guest_disruption": {"type": "bool", "default": False},
}


def body(module):
    seconds, name = module.params["rollback_timeout"], module.params["backend"]
    confirmation, waits = Confirmation(seconds, rollback.__name__), False
    if module.params["confirm"]:
        if not module.check_mode:
            confirmation.confirm()
        return Plan(), {"bridges": [], "waits": False}
    confirmation.require_none()
    bridges = read_bridges(module.params["bridges"])
    network = Network(bridges=tuple(bridges))
    require_alone(name, bridges, _claims_of_others(name))
    backend, links = BACKENDS[name](), Links()

    def make_plan(state, files):
        check(bridges, state.links)
        rendered, declared = backend.render(network, files), backend.declared(files)
        return plan_bridges(bridges, files, rendered, declared.bridges, state, backend.file_mode)

    state, files = links.measure(), backend.read()
    plan = make_plan(state, files)
    _refuse_guests(module, rebuilt_bridges(plan), state.links)
    if plan:
        backend.check(files, [])
        backend.check(
            {**files, **backend.render(network, files)},
            [name for bridge in bridges for name in (bridge.port, bridge.name)],
        )
    if plan and not module.check_mode:
        guard = Guard(caller(), seconds, bridges, state.links)
        waits = Applier(
            name, backend, links, guard, confirmation, lambda: make_plan(links.measure(), backend.read())
        ).apply(plan, state)
    return plan, {"bridges": [bridge.name for bridge in bridges], "waits": waits}


def _claims_of_others(name):
    others = {other: make() for other, make in BACKENDS.items() if other != name}
    found = {other: backend.configured(backend.read()) for other, backend in others.items()}
    return {other: links for other, links in found.items() if links and others[other].in_force()}


def _refuse_guests(module, rebuilt, links):
    guests = guests_on(rebuilt, links)
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
