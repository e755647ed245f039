# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a declared network must be before anything is touched: what the kernel makes, and what CloudStack's agent finds
its bridges by. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.bridge_labels import PHYSICAL
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    LINUX_BRIDGE,
    OPEN_VSWITCH,
    Bond,
    Bridge,
    Device,
    Link,
    Network,
    Ovs,
    Vlan,
)

LONGEST_NAME = 15  # IFNAMSIZ without its zero byte
LONGEST_VLAN_PORT = 8  # br<port>-<vlan> with a four-digit VLAN must fit (issues 10883, 10884, 9905)
_KINDS = {Bond: "bond", Vlan: "vlan"}
_WORDS = {
    "bond": "a bond",
    "vlan": "a VLAN device",
    LINUX_BRIDGE: "a bridge",
    OPEN_VSWITCH: "a bridge of Open vSwitch",
}
_NOT_PORTS = (LINUX_BRIDGE, OPEN_VSWITCH, "loopback", "tun")
_CORRECT = "correct network_bridge_config; nothing was changed"


def check(network: Network, links: Mapping[str, Link], labels: Sequence[Mapping[str, str]] = ()) -> None:
    """Raise InputError for what cannot work, before anything is touched. `labels` are the zone's traffic labels, each
    with `type` and `label`."""
    _check_once(network)
    for bond in network.bonds:
        _check_bond(bond, network)
    for vlan in network.vlans:
        _check_vlan(vlan, network)
    for bridge in network.bridges:
        _check_names(bridge, network, links)
        _check_mtu(bridge)
        if bridge.ovs:
            _check_ovs(bridge, bridge.ovs, network, links)
    for name in network.devices:
        _check_below(name, network, links)
    for device in network.made:
        _check_bare(device, network, links)
    for bridge in network.bridges:
        _check_address(bridge)
        _check_ipv6(bridge)
        _check_lease(bridge, network, links)
        _check_elsewhere(bridge, network, links)
    if sum(bridge.gateway is not None for bridge in network.bridges) > 1:
        raise InputError("more than one bridge has a gateway", next_step="keep the one of the default route")
    _check_absent(network, links)
    _check_labels(network, links, labels)
    _check_one_kind(network, links, labels)


def _check_once(network: Network) -> None:
    """Each device is declared once, and no NIC is used twice, but for VLANs beside a bridge."""
    names = [each.name for each in network.made] + list(network.absent)
    names += [bridge.port for bridge in network.bridges if bridge.ovs and bridge.ovs.ports]
    ports = [port for bond in network.bonds for port in bond.ports]
    ports += [port for bridge in network.bridges for port in bridge.links]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{name} is declared twice", next_step="give each bond, VLAN device and bridge its own name"
            )
    for device in network.made:
        if isinstance(device, Vlan):
            continue
        twice = [port for port in network.below(device.name) if ports.count(port) > 1]
        if twice:
            raise InputError(
                f"{_words(device)} {device.name} or its port {twice[0]} is declared twice",
                next_step="give each bridge its own port; for more than one network on a NIC or bond declare VLANs",
            )


def _words(device: Device) -> str:
    return device.kind if isinstance(device, Bridge) else _KINDS[type(device)]


def _check_name(name: str, kind: str) -> None:
    if len(name) > LONGEST_NAME or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise InputError(
            f"a {kind} name is not usable",
            expected=f"at most {LONGEST_NAME} letters, digits, - _ .",
            observed=name,
        )


def _check_bond(bond: Bond, network: Network) -> None:
    """Source of what a mode has: the kernel's bonding.rst."""
    _check_name(bond.name, "bond")
    wrong = []
    if not bond.ports:
        wrong.append("no ports")
    wrong += [f"{port} as a port, which is not a NIC" for port in bond.ports if port in network.devices]
    under_vlans = [vlan.name for vlan in network.vlans if vlan.parent in bond.ports]
    wrong += [
        f"VLAN device {name} on one of its ports, where the bond's packets do not come by" for name in under_vlans
    ]
    if bond.lacp_rate and bond.mode != "802.3ad":
        wrong.append(f"lacp_rate in mode {bond.mode}, which has no LACP")
    if bond.hash_policy and bond.mode == "active-backup":
        wrong.append("hash_policy in mode active-backup, which sends over one port")
    if bond.primary and (bond.mode != "active-backup" or bond.primary not in bond.ports):
        wrong.append(f"primary {bond.primary} in mode {bond.mode} with the ports {', '.join(bond.ports)}")
    if wrong:
        raise InputError(
            f"the bond {bond.name} cannot be made as it is declared",
            expected="NICs as ports; lacp_rate with 802.3ad, hash_policy with 802.3ad or balance-xor, primary, one of "
            "the ports, with active-backup",
            observed="; ".join(wrong),
            next_step=_CORRECT,
        )


