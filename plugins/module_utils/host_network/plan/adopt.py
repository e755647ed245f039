# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(what the files of a host declare, its network as measured) -> the declaration that describes it, and what it cannot
say. Pure.

Only what files and kernel agree on is declared, so that applying it changes nothing; all else is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    MODES,
    OPEN_VSWITCH,
    OVS_DATAPATHS,
    VLAN_PROTOCOL,
    Bond,
    Bridge,
    Device,
    Link,
    Network,
    Ovs,
    State,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import netplan as yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import read_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ovs import is_switched
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.rules import check

VARIABLE = "network_bridge_config"
_KINDS = {Bond: "bond", Vlan: "vlan"}
_BRIDGES = ("bridge", OPEN_VSWITCH)
# Interfaces of guests and of containers come and go; the loopback is nobody's.
_PASSING = ("tun", "loopback", "veth")
_NICS = ("ether", "infiniband")
_WORDS = {"bridge": "a bridge", OPEN_VSWITCH: "a bridge of Open vSwitch"}
_LINK_LOCAL = "cloud0"  # CloudStack's agent makes it, and the bridges of guest networks, by itself


@dataclass(frozen=True)
class Adopted:
    """`config` is a value of network_bridge_config, `notes` a sentence for each thing that it does not say."""

    config: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """As YAML for host_vars, the notes as comments above it."""
        head = "".join(f"# {note}\n" for note in self.notes)
        return head + yaml.dump({VARIABLE: _texts(self.config)})


def adopt(found: Network, state: State) -> Adopted:
    """`found` is what the back end's files declare, `state` what the kernel has."""
    differences = {name: _undeclarable(each, found, state) for name, each in found.devices.items()}
    kept = Network(
        tuple(each for each in found.bonds if not differences[each.name]),
        tuple(each for each in found.vlans if not differences[each.name]),
        tuple(each for each in found.bridges if not differences[each.name]),
    )
    notes = [f"{name}: {text}; left out" for name, text in differences.items() if text]
    notes += _notes_of_bridges(kept, state)
    for name, link in state.links.items():
        if name not in found.devices:
            notes += _notes_of_link(link, state)
        elif name in kept.devices and link.kind not in _BRIDGES:
            notes += _notes_of_addresses(link)
    config = _config(kept)
    return Adopted(config, (*notes, *_refusals(config, state)))


def _refusals(config: Mapping[str, Any], state: State) -> list[str]:
    """Why the role would not accept what is there: CloudStack could not use it."""
    try:
        check(read_network(config), state.links)
    except InputError as error:
        return [f"the role refuses this as it stands: {error.message}; change that, or leave that bridge out"]
    return []


def _undeclarable(device: Device, found: Network, state: State) -> str:
    """Why a device of the files is not declared, "" for one that is."""
    return _stacked(device, found) or _difference(device, state) or _address_of_lower(device, found, state)


def _address_of_lower(device: Device, found: Network, state: State) -> str:
    """Addresses of a bond or VLAN device that no bridge has taken over."""
    on_it = [found.devices[name] for name in (device.name, *found.above(device.name))]
    addresses = ", ".join(each.cidr for each in state.links[device.name].addresses)
    if not addresses or any(isinstance(each, Bridge) for each in on_it):
        return ""
    return f"has {addresses} itself, and addresses are declared on bridges only"


def _stacked(device: Device, found: Network) -> str:
    """A stack that cannot be declared, "" for one that can."""
    below = {name: found.devices.get(name) for name in found.below(device.name)}
    made = [name for name, each in below.items() if each]
    if isinstance(device, Bond) and made:
        return f"a bond over {made[0]}; declared bonds are of NICs"
    if isinstance(device, Vlan) and made and not isinstance(below[made[0]], Bond):
        return f"a VLAN device on {made[0]}; declared VLAN devices lie on NICs and bonds"
    return ""


