# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared network, the files that netplan reads) -> the files that declare it, and back. Pure.

The definition of a port moves, whole, from wherever it stands to the own file; what it says of addresses, routes and
name servers goes to the bridge there. What other files say exactly as it is declared stays where it is. A multicast
querier is declared beside netplan's files, see netplan_querier. Source: netplan-yaml(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    MIIMON,
    Bond,
    Bridge,
    Files,
    Network,
    Ovs,
    Vlan,
    has_option,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import netplan as parse
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.netplan_declared import (
    KINDS,
    PORT_KINDS,
    address_text,
    addresses,
    definitions,
    is_default,
    is_pattern,
    is_true,
    link_name,
    read,
    routes,
    rules,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.netplan_querier import (
    drop_ins,
    with_queriers,
    without_queriers,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import (
    canonical,
    destination,
    left_alone,
    refuse_addresses_of_ports,
    released,
)

OWN_FILE = "/etc/netplan/90-cloudstack-kvm.yaml"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge). Bridges and their ports, and nothing else.\n"
# Written by cloud-init and by Ubuntu's installer, which leaves the network to cloud-init or does not.
_GENERATED = ("50-cloud-init.yaml", "00-installer-config.yaml")
# What concerns IP belongs to the bridge once the interface is its port; all else (match, set-name, offloads, bond
# parameters) stays with the port.
_OF_IP = (
    "addresses",
    "accept-ra",
    "dhcp4",
    "dhcp4-overrides",
    "dhcp6",
    "dhcp6-overrides",
    "dhcp-identifier",
    "gateway4",
    "gateway6",
    "ipv6-address-generation",
    "ipv6-address-token",
    "ipv6-mtu",
    "ipv6-privacy",
    "link-local",
    "nameservers",
    "optional",
    "optional-addresses",
    "critical",
    "routes",
    "routing-policy",
)
_OF_MODE = {  # parameters that not every mode has -> the kernel's name
    "lacp-rate": "lacp_rate",
    "transmit-hash-policy": "xmit_hash_policy",
    "primary": "primary",
    "arp-interval": "arp_interval",
    "arp-ip-targets": "arp_ip_target",
    "arp-validate": "arp_validate",
    "arp-all-targets": "arp_all_targets",
    "packets-per-member": "packets_per_slave",
    "packets-per-slave": "packets_per_slave",
}
_KIND = {Bond: "bonds", Vlan: "vlans", Bridge: "bridges"}
Definition = Mapping[str, Any]


def render(network: Network, files: Files, macs: Mapping[str, str]) -> dict[str, str]:
    """The files that change. `macs` are the hardware addresses of the ports, as far as they are known: a bridge that
    asks for a lease keeps that of its port. Raises InputError for what would be lost or written again."""
    if not network.names and not network.absent:
        return {}
    whole = parse.network(files)
    _refuse_renderer(whole)
    _refuse_vlans(network)
    own = parse.load(files.get(OWN_FILE, ""), OWN_FILE).get("network") or {}
    places = _places(network, whole, macs)
    written = [name for kind in KINDS for name in definitions(own, kind)]
    alone = left_alone(without_queriers(network), read(whole), written) | _own_parents(network, places, whole, written)
    changed = dict(files)
    new = {kind: dict(definitions(own, kind)) for kind in KINDS}
    _take_out_absent(network, whole, new, changed)
    _refuse_used_elsewhere(network, alone, places, whole)
    for name in (each for each in network.names if each not in alone):
        kind, ident = places[name]
        new[kind][ident] = _definition(name, network, places, whole, macs)
        _take_out(changed, places[name], name)
        device = network.devices.get(name)
        if isinstance(device, Bridge) and device.ovs and device.ovs.ports:
            new["bonds"][device.port] = _ovs_bond(device, device.ovs, places, whole)
            _take_out(changed, ("bonds", device.port), device.port)
    changed[OWN_FILE] = _own_text(new, files)
    changed |= drop_ins(network, files)
    return {path: text for path, text in changed.items() if text != files.get(path, "")}


def _ovs_bond(bridge: Bridge, ovs: Ovs, places: Mapping[str, tuple[str, str]], whole: Definition) -> dict[str, Any]:
    """A bond of Open vSwitch, with what was said of it beside."""
    old = definitions(whole, "bonds").get(bridge.port, {})
    said = {"lacp": ovs.lacp} if ovs.lacp else {}
    more = {key: value for key, value in (old.get("openvswitch") or {}).items() if key != "lacp"}
    ports = [places[each][1] for each in ovs.ports]
    return {"interfaces": ports, "parameters": {"mode": ovs.mode}, "openvswitch": {**said, **more}}


def _refuse_vlans(network: Network) -> None:
    """netplan has no words for what Open vSwitch knows of VLANs (netplan-yaml(5), openvswitch)."""
    found = [bridge for bridge in network.bridges if bridge.ovs and (bridge.ovs.tag or bridge.ovs.trunks)]
    if found:
        raise InputError(
            f"netplan cannot say tag or trunks of {found[0].name}, a bridge of Open vSwitch",
            expected="neither tag nor trunks where netplan configures the network",
            observed=", ".join(bridge.name for bridge in found),
            next_step="leave tag and trunks out and let the switch port send the management network untagged, or have "
            "the bridges made by ifupdown or NetworkManager; nothing was changed",
        )


def _take_out_absent(
    network: Network, whole: Definition, new: dict[str, dict[str, Any]], files: dict[str, str]
) -> None:
    """What shall go, out of all files; and of the NICs under it what the role itself said: their MTU."""
    gone = [bridge for bridge in read(whole).bridges if bridge.name in (*network.absent, *network.devices)]
    kept = {bridge.port for bridge in network.bridges}
    bonds = [bridge.port for bridge in gone if bridge.ovs and bridge.ovs.ports and bridge.port not in kept]
    for name in (*network.absent, *bonds):
        for kind in KINDS[1:]:
            new[kind].pop(name, None)
            _take_out(files, (kind, name), name)
    for name in released(network, read(whole)):
        for ident, said in list(new["ethernets"].items()):
            if link_name(ident, whole) == name and set(said) == {"mtu"}:
                del new["ethernets"][ident]


def _own_parents(
    network: Network, places: Mapping[str, tuple[str, str]], whole: Definition, written: Sequence[str]
) -> set[str]:
    """NICs under nothing but VLAN devices whose definition stays in its file: it is there, and its MTU is large
    enough."""
    found = set()
    for name in set(network.nics) - set(network.taken):
        kind, ident = places[name]
        mtu = str(definitions(whole, kind).get(ident, {}).get("mtu", "1500"))
        there = ident in definitions(whole, kind) and ident not in written
        if there and mtu.isdigit() and int(mtu) >= network.mtu_of(name):
            found.add(name)
    return found


def _own_text(new: Mapping[str, Any], files: Files) -> str:
    said = {kind: each for kind, each in new.items() if each}
    return _HEAD + parse.dump({"network": {"version": "2", **said}}) if said else ""


def declared(files: Files) -> Network:
    """What the files declare, as far as a Network can say it."""
    return with_queriers(read(parse.network(files)), files)


def _places(network: Network, whole: Definition, macs: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Link -> kind and id of its definition."""
    places = {name: (_KIND[type(each)], name) for name, each in network.devices.items()}
    return {**{name: find_port(name, whole, macs) for name in network.nics}, **places}


def find_port(port: str, whole: Definition, macs: Mapping[str, str]) -> tuple[str, str]:
    """Kind and id of the definition of an interface, ("ethernets", its name) where there is none yet.

    Raises InputError for a definition that is for other interfaces too.
    """
    for kind in PORT_KINDS:
        for name, found in definitions(whole, kind).items():
            if _is_definition_of(port, name, found, macs):
                return kind, name
    return "ethernets", port


def _is_definition_of(port: str, name: str, found: Definition, macs: Mapping[str, str]) -> bool:
    match = found.get("match")
    if not match or found.get("set-name"):
        return (found.get("set-name") or name) == port
    pattern, mac = match.get("name", ""), match.get("macaddress", "").lower()
    if is_pattern(pattern) and fnmatchcase(port, pattern) and (not mac or mac == macs.get(port)):
        raise InputError(
            f"netplan's definition {name} is for all interfaces {pattern}, {port} being one of them",
            expected=f"a definition for {port} alone, or none",
            observed=f"match: name: {pattern}",
            next_step=f"define the interfaces one by one, or narrow the pattern so that {port} is not in it; nothing "
            "was changed",
            reproduce=f"netplan get network.ethernets.{name}",
        )
    if pattern:
        return bool(pattern == port)
    return mac == macs.get(port) if mac else False


def configured(files: Files) -> dict[str, str]:
    """Interface or id that the files configure -> the file that does so last."""
    found: dict[str, str] = {}
    for path in parse.in_order(files):
        tree = parse.load(files[path], path).get("network") or {}
        for kind, names in tree.items():
            for name in names if isinstance(names, dict) else ():
                found[link_name(name, {kind: names})] = path
    return found


def _refuse_renderer(whole: Definition) -> None:
    found = [each for kind in PORT_KINDS for each in definitions(whole, kind).values()]
    renderers = {whole.get("renderer", "networkd"), *(each.get("renderer", "networkd") for each in found)}
    if "NetworkManager" in renderers:
        raise InputError(
            "netplan hands interfaces to NetworkManager, which the role does not support behind netplan",
            expected="renderer: networkd, netplan's default, for the interfaces of a KVM host",
            observed="renderer: NetworkManager",
            next_step="set renderer: networkd in /etc/netplan, or take netplan's files away and use "
            "network_bridge_backend: networkmanager; nothing was changed",
            reproduce="netplan get network",
        )


def _refuse_used_elsewhere(
    network: Network, alone: Iterable[str], places: Mapping[str, tuple[str, str]], whole: Definition
) -> None:
    """A port of a bond or bridge that is not declared anew itself."""
    written = {*network.devices, *network.absent, *(bridge.port for bridge in network.bridges if bridge.ovs)}
    groups = {name: each for kind in ("bonds", "bridges") for name, each in definitions(whole, kind).items()}
    others = {name: each.get("interfaces") or [] for name, each in groups.items() if name not in written}
    for port in (name for name in network.names if name not in alone):
        master = next((each for each in network.above(port) if not isinstance(network.devices[each], Vlan)), "")
        found = [name for name, ports in others.items() if master and places[port][1] in ports]
        if found:
            raise InputError(
                f"netplan has {port}, the port of {master}, in {found[0]}",
                expected="a port that is in nothing else",
                observed=f"{found[0]}: interfaces: [..., {places[port][1]}]",
                next_step=f"take it out of {found[0]}, or declare {found[0]} as the port; nothing was changed",
                reproduce="netplan get network",
            )


def _definition(
    name: str,
    network: Network,
    places: Mapping[str, tuple[str, str]],
    whole: Definition,
    macs: Mapping[str, str],
) -> dict[str, Any]:
    """What the own file says of a link."""
    kind, ident = places[name]
    old = definitions(whole, kind).get(ident, {})
    device = network.devices.get(name)
    if isinstance(device, Bridge):
        return _bridge(device, network, places, whole, macs)
    masters = [each for each in network.above(name) if not isinstance(network.devices[each], Vlan)]
    kept = {key: value for key, value in old.items() if key != "mtu" and not (masters and key in _OF_IP)}
    mtu = {"mtu": str(device.mtu if device else network.mtu_of(name))}
    if isinstance(device, Bond):
        ports = [places[each][1] for each in device.ports]
        parameters = _parameters(device, places, old.get("parameters") or {})
        _refuse_addresses_of_ports(device, network, places, whole)
        return {**kept, "interfaces": ports, "parameters": parameters, **mtu}
    if isinstance(device, Vlan):
        return {**kept, "id": str(device.id), "link": places[device.parent][1], **mtu}
    return {**kept, **mtu}


def _parameters(bond: Bond, places: Mapping[str, tuple[str, str]], old: Definition) -> dict[str, Any]:
    """What is declared, and what was said beside that and is of this mode."""
    kept = {key: value for key, value in old.items() if has_option(bond.mode, _OF_MODE.get(key, key))}
    primary = places[bond.primary][1] if bond.primary else None
    said = {"lacp-rate": bond.lacp_rate, "transmit-hash-policy": bond.hash_policy, "primary": primary}
    said = {key: value for key, value in said.items() if value}
    watch = {} if "arp-interval" in kept else {"mii-monitor-interval": str(MIIMON)}
    return {**watch, **kept, "mode": bond.mode, **said}


def _refuse_addresses_of_ports(
    bond: Bond, network: Network, places: Mapping[str, tuple[str, str]], whole: Definition
) -> None:
    gateways = {each.gateway for each in network.bridges}
    for port in bond.ports:
        old = definitions(whole, places[port][0]).get(places[port][1], {})
        said = [address_text(each) for each in old.get("addresses") or []]
        said += ["dhcp" for key in ("dhcp4", "dhcp6") if is_true(old.get(key))]
        said += [
            _words(each) for each in old.get("routes") or [] if not is_default(each) or each["via"] not in gateways
        ]
        refuse_addresses_of_ports(network, bond, port, said)


def _under(
    bridge: Bridge, network: Network, places: Mapping[str, tuple[str, str]], whole: Definition
) -> dict[str, Any]:
    """What the definitions of a bridge's port, and of the ports of a bond, say together."""
    port = network.devices.get(bridge.port)
    names = [*bridge.links, *(port.ports if isinstance(port, Bond) else ())]
    said: dict[str, Any] = {}
    for name in names:
        kind, ident = places[name]
        found = definitions(whole, kind).get(ident, {})
        said = parse.merge(said, {key: value for key, value in found.items() if key in (*_OF_IP, "openvswitch")})
    return said


def _refuse_options(bridge: Bridge, port_id: str, port: Definition, old: Definition, network: Network) -> None:
    """What neither the port nor the bridge could say any more."""
    lost = ["openvswitch"] if not bridge.ovs and ("openvswitch" in port or "openvswitch" in old) else []
    lost += ["parameters: stp: true"] if is_true((old.get("parameters") or {}).get("stp")) and not bridge.stp else []
    ports = old.get("interfaces") or []
    lost += [
        f"interfaces: {each}" for each in ports if each != port_id and len(ports) > 1 and each not in network.names
    ]
    if len(addresses(port)) > 1 and bridge.address not in addresses(port):
        lost.append(f"addresses: {', '.join(addresses(port))}, of which one at most is replaced")
    said = [route for route in [*(port.get("routes") or []), *(old.get("routes") or [])] if is_default(route)]
    replaced = [route for route in said if route.get("via") != bridge.gateway]
    lost += [f"routes: {_words(route)}" for route in replaced if set(route) - {"to", "via"}]
    if lost:
        raise InputError(
            f"netplan says more of {bridge.port} or {bridge.name} than the declared bridge keeps; nothing was changed",
            expected="one port, Open vSwitch and spanning tree as declared; other options move to the bridge by "
            "themselves",
            observed="; ".join(lost),
            next_step=f"take these options out of /etc/netplan, or declare what they say for {bridge.name}",
            reproduce=f"grep -rn -A 12 {bridge.port} /etc/netplan",
        )


def _words(route: Definition) -> str:
    return ", ".join(f"{key}: {value}" for key, value in route.items())


def _bridge(
    bridge: Bridge,
    network: Network,
    places: Mapping[str, tuple[str, str]],
    whole: Definition,
    macs: Mapping[str, str],
) -> dict[str, Any]:
    """What the own file says of a bridge: what is declared, and what port and bridge said of IP beside that."""
    port = bridge.port if bridge.ovs and bridge.ovs.ports else places[bridge.port][1]
    under, old = _under(bridge, network, places, whole), definitions(whole, "bridges").get(bridge.name, {})
    _refuse_options(bridge, port, under, old, network)
    rest = parse.merge(under, old)
    new: dict[str, Any] = {"interfaces": [port], "mtu": str(bridge.mtu)}
    if bridge.address == "dhcp":
        new["dhcp4"] = "true"
        known = [macs[each] for each in network.stack(bridge.name) if each in macs]
        mac = old.get("macaddress") or next(iter(known), "")
        if mac:  # as the port's, so that the server gives the same address
            new |= {"macaddress": mac, "dhcp-identifier": rest.get("dhcp-identifier", "mac")}
    static = _addresses(bridge, under, old)
    servers = {**(rest.get("nameservers") or {}), **_servers(bridge)}
    of_ip = {
        "addresses": static,
        "routes": _routes(bridge, rest),
        "nameservers": servers,
        "routing-policy": _rules(bridge, rest),
    }
    new |= {key: value for key, value in of_ip.items() if value}
    parameters = {**(old.get("parameters") or {}), "stp": str(bridge.stp).lower()}
    parameters["forward-delay"] = str(bridge.forward_delay)
    gone = {*of_ip, "dhcp4", "gateway4", "parameters", "macaddress", "openvswitch", *new}
    gone |= {"gateway6"} if bridge.gateway6 else set()
    kept = {key: value for key, value in rest.items() if key not in gone}
    if bridge.address != "dhcp":
        kept.pop("dhcp4-overrides", None)
        kept.pop("dhcp-identifier", None) if not is_true(rest.get("dhcp6")) else None
    if bridge.ovs:
        return {**new, **kept, "openvswitch": old.get("openvswitch") or {}}
    return {**new, **kept, "parameters": parameters}


def _servers(bridge: Bridge) -> dict[str, Any]:
    said = {"addresses": list(bridge.dns), "search": list(bridge.search)}
    return {key: value for key, value in said.items() if value}


def _addresses(bridge: Bridge, port: Definition, old: Definition) -> list[Any]:
    """The declared one first; the first of the bridge's so far, or the one of the port's, is what it replaces. Declared
    IPv6 addresses replace all."""
    before = [*addresses(old)[:1], *(addresses(port) if len(addresses(port)) == 1 else [])]
    before += [*addresses(old, 6), *addresses(port, 6)] if bridge.addresses6 else []
    every = parse.merge(old.get("addresses") or [], port.get("addresses") or [])
    replaced = {*before, bridge.address, *bridge.addresses6}
    rest = [each for each in every if address_text(each) not in replaced]
    wanted = [*([] if bridge.address in (None, "dhcp") else [bridge.address]), *bridge.addresses6]
    same = {address_text(each): each for each in reversed(every)}  # with its label, where it has one
    return [*(same.get(str(each), each) for each in wanted), *rest]


def _routes(bridge: Bridge, rest: Definition) -> list[Any]:
    """The default route of IPv4 is the declared gateway or none; others stay, but for those that are declared anew."""
    said = rest.get("routes") or []
    wanted = {(canonical(each).to, canonical(each).table, ":" in each.via) for each in bridge.routes}
    kept = [each for each in said if not is_default(each) and not _is_among(each, wanted)]
    kept = [each for each in kept if not (bridge.gateway6 and is_default(each, 6))]
    new: list[Any] = []
    for gateway, to, version in ((bridge.gateway, "0.0.0.0/0", 4), (bridge.gateway6, "::/0", 6)):
        same = [route for route in said if is_default(route, version) and route.get("via") == gateway]
        new += (same[:1] or [{"to": to, "via": gateway}]) if gateway else []
    for route in bridge.routes:
        table = {"table": str(route.table)} if route.table else {}
        new.append({"to": destination(route), "via": route.via, **table})
    return [*new, *kept]


def _is_among(route: Definition, wanted: Iterable[tuple[Any, ...]]) -> bool:
    """Whether a route of the same destination and table is declared."""
    found = routes({"routes": [{key: route[key] for key in ("to", "via", "table") if key in route}]})
    return any((each.to, each.table, ":" in each.via) in wanted for each in found)


def _rules(bridge: Bridge, rest: Definition) -> list[Any]:
    """Declared ones, and those that were there beside them."""
    said = rest.get("routing-policy") or []
    kept = [each for each in said if not set(rules({"routing-policy": [each]})) & set(bridge.rules)]
    new = []
    for rule in bridge.rules:
        ends = {"from": rule.source, "to": rule.to}
        numbers = {"table": str(rule.table), "priority": str(rule.priority)}
        new.append({**{key: value for key, value in ends.items() if value}, **numbers})
    return [*new, *kept]


def _take_out(files: dict[str, str], where: tuple[str, str], link: str) -> None:
    """Take a definition out of all files but the own one. Raises InputError for one that comes back by itself."""
    kind, name = where
    for path in parse.in_order(files):
        tree = parse.load(files[path], path).get("network") or {}
        if path == OWN_FILE or name not in (tree.get(kind) or {}):
            continue
        if posixpath.dirname(path) != "/etc/netplan":
            raise InputError(
                f"{path} configures {name}, for which something else is declared; another program writes that file",
                expected="definitions in /etc/netplan, which the role takes out there",
                observed=f"network: {kind}: {name}",
                next_step=f"copy it to /etc/netplan under the same name, take {name} out there, and see what writes "
                f"{path}; nothing was changed",
                reproduce=f"grep -n {name} {path}",
            )
        if posixpath.basename(path) in _GENERATED:
            cloud_init.require_switched_off(files, path, name, Bridge(link, name))
        files[path] = parse.without(files[path], path, kind, name)