def _check_vlan(vlan: Vlan, network: Network) -> None:
    """The agent takes the parent of a bridge's VLAN port as the interface on which it makes guest VLANs, one step down
    (LibvirtComputingResource.getPif, 4.22.1)."""
    _check_name(vlan.name, "VLAN device")
    parent = network.devices.get(vlan.parent)
    if not 1 <= vlan.id <= 4094:
        raise InputError(
            f"the VLAN of {vlan.name} is not valid", expected="1 to 4094", observed=vlan.id, next_step=_CORRECT
        )
    twice = [each.name for each in network.vlans if (each.parent, each.id) == (vlan.parent, vlan.id)]
    if len(twice) > 1:
        raise InputError(
            f"VLAN {vlan.id} of {vlan.parent} is declared twice",
            expected="one VLAN device for each VLAN of a NIC or bond",
            observed=", ".join(twice),
            next_step=_CORRECT,
        )
    if isinstance(parent, (Vlan, Bridge)):
        raise InputError(
            f"the VLAN device {vlan.name} lies on {vlan.parent}, {_WORDS[_words(parent)]}",
            expected="a NIC or a bond under a VLAN device, and the bridge on the VLAN device",
            observed=f"{vlan.name} on {' on '.join(reversed(network.stack(vlan.parent)))}",
            next_step=f"declare {network.below(vlan.parent)[0]} as its parent; nothing was changed",
        )


def _check_names(bridge: Bridge, network: Network, links: Mapping[str, Link]) -> None:
    """Under Open vSwitch the agent asks for the bridge alone (LibvirtComputingResource.getOvsPifs, 4.22.1)."""
    _check_name(bridge.name, "bridge")
    if bridge.ovs:
        return
    if not PHYSICAL.match(bridge.port):
        raise InputError(
            f"the port {bridge.port} of {bridge.name} would not count as physical for CloudStack's agent",
            expected="a name that begins with eth, bond, vlan, em, ens, eno, enp, team, enx, enc, or like p1p1",
            observed=bridge.port,
            next_step=_rename(bridge.port, links),
        )
    if len(bridge.port) > LONGEST_NAME:
        _check_name(bridge.port, "port")
    carrier = guest_carrier(bridge.port, network, links)
    if len(carrier) > LONGEST_VLAN_PORT:
        under = f", the parent of {bridge.port}," if carrier != bridge.port else ""
        raise InputError(
            f"the port {carrier}{under} of {bridge.name} is too long for VLAN networks",
            expected=f"at most {LONGEST_VLAN_PORT} letters, because br{carrier}-4095 must fit into {LONGEST_NAME}",
            observed=f"{len(carrier)} letters",
            next_step=_rename(carrier, links),
        )


def _check_ovs(bridge: Bridge, ovs: Ovs, network: Network, links: Mapping[str, Link]) -> None:
    """Sources: ovs-vswitchd.conf.db(5), table Port, and the agent, which tags the ports of guests itself."""
    wrong = [f"{port}, which is not a NIC" for port in bridge.links if port in network.devices]
    wrong += [f"{port}, which is {_WORDS[links[port].kind]}" for port in bridge.links if _is_made(port, links)]
    used = [vlan.name for vlan in network.vlans if vlan.parent in (bridge.port, *bridge.links)]
    wrong += [f"VLAN device {name} on its port, where Open vSwitch has the packets" for name in used]
    if ovs.ports and len(ovs.ports) < 2:
        wrong.append(f"a bond of {ovs.ports[0]} alone")
    if ovs.mode == "balance-tcp" and not ovs.lacp:
        wrong.append("balance-tcp without LACP")
    wrong += [f"tag {ovs.tag}"] if ovs.tag is not None and not 1 <= ovs.tag <= 4094 else []
    wrong += [f"trunks {each}" for each in ovs.trunks if each > 4095]
    own = ovs.tag or 0
    if ovs.trunks and own not in ovs.trunks and (bridge.address or bridge.addresses6):
        wrong.append(f"an address in VLAN {own} (0: untagged), which is not in trunks")
    if wrong:
        raise InputError(
            f"the bridge {bridge.name} of Open vSwitch cannot be made as it is declared",
            expected="a NIC, or a bond of type openvswitch of at least two NICs, as its port; balance-tcp with lacp "
            "active or passive; tag 1 to 4094; trunks 0 to 4095, and among them the VLAN of its own address",
            observed="; ".join(wrong),
            next_step=_CORRECT,
        )