def _difference(device: Device, state: State) -> str:
    """In what the kernel has a device otherwise than the files say, "" where they agree."""
    link = state.links.get(device.name)
    kind = device.kind if isinstance(device, Bridge) else _KINDS[type(device)]
    if link is None or link.kind != kind:
        return f"the files declare a {kind}, the host has {link.kind if link else 'nothing'} of that name"
    if link.mtu != device.mtu:
        return f"the files say MTU {device.mtu}, the host has {link.mtu}"
    ports = sorted(each.name for each in state.links.values() if each.master == device.name)
    if isinstance(device, Bond) and ports != sorted(device.ports):
        return f"the files say ports {', '.join(sorted(device.ports))}, the host has {', '.join(ports) or 'none'}"
    if isinstance(device, Bond):
        return _difference_of_mode(device, link)
    if isinstance(device, Vlan):
        return _difference_of_tag(device, link)
    missing = [port for port in device.links if port not in ports]
    if missing:
        return f"the files say port {', '.join(missing)}, the host has {', '.join(ports) or 'none'}"
    if device.ovs and not is_switched(device, state.switches):
        return "the files say another bond, tag or trunks than Open vSwitch has"
    return _difference_of_addresses(device, link) or _difference_of_gateway(device, state) or _unasked(device, link)


def _difference_of_mode(bond: Bond, link: Link) -> str:
    mode = dict(link.options).get("mode", bond.mode)
    if mode != bond.mode:
        return f"the files say mode {bond.mode}, the host has {mode}"
    return _undeclarable_mode(mode)


def _undeclarable_mode(mode: str) -> str:
    return "" if mode in MODES else f"a bond of the mode {mode}; declared are {', '.join(MODES)}"


def _difference_of_tag(vlan: Vlan, link: Link) -> str:
    options = {"id": str(vlan.id), "protocol": vlan.protocol, **dict(link.options)}
    said = f"{vlan.id} on {vlan.parent}, protocol {vlan.protocol}"
    there = f"{options['id']} on {link.parent}, protocol {options['protocol']}"
    if there != said:
        return f"the files say VLAN {said}, the host has {there}"
    same = vlan.protocol == VLAN_PROTOCOL
    return "" if same else f"a VLAN device of the protocol {vlan.protocol}; declared are those of {VLAN_PROTOCOL}"


def _difference_of_addresses(bridge: Bridge, link: Link) -> str:
    present = {ip_interface(each.cidr) for each in link.addresses}
    if bridge.address == "dhcp" and not link.ipv4:
        return "the files say DHCP, the host has no IPv4 address there"
    static = [*bridge.addresses6, *([bridge.address] if bridge.address not in (None, "dhcp") else [])]
    lacking = [str(each) for each in static if ip_interface(str(each)) not in present]
    there = ", ".join(each.cidr for each in link.addresses) or "none"
    return f"the files say address {', '.join(lacking)}, the host has {there}" if lacking else ""


def _difference_of_gateway(bridge: Bridge, state: State) -> str:
    """A default route over another device is another's."""
    found = state.gateways.get(bridge.name)
    elsewhere = bool(state.gateways) and not found
    if not bridge.gateway or elsewhere or found == bridge.gateway:
        return ""
    return f"the files say gateway {bridge.gateway}, the host has {found or 'none'}"


def _unasked(bridge: Bridge, link: Link) -> str:
    asks = dict(link.options).get("mcast_querier") == "1"
    return "the files say multicast querier, the host has none there" if bridge.multicast_querier and not asks else ""


def _notes_of_bridges(kept: Network, state: State) -> list[str]:
    """What kernel and files have beside what a bridge can be declared with. It stays as it is."""
    notes = []
    for bridge in kept.bridges:
        if dict(state.links[bridge.name].options).get("mcast_querier") == "1" and not bridge.multicast_querier:
            notes.append(f"{bridge.name}: a multicast querier, which no file says: it stays one until the next boot")
        more = [each for each in state.links[bridge.name].ipv4 if each != bridge.address]
        if more and bridge.address != "dhcp":
            notes.append(f"{bridge.name}: a bridge is declared with one IPv4 address; {', '.join(more)} stays as it is")
        for route in state.routes:
            if bridge.name in route.devices and route.main and not _is_declared(route.words, bridge):
                notes.append(f"{bridge.name}: the route {' '.join(route.words)} is not declared; it stays as it is")
    return notes


def _is_declared(words: Iterable[str], bridge: Bridge) -> bool:
    """Default routes are the gateway's; those that DHCP brings are the server's."""
    said = list(words)
    by_dhcp = bridge.address == "dhcp" or "dhcp" in said
    return by_dhcp or said[0] == "default" or said[0] in {route.to.replace("/32", "") for route in bridge.routes}