def _is_made(port: str, links: Mapping[str, Link]) -> bool:
    """Whether a link is a bond, VLAN device or bridge of the kernel, which Open vSwitch has its own of."""
    return port in links and links[port].kind in _WORDS


def guest_carrier(port: str, network: Network, links: Mapping[str, Link]) -> str:
    """The interface on which the agent makes guest VLANs for a bridge with this port: the parent where the port is a
    VLAN device (LibvirtComputingResource.getPif, 4.22.1)."""
    device = network.devices.get(port)
    if isinstance(device, Vlan):
        return device.parent
    link = links.get(port)
    return link.parent if link is not None and link.kind == "vlan" and link.parent else port


def _rename(name: str, links: Mapping[str, Link]) -> str:
    """Offers the .link file, ready to be written, where the NIC is known."""
    link = links.get(name)
    if link is None or not link.mac or link.kind in _WORDS:
        return "rename the NIC by a systemd .link file, or put a short-named bond under the bridge"
    text = f"[Match] PermanentMACAddress={link.mac} [Link] Name=em{link.mac[-2:]}"
    return (
        f"rename the NIC by a systemd .link file (/etc/systemd/network/10-em{link.mac[-2:]}.link with the lines "
        f"{text}, then update-initramfs -u or dracut -f, and reboot), or put a short-named bond under the bridge"
    )


def _check_mtu(bridge: Bridge) -> None:
    if not 576 <= bridge.mtu <= 65535:
        raise InputError(f"the MTU of {bridge.name} is not valid", expected="576 to 65535 bytes", observed=bridge.mtu)
    if bridge.stp and not 2 <= bridge.forward_delay <= 30:
        raise InputError(
            f"the forward delay of {bridge.name} is not valid",
            expected="2 to 30 seconds, where the spanning tree is on (IEEE 802.1D)",
            observed=bridge.forward_delay,
            next_step=_CORRECT,
        )


def _check_below(name: str, network: Network, links: Mapping[str, Link]) -> None:
    """What a device lies on is there, or is made, and belongs to nothing else."""
    kind = _words(network.devices[name])
    for port in network.below(name):
        what = f"the parent {port} of {name}" if kind == "vlan" else f"the port {port} of {name}"
        if port not in links and port not in network.devices:
            there = sorted(each for each, link in links.items() if link.kind not in _NOT_PORTS)
            raise InputError(
                f"{what} does not exist",
                expected=port,
                observed=f"network interfaces {', '.join(there)}",
                next_step=_CORRECT,
                reproduce="ip -br link",
            )
        if port in network.absent:
            raise InputError(f"{what} is declared with state: absent", next_step=_CORRECT)
        if port in links and links[port].kind in (LINUX_BRIDGE, OPEN_VSWITCH):
            raise InputError(
                f"{what} is a bridge itself",
                expected="a NIC, a bond or a VLAN device: the kernel takes no bridge into a bridge",
                observed=f"{port} is a bridge",
                next_step="declare the port of that bridge, or its name as the bridge; nothing was changed",
                reproduce=f"ip -d link show {port}",
            )
        master = links[port].master if port in links else None
        if master and kind != "vlan" and master not in (name, *network.absent):
            raise InputError(
                f"{what} belongs to {master} already",
                next_step=f"take it out of there first, or declare {master} with state: absent; nothing was changed",
                reproduce=f"ip -br link show master {master}",
            )
        if master and kind == "vlan":
            _check_parent(what, port, links.get(master))
    _check_kind(name, kind, links)


def _check_parent(what: str, port: str, master: Optional[Link]) -> None:
    """A VLAN device may lie beside a bridge on a NIC, but not on the port of a bond."""
    if master is not None and master.kind == "bond":
        raise InputError(
            f"{what} is a port of the bond {master.name}, where a VLAN's packets do not come by",
            expected=f"{master.name}, or a NIC that is in no bond, as the parent",
            observed=f"{port} in {master.name}",
            next_step=_CORRECT,
            reproduce=f"ip -br link show master {master.name}",
        )


def _check_kind(name: str, kind: str, links: Mapping[str, Link]) -> None:
    if name in links and links[name].kind != kind:
        raise InputError(
            f"{name} exists and is not {_WORDS[kind]}",
            expected=_WORDS[kind],
            observed=links[name].kind,
            next_step=f"give the {kind} another name; nothing was changed",
            reproduce=f"ip -d link show dev {name}",
        )


def _check_bare(device: Device, network: Network, links: Mapping[str, Link]) -> None:
    """Only bridges have addresses here, so that of a bond or VLAN device has to be able to move."""
    addresses = links[device.name].ipv4 if device.name in links else ()
    if addresses and not isinstance(device, Bridge) and not network.above(device.name):
        raise InputError(
            f"{device.name} has an address, and no bridge is declared on it that could take it over",
            expected=f"a bridge with {device.name} as its port, and the address",
            observed=", ".join(addresses),
            next_step=f"declare a bridge on {device.name} with this address, or leave {device.name} out; "
            "nothing was changed",
            reproduce=f"ip address show dev {device.name}",
        )


def _check_address(bridge: Bridge) -> None:
    if bridge.address in (None, "dhcp"):
        if bridge.gateway:
            raise InputError(f"{bridge.name} has a gateway but no static address")
        return
    try:
        network = ipaddress.ip_interface(bridge.address).network
        inside = bridge.gateway is None or ipaddress.ip_address(bridge.gateway) in network
    except ValueError as error:
        raise InputError(
            f"the address of {bridge.name} is not usable", expected="address/prefix", observed=bridge.address
        ) from error
    if "/" not in bridge.address or not inside:
        raise InputError(
            f"address and gateway of {bridge.name} do not fit",
            expected="address/prefix, and the gateway in its subnet",
            observed=f"{bridge.address}, {bridge.gateway}",
        )
    if bridge.gateway and ipaddress.ip_address(bridge.gateway) == ipaddress.ip_interface(bridge.address).ip:
        raise InputError(
            f"the gateway of {bridge.name} is its own address",
            expected="the address of the router in that subnet",
            observed=bridge.gateway,
            next_step=_CORRECT,
        )


def _check_ipv6(bridge: Bridge) -> None:
    wrong = [each for each in bridge.addresses6 if not _is_version(each, 6) or "/" not in each]
    wrong += [each for each in (bridge.gateway6,) if each and not (_is_version(each, 6) and bridge.addresses6)]
    wrong += [each for each in bridge.dns if not (_is_version(each, 4) or _is_version(each, 6))]
    wrong += [f"{each.to} via {each.via}" for each in bridge.routes if not _fits(each.to, each.via, bridge)]
    if wrong:
        raise InputError(
            f"addresses of {bridge.name} are not usable",
            expected="ipv6_addresses as address/prefix, ipv6_gateway with one of them, dns as addresses, and routes "
            f"via an address in a subnet of {bridge.name}",
            observed="; ".join(wrong),
            next_step=_CORRECT,
        )