def _notes_of_link(link: Link, state: State) -> list[str]:
    """Of a link that no file declares, as far as it can be said."""
    if link.kind in _PASSING or link.name == _LINK_LOCAL:
        return []
    if link.kind in _NICS:
        return _notes_of_addresses(link)
    if link.kind in _BRIDGES:
        if link.name in OVS_DATAPATHS:
            return []
        ports = sorted(each.name for each in state.links.values() if each.master == link.name)
        return [
            f"{link.name}: {_WORDS[link.kind]} with {', '.join(ports) or 'no port'}, which the files do not declare "
            "with exactly one port; left out"
        ]
    mode = dict(link.options).get("mode", MODES[0])  # bonds alone have one
    why = _undeclarable_mode(mode) or f"of the kind {link.kind}, or in the files in a form that cannot be declared"
    return [f"{link.name}: {why}; left out"]


def _notes_of_addresses(link: Link) -> list[str]:
    found = ", ".join(each.cidr for each in link.addresses)
    if not found:
        return []
    return [f"{link.name}: has {found} itself; addresses are declared on bridges only, so this stays as it is"]


def _config(network: Network) -> dict[str, Any]:
    """The long form, what is the default left out."""
    bare = replace(
        network,
        bonds=tuple(replace(each, mtu=0) for each in network.bonds),
        vlans=tuple(replace(each, mtu=0) for each in network.vlans),
    )
    parts = {
        "bonds": [
            *(_bond(each, bare.mtu_of(each.name)) for each in network.bonds),
            *(_ovs_bond(each, each.ovs) for each in network.bridges if each.ovs and each.ovs.ports),
        ],
        "vlans": [_vlan(each, bare.mtu_of(each.name)) for each in network.vlans],
        "bridges": [_bridge(each) for each in network.bridges],
    }
    return {kind: entries for kind, entries in parts.items() if entries}


def _without(entry: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value not in (None, (), [], "") and value != default.get(key)}


def _bond(bond: Bond, from_above: int) -> dict[str, Any]:
    entry = {
        "name": bond.name,
        "ports": list(bond.ports),
        "mode": bond.mode,
        "lacp_rate": bond.lacp_rate,
        "hash_policy": bond.hash_policy,
        "primary": bond.primary,
        "mtu": bond.mtu,
    }
    return _without(entry, {"mtu": from_above})


def _ovs_bond(bridge: Bridge, ovs: Ovs) -> dict[str, Any]:
    entry = {"name": bridge.port, "type": OPEN_VSWITCH, "ports": list(ovs.ports), "mode": ovs.mode}
    return {**entry, "lacp": ovs.lacp or "off"}


def _vlan(vlan: Vlan, from_above: int) -> dict[str, Any]:
    entry = {"name": vlan.name, "parent": vlan.parent, "id": vlan.id, "mtu": vlan.mtu}
    return _without(entry, {"name": f"{vlan.parent}.{vlan.id}", "mtu": from_above})


def _bridge(bridge: Bridge) -> dict[str, Any]:
    routes = [{"to": each.to, "via": each.via, "table": each.table} for each in bridge.routes]
    rules = [
        {"source": each.source, "to": each.to, "table": each.table, "priority": each.priority} for each in bridge.rules
    ]
    entry = {
        "name": bridge.name,
        "type": OPEN_VSWITCH if bridge.ovs else None,
        "port": bridge.port,
        "tag": bridge.ovs.tag if bridge.ovs else None,
        "trunks": list(bridge.ovs.trunks) if bridge.ovs else [],
        "mtu": bridge.mtu,
        "address": bridge.address,
        "gateway": bridge.gateway,
        "ipv6_addresses": list(bridge.addresses6),
        "ipv6_gateway": bridge.gateway6,
        "routes": [_without(each, {}) for each in routes],
        "rules": [_without(each, {}) for each in rules],
        "dns": list(bridge.dns),
        "search": list(bridge.search),
        "stp": bridge.stp,
        "forward_delay": bridge.forward_delay if bridge.stp else 0,
        "multicast_querier": bridge.multicast_querier,
    }
    return _without(entry, {"mtu": 1500, "stp": False, "forward_delay": 0, "multicast_querier": False})


def _texts(value: Any) -> Any:
    """As the writer of YAML takes it."""
    if isinstance(value, Mapping):
        return {key: _texts(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