def _is_version(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_interface(text).version == version
    except ValueError:
        return False


def _fits(to: str, via: str, bridge: Bridge) -> bool:
    """Whether the gateway of a route is of the same family as its destination, and can be reached from the bridge.
    That of a lease is not known."""
    version = ipaddress.ip_network(to).version if to != "default" else 4
    if ":" in via and to == "default":
        version = 6
    own = bridge.addresses6 if version == 6 else (bridge.address or "",)
    if version == 4 and bridge.address == "dhcp":
        return _is_version(via, 4)
    networks = [ipaddress.ip_interface(each).network for each in own if each]
    return _is_version(via, version) and any(ipaddress.ip_address(via) in each for each in networks)


def _check_lease(bridge: Bridge, network: Network, links: Mapping[str, Link]) -> None:
    """A lease goes with the DHCP client of what lies under the bridge. Kept are a bridge that asks for one itself, and
    the same address made static."""
    kept = (bridge.address or "").partition("/")[0]
    for port in _ports_under(bridge.name, network):
        leased = links[port].leased if port in links else ()
        lost = [address for address in leased if address.partition("/")[0] != kept]
        if lost and bridge.address != "dhcp":
            raise InputError(
                f"{port}, the port of {bridge.name}, has its address from a DHCP server, "
                "and the bridge would take it away",
                expected=f"{bridge.name} with that address, or none on the port",
                observed=f"{', '.join(lost)} on {port}, address {bridge.address or 'none'} declared for {bridge.name}",
                next_step=f"declare {lost[0]} as the address of {bridge.name} and keep it out of the DHCP server's "
                "range; nothing was changed",
                reproduce=f"ip address show dev {port}",
            )


def _ports_under(name: str, network: Network) -> list[str]:
    """What loses its addresses to a bridge: its port, and the ports of a bond under it, but not a VLAN's parent."""
    found: list[str] = []
    for port in network.below(name):
        found += [port, *(() if isinstance(network.devices.get(port), Vlan) else _ports_under(port, network))]
    return found


def _check_elsewhere(bridge: Bridge, network: Network, links: Mapping[str, Link]) -> None:
    """An address that stands on a third link would stand twice: the usual sign of a wrong port. It may move from
    anything that the bridge lies on, and from what goes."""
    wanted = (bridge.address or "").partition("/")[0]
    moves = {bridge.name, bridge.port, *_ports_under(bridge.name, network), *network.absent}
    others = [link for link in links.values() if link.name not in moves]
    found = [link.name for link in others if wanted in [each.partition("/")[0] for each in link.ipv4]]
    if found:
        raise InputError(
            f"the address of {bridge.name} stands on {found[0]}, which is not its port",
            expected=f"{wanted} on {bridge.port}, the port of {bridge.name}, or nowhere",
            observed=f"{wanted} on {found[0]}",
            next_step=f"correct port or address in network_bridge_config, or take the address off {found[0]}; "
            "nothing was changed",
            reproduce=f"ip address show dev {found[0]}",
        )


def _check_absent(network: Network, links: Mapping[str, Link]) -> None:
    """Only what the role makes can be declared away, and nothing that something else needs."""
    for name in network.absent:
        kind = links[name].kind if name in links else LINUX_BRIDGE
        if kind not in _WORDS:
            raise InputError(
                f"{name} is declared with state: absent, and is neither a bond nor a VLAN device nor a bridge",
                observed=kind,
                next_step=_CORRECT,
                reproduce=f"ip -d link show dev {name}",
            )
        above = _above(name, links.values(), network)
        if above:
            raise InputError(
                f"{name} is declared with state: absent, and something lies on it",
                expected=f"nothing on {name}, or that with state: absent too",
                observed=", ".join(above),
                next_step=f"declare {above[0]} with state: absent too, or keep {name}; nothing was changed",
                reproduce="ip -d link",
            )


def _above(name: str, links: Iterable[Link], network: Network) -> list[str]:
    """Links on a link, or, of a bond or VLAN device, what it is a port of."""
    found = {link.name for link in links if link.parent == name}
    found |= {link.master or "" for link in links if link.name == name}
    found |= set(network.above(name))
    return sorted(found - {"", *network.absent})


def _check_labels(network: Network, links: Mapping[str, Link], labels: Sequence[Mapping[str, str]]) -> None:
    """cloudstack-setup-agent edits the host's network where the device of a label is missing (serviceConfig.py,
    4.22.1); an address on the bridge of public traffic alone puts the host itself into the public network."""
    types: dict[str, set[str]] = {}
    for each in labels:
        types.setdefault(each["label"], set()).add(each["type"])
    for bridge in network.bridges:
        if types.get(bridge.name) == {"Public"} and (bridge.address or bridge.addresses6):
            raise InputError(
                f"{bridge.name} carries public traffic and has an address",
                expected="no address of the host on the bridge of the public network",
                observed=", ".join(each for each in (bridge.address, *bridge.addresses6) if each),
                next_step=f"take the address away from {bridge.name} in network_bridge_config; nothing was changed",
            )
    missing = sorted(label for label in types if label not in network.devices and label not in links)
    missing += sorted(label for label in types if label in network.absent)
    if missing and network.devices:
        raise InputError(
            f"no bridge is declared for the traffic label {missing[0]}, and the host has none of this name",
            expected=f"a bridge or interface for each label: {', '.join(sorted(types))}",
            observed=f"declared: {', '.join(network.devices)}",
            next_step=f"declare {', '.join(missing)} in network_bridge_config, or correct cluster_traffic_labels; "
            "nothing was changed",
            reproduce="ip -br link",
        )


def _check_one_kind(network: Network, links: Mapping[str, Link], labels: Sequence[Mapping[str, str]]) -> None:
    """The agent uses bridges of one kind for all labels: network.bridge.type in agent.properties names it (check
    NET025)."""
    names = {each["label"] for each in labels} or {bridge.name for bridge in network.bridges}
    kinds = {name: links[name].kind for name in names if name in links}
    kinds |= {bridge.name: bridge.kind for bridge in network.bridges if bridge.name in names}
    ovs = sorted(name for name, kind in kinds.items() if kind == OPEN_VSWITCH)
    others = sorted(name for name, kind in kinds.items() if kind != OPEN_VSWITCH)
    if ovs and others and any(bridge.name in names for bridge in network.bridges):
        raise InputError(
            "traffic labels are of both kinds, Open vSwitch and Linux",
            expected="bridges of Open vSwitch for all traffic labels, with network.bridge.type=openvswitch in "
            "agent.properties, or for none",
            observed=f"Open vSwitch: {', '.join(ovs)}; Linux: {', '.join(others)}",
            next_step=f"declare {others[0]} with type: openvswitch too, or {ovs[0]} without it; nothing was changed",
            reproduce="ip -d -br link; ovs-vsctl list-br",
        )
