# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared network, the files that ifupdown reads) -> the files that declare it, and back. Pure.

Bonds are those of the package ifenslave, VLAN devices those of ifupdown itself (NIC.ID) or of the package vlan
(vlanID), bridges of Open vSwitch those of openvswitch-switch.
Source: interfaces(5), bridge-utils-interfaces(5), ifenslave's README.Debian, vlan-interfaces(5), README.Debian and
scripts/ifupdown.sh of openvswitch-switch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_interface
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    MIIMON,
    OVS_MODES,
    Bond,
    Bridge,
    Files,
    Network,
    Ovs,
    RoutingRule,
    StaticRoute,
    Vlan,
    bond_mode,
    has_option,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ifupdown as parse
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ovs import wanted_port
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import left_alone

MAIN_FILE = "/etc/network/interfaces"
FOLDER = "/etc/network/interfaces.d"
OWN_FILE = f"{FOLDER}/cloudstack-kvm"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge). Bridges and their ports, and nothing else.\n\n"
_MOVE_STANZAS = (
    "move its stanzas to "
    + MAIN_FILE
    + " and remove {path}; where cloud-init wrote it, first tell it to leave the network alone: write "
    "'network: {{config: disabled}}' to /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg. Nothing was changed"
)
# What a stanza that is replaced may say: the new one says it too, or it follows from what the new one says.
_SAID = {
    "address",
    "netmask",
    "network",
    "broadcast",
    "gateway",
    "mtu",
    "bridge_ports",
    "bridge_fd",
    "bridge_maxwait",
    "bridge_waitport",
    "vlan_raw_device",
}
_OF_BOND = {"slaves", "mode", "miimon", "lacp_rate", "xmit_hash_policy", "primary", "master"}
_OF_OVS = {"ovs_type", "ovs_ports", "ovs_bridge", "ovs_bonds", "ovs_options", "ovs_extra"}
_OVS_COLUMNS = ("tag", "trunks", "bond_mode", "lacp", "mtu_request")
_OVS_BRIDGE, _OVS_PORT, _OVS_BOND = "OVSBridge", "OVSPort", "OVSBond"
_STP_OFF = ("off", "no", "n", "0")
_MTU = re.compile(r"ip link set dev \S+ mtu (\d+)")
# As the role writes it, and as it is often done by hand: "post-up ( echo 1 > /sys/... )".
_QUERIER = re.compile(
    r"(?:\S*/)?ip link set (?:dev )?(?P<name>\S+) type bridge mcast_querier 1"
    r"|\(? ?echo 1 ?> ?/sys/\S*/net/(?P<path>[^/\s]+)/bridge/multicast_querier ?\)?"
)
_ROUTE = re.compile(r"ip -[46] route replace (\S+) via (\S+) dev \S+(?: table (\d+))?")
_RULE = re.compile(
    r"ip -[46] rule add priority (?P<priority>\d+)(?: from (?P<source>\S+))?(?: to (?P<to>\S+))?"
    r" table (?P<table>\d+) .*"
)
_OVS_TAG = re.compile(r"\btag=(\d+)")
_OVS_MTU = re.compile(r"\bmtu_request=(\d+)")
_VLAN_NAME = re.compile(r"(?:vlan|(?P<parent>.+)\.)(?P<id>\d+)")


def stanza(name: str, network: Network) -> str:
    """What the own file says of a NIC, bond, VLAN device or bridge."""
    device = network.devices.get(name)
    if isinstance(device, Bridge):
        bond = _ovs_bond_stanza(device) if device.ovs and device.ovs.ports else ""
        return bond + _bridge_stanza(device, network.mtu_of(device.port))
    user = _ovs_user(name, network)
    if user:
        return "\n".join([*_ovs_port_lines(user), f"    mtu {network.mtu_of(name)}", ""])
    lines = [f"auto {name}", f"iface {name} inet manual"]
    if isinstance(device, Bond):
        lines += _bond_lines(device)
    if isinstance(device, Vlan):
        lines.append(f"    vlan-raw-device {device.parent}")
    return "\n".join([*lines, f"    mtu {network.mtu_of(name)}", ""])


def _ovs_user(name: str, network: Network) -> Optional[Bridge]:
    """The bridge of Open vSwitch that a NIC is the port of by itself."""
    return next((bridge for bridge in network.bridges if bridge.ovs and bridge.port == name), None)


def _ovs_port_lines(bridge: Bridge, kind: str = _OVS_PORT) -> list[str]:
    """The bridge brings its port up: the script of openvswitch-switch asks for the class allow-BRIDGE."""
    # without brackets, which the shell of that script would take for a pattern of files
    options = [f"{column}={value.strip('[]')}" for column, value in wanted_port(bridge).columns]
    lines = [
        f"allow-{bridge.name} {bridge.port}",
        f"iface {bridge.port} inet manual",
        f"    ovs_type {kind}",
        f"    ovs_bridge {bridge.name}",
    ]
    return lines + ([f"    ovs_options {' '.join(options)}"] if options else [])


def _ovs_bond_stanza(bridge: Bridge) -> str:
    lines = _ovs_port_lines(bridge, _OVS_BOND)
    return "\n".join([*lines, f"    ovs_bonds {' '.join(bridge.links)}", "", ""])


def _bridge_lines(bridge: Bridge, port_mtu: int) -> list[str]:
    if bridge.ovs:
        tag = f"set port {bridge.name} tag={bridge.ovs.tag} -- " if bridge.ovs.tag else ""
        extra = f"{tag}set interface {bridge.name} mtu_request={bridge.mtu}"
        return [f"    ovs_type {_OVS_BRIDGE}", f"    ovs_ports {bridge.port}", f"    ovs_extra {extra}"]
    by_command = f"up ip link set dev {bridge.name} mtu {bridge.mtu}"
    querier = f"    up ip link set dev {bridge.name} type bridge mcast_querier 1"  # bridge-utils has no option for it
    return [
        f"    bridge_ports {bridge.port}",
        f"    bridge_stp {'on' if bridge.stp else 'off'}",
        f"    bridge_fd {bridge.forward_delay}",
        "    bridge_maxwait 0",
        f"    mtu {bridge.mtu}" if bridge.mtu == port_mtu else f"    {by_command}",
        *([querier] if bridge.multicast_querier else []),
    ]


def _bond_lines(bond: Bond) -> list[str]:
    lines = [f"    bond-slaves {' '.join(bond.ports)}", f"    bond-mode {bond.mode}", f"    bond-miimon {MIIMON}"]
    given = (
        ("lacp-rate", bond.lacp_rate),
        ("xmit-hash-policy", bond.hash_policy),
        ("primary", bond.primary),
    )
    return lines + [f"    bond-{option} {value}" for option, value in given if value]


def _bridge_stanza(bridge: Bridge, port_mtu: int) -> str:
    """bridge-utils gives the port the MTU that stands here, so a smaller one than the port's is set by a command."""
    method = "dhcp" if bridge.address == "dhcp" else "static" if bridge.address else "manual"
    lines = [f"auto {bridge.name}", f"iface {bridge.name} inet {method}"]
    if method == "static":
        lines.append(f"    address {bridge.address}")
    if bridge.gateway:
        lines.append(f"    gateway {bridge.gateway}")
    lines += _bridge_lines(bridge, port_mtu)
    lines += [f"    dns-nameservers {' '.join(bridge.dns)}"] if bridge.dns else []
    lines += [f"    dns-search {' '.join(bridge.search)}"] if bridge.search else []
    lines += _commands(bridge, 4)
    for address in bridge.addresses6:
        lines += ["", f"iface {bridge.name} inet6 static", f"    address {address}"]
    if bridge.gateway6:
        lines.append(f"    gateway {bridge.gateway6}")
    return "\n".join([*lines, *_commands(bridge, 6), ""])


def _commands(bridge: Bridge, version: int) -> list[str]:
    """Routes and rules of one family, which come with the address of that family. A rule may be there still
    where the bridge was down, and goes with it."""
    lines = []
    for route in bridge.routes:
        if (6 if ":" in route.via else 4) == version:
            table = f" table {route.table}" if route.table else ""
            lines.append(f"    up ip -{version} route replace {route.to} via {route.via} dev {bridge.name}{table}")
    for rule in bridge.rules:
        if (6 if ":" in f"{rule.source}{rule.to}" else 4) == version:
            words = _rule_words(rule)
            lines.append(f"    up ip -{version} rule add {words} 2>/dev/null || true")
            lines.append(f"    down ip -{version} rule delete {words} || true")
    return lines


def _rule_words(rule: RoutingRule) -> str:
    ends = [f"{word} {value}" for word, value in (("from", rule.source), ("to", rule.to)) if value]
    return " ".join([f"priority {rule.priority}", *ends, f"table {rule.table}"])


def render(network: Network, files: Files) -> dict[str, str]:
    """The main file without the stanzas that move, and the own file. Raises InputError for what would be lost or
    written again, and for what ifupdown cannot say."""
    if not network.devices and not network.absent:
        return {}
    own_names = parse.configured(files.get(OWN_FILE, ""))
    alone = left_alone(network, declared(files), own_names)
    if not network.absent and alone >= set(network.names):
        return {}
    _refuse_vlan_names(network)
    taken = [name for name in _taken(network, files) if name not in alone]
    replaced = [*taken, *_ovs_bonds(network, taken)]
    _refuse_other_files(replaced, network, files)
    main_text = files.get(MAIN_FILE, "")
    _refuse_lost_options(replaced, network, main_text)
    gone = _ovs_bonds(declared(files), network.absent)
    main = parse.without(main_text, [*replaced, *network.absent, *gone])
    if not {f"{FOLDER}/*"} & set(parse.sources(main, MAIN_FILE)):
        main = f"{main.rstrip()}\n\nsource {FOLDER}/*\n".lstrip("\n")
    own = _HEAD + "\n".join([*(stanza(name, network) for name in _ordered(network, taken)), *_kept(network, files)])
    return {path: text for path, text in ((MAIN_FILE, main), (OWN_FILE, own)) if text != files.get(path, "")}


def _ovs_bonds(network: Network, names: Iterable[str]) -> list[str]:
    """The bonds of these bridges of Open vSwitch, which are stanzas and no links."""
    found = [bridge for bridge in network.bridges if bridge.name in names]
    return [bridge.port for bridge in found if bridge.ovs and bridge.ovs.ports]


def _taken(network: Network, files: Files) -> list[str]:
    """What the own file says something of: all but a NIC that carries only VLANs and has a stanza of its own elsewhere.

    Raises InputError where the MTU there is too small.
    """
    others = {path: text for path, text in files.items() if path != OWN_FILE}
    elsewhere = {each.name: (each, path) for path, text in others.items() for each in parse.stanzas(text)}
    left = [name for name in network.names if name not in network.taken and name in elsewhere]
    for name in left:
        found, path = elsewhere[name]
        said, needed = found.value("mtu") or "1500", network.mtu_of(name)
        if said.isdigit() and int(said) < needed:
            raise InputError(
                f"{path} gives {name} a smaller MTU than the VLAN devices need that are declared on it",
                expected=f"mtu {needed} in the stanza of {name}",
                observed=f"mtu {said}",
                next_step=f"set mtu {needed} there; nothing was changed",
                reproduce=f"grep -n -A 9 'iface {name}' {path}",
            )
    return [name for name in network.names if name not in left]


def _ordered(network: Network, taken: Iterable[str]) -> list[str]:
    """Each bridge behind what it lies on, in the order in which they were declared; then what has no bridge."""
    stacks = [name for bridge in network.bridges for name in network.stack(bridge.name)]
    stacks += [name for device in network.devices for name in network.stack(device)]
    wanted = set(taken)
    return [name for name in dict.fromkeys(stacks) if name in wanted]


def _kept(network: Network, files: Files) -> list[str]:
    """What the own file says of devices that are not declared any more: it stays until they are declared absent. The
    ports of those go with them, unless something else is on them."""
    own = files.get(OWN_FILE, "")
    old = declared({OWN_FILE: own})
    stay = {name for device in old.devices if device not in network.absent for name in old.stack(device)}
    lost = {name for device in network.absent for name in old.stack(device)} - stay
    known = [*network.devices, *network.absent]
    bonds = {*_ovs_bonds(network, known), *_ovs_bonds(old, known)}
    rest = parse.without(own.replace(_HEAD, ""), {*network.names, *network.absent, *lost, *bonds})
    return [f"{rest.strip(chr(10))}\n"] if rest.strip() else []


def _refuse_vlan_names(network: Network) -> None:
    for vlan in network.vlans:
        names = (f"{vlan.parent}.{vlan.id}", f"vlan{vlan.id}")
        if vlan.name not in names:
            raise InputError(
                f"ifupdown has no VLAN device of the name {vlan.name}",
                expected=" or ".join(names),
                observed=vlan.name,
                next_step=f"name it {names[0]}, or leave name out; nothing was changed",
            )


def declared(files: Files) -> Network:
    """The bonds, VLAN devices, and bridges of one port that the files declare."""
    every = [each for text in files.values() for each in parse.stanzas(text)]
    found = {each.name: each for each in every if each.family == "inet"}
    ipv6: dict[str, list[parse.Stanza]] = {}
    for each in every:
        if each.family == "inet6" and each.method == "static":
            ipv6.setdefault(each.name, []).append(each)
    return Network(
        tuple(_bond(each) for each in found.values() if _bond_value(each, "slaves")),
        tuple(vlan for vlan in map(_vlan, found.values()) if vlan),
        tuple(_bridge(each, ipv6.get(each.name, []), found) for each in found.values() if _has_one_port(each)),
    )


def _has_one_port(found: parse.Stanza) -> bool:
    return len((found.value("bridge_ports") or _ovs_ports(found)).split()) == 1


def _ovs_ports(found: parse.Stanza) -> str:
    return found.value("ovs_ports") if found.value("ovs_type") == _OVS_BRIDGE else ""


def _ovs(found: parse.Stanza, every: Mapping[str, parse.Stanza]) -> Optional[Ovs]:
    """None for a bridge of Linux."""
    if not _ovs_ports(found):
        return None
    port = every.get(_ovs_ports(found)) or parse.Stanza(_ovs_ports(found), "")
    said = dict(each.split("=", 1) for each in port.value("ovs_options").split() if "=" in each)
    trunks = [each for each in said.get("trunks", "").strip("[]").split(",") if each.isdigit()]
    tag = _OVS_TAG.search(found.value("ovs_extra"))
    lacp = said.get("lacp")
    return Ovs(
        int(tag[1]) if tag else None,
        tuple(int(each) for each in trunks),
        tuple(port.value("ovs_bonds").split()),
        said.get("bond_mode") or (OVS_MODES[0] if port.value("ovs_bonds") else None),
        lacp if lacp != "off" else None,
    )


def _bond_value(found: parse.Stanza, option: str) -> str:
    return found.value(f"bond_{option}") or (found.value("slaves") if option == "slaves" else "")


def _bond(found: parse.Stanza) -> Bond:
    """ifenslave gives what is not said to no bond."""
    rate = _bond_value(found, "lacp_rate")
    return Bond(
        found.name,
        tuple(_bond_value(found, "slaves").split()),
        bond_mode(_bond_value(found, "mode")),
        {"0": "slow", "1": "fast"}.get(rate, rate) or None,
        _bond_value(found, "xmit_hash_policy") or None,
        _bond_value(found, "primary") or None,
        _mtu(found),
    )


def _vlan(found: parse.Stanza) -> Optional[Vlan]:
    """None for what is none: ifupdown takes an interface for one by a dot in its name."""
    match = _VLAN_NAME.fullmatch(found.name)
    parent = found.value("vlan_raw_device") or (match["parent"] if match else "")
    return Vlan(found.name, parent, int(match["id"]), _mtu(found)) if match and parent else None


def _mtu(found: parse.Stanza) -> int:
    by_command = [_MTU.fullmatch(value) for option, value in found.options if option == "up"]
    by_command.append(_OVS_MTU.search(found.value("ovs_extra")))
    given = [match[1] for match in by_command if match] or [found.value("mtu")]
    return int(given[0]) if given[0].isdigit() else 1500


def _bridge(found: parse.Stanza, ipv6: Sequence[parse.Stanza], every: Mapping[str, parse.Stanza]) -> Bridge:
    address = "dhcp" if found.method == "dhcp" else _cidr(found)
    delay = found.value("bridge_fd")
    up = [value for each in (found, *ipv6) for option, value in each.options if option == "up"]
    routes = [match for match in map(_ROUTE.fullmatch, up) if match]
    rules = [match.groupdict() for match in map(_RULE.fullmatch, up) if match]
    return Bridge(
        found.name,
        found.value("bridge_ports") or _ovs_ports(found),
        _mtu(found),
        address,
        found.value("gateway") or None,
        found.value("bridge_stp") not in ("", *_STP_OFF),
        int(delay) if delay.isdigit() else 0,
        tuple(each for each in map(_cidr, ipv6) if each),
        next((each.value("gateway") for each in ipv6 if each.value("gateway")), None),
        tuple(
            StaticRoute(to, via, int(table) if table else None) for to, via, table in (each.groups() for each in routes)
        ),
        tuple(_rule(each) for each in rules),
        tuple(found.value("dns_nameservers").split()),
        tuple(found.value("dns_search").split()),
        _ovs(found, every),
        any(_makes_querier(option, value, found.name) for option, value in found.options),
    )


def _makes_querier(option: str, value: str, name: str) -> bool:
    """Whether a line of a bridge's stanza makes it a multicast querier."""
    match = _QUERIER.fullmatch(value) if option in ("up", "post_up") else None
    return match is not None and (match["name"] or match["path"]) in (name, "$IFACE")


def _rule(said: Mapping[str, Optional[str]]) -> RoutingRule:
    return RoutingRule(int(said["table"] or 0), int(said["priority"] or 0), said["source"], said["to"])


def _cidr(found: parse.Stanza) -> Optional[str]:
    """None also where it is not an address: ifupdown takes host names too."""
    address, mask = found.value("address"), found.value("netmask")
    try:
        return ip_interface(address if "/" in address or not mask else f"{address}/{mask}").with_prefixlen
    except ValueError:
        return None


def _refuse_other_files(taken: Sequence[str], network: Network, files: Files) -> None:
    """ifupdown would do both what another file says and what ours does, and cloud-init writes its file again."""
    for path in sorted(set(files) - {MAIN_FILE, OWN_FILE}):
        for name in (*taken, *network.absent):
            found = [each.head for each in parse.stanzas(files[path]) if each.name == name]
            if found:
                raise InputError(
                    f"{path} configures {_role(name, network)}",
                    expected=f"a port without a stanza, or with one in {MAIN_FILE}, which the role takes out there",
                    observed="; ".join(found),
                    next_step=_MOVE_STANZAS.format(path=path),
                    reproduce=f"grep -n {name} {path}",
                )


def _role(name: str, network: Network) -> str:
    """How a message tells what a link is for."""
    above = network.above(name)
    return f"{name}, the port of {above[0]}" if above else name


def _refuse_lost_options(taken: Sequence[str], network: Network, text: str) -> None:
    """A stanza that is replaced must not take along what the new one does not say."""
    for name in taken:
        lost = [line for each in parse.stanzas(text) if each.name == name for line in _lost(each, network)]
        if lost:
            raise InputError(
                f"{MAIN_FILE} says more of {_role(name, network)} than the stanzas keep that the role writes; "
                "nothing was changed",
                expected="address, netmask, gateway, mtu, bridge_ports, and what network_bridge_config declares of "
                "bond, spanning tree, IPv6 and name servers",
                observed="; ".join(lost),
                next_step="declare name servers, routes and IPv6 in the long form of network_bridge_config, move "
                "commands to a script in /etc/network/if-up.d, then take these lines out",
                reproduce=f"grep -n -A 9 'iface {name}' {MAIN_FILE}",
            )


def _lost(found: parse.Stanza, network: Network) -> list[str]:
    """What the new stanzas do not say, each as it is written."""
    bridges = [bridge for bridge in network.bridges if found.name in network.stack(bridge.name)]
    if found.family == "inet6" and found.method == "static":
        kept = [address for bridge in bridges for address in bridge.addresses6]
        gateways = ["", *(bridge.gateway6 for bridge in bridges)]
        return [] if _cidr(found) in kept and found.value("gateway") in gateways else [found.head]
    if found.family not in ("inet", "") and found.method != "manual":
        return [found.head]
    said = {("dns_nameservers", " ".join(bridge.dns)) for bridge in bridges}
    said |= {("dns_search", " ".join(bridge.search)) for bridge in bridges}
    said |= {("bridge_stp", each) for each in _STP_OFF}
    if any(bridge.stp and bridge.name == found.name for bridge in bridges):
        said |= {("bridge_stp", each) for each in ("on", "yes", "y", "1")}
    rest = [(name, value) for name, value in found.options if name not in _SAID and (name, value) not in said]
    if any(bridge.multicast_querier and bridge.name == found.name for bridge in bridges):
        rest = [(name, value) for name, value in rest if not _makes_querier(name, value, found.name)]
    rest = [(name, value) for name, value in rest if not (name in _OF_OVS and _is_ovs(found, name, network))]
    return [f"{name} {value}" for name, value in rest if not _is_of_bond(name, found.name, network)]


def _is_ovs(found: parse.Stanza, option: str, network: Network) -> bool:
    """Whether an option of Open vSwitch is one that the declared bridge says anew."""
    bridges = [each for each in network.bridges if each.ovs and found.name in (each.name, each.port, *each.links)]
    if option == "ovs_ports":
        known = {port for each in bridges for port in (each.port, *each.links)}
        return bool(bridges) and set(found.value(option).split()) <= known
    if option in ("ovs_options", "ovs_extra"):
        return bool(bridges) and not _unknown_words(found.value(option))
    return bool(bridges)


def _unknown_words(text: str) -> list[str]:
    """What is said of a port or bridge beside what a declaration says of it."""
    known = re.sub(r"\bset (port|interface|Port|Interface) \S+", "", text)
    words = [each for each in known.split() if each != "--"]
    return [each for each in words if each.partition("=")[0] not in _OVS_COLUMNS]


def _is_of_bond(option: str, name: str, network: Network) -> bool:
    """Whether an option of a bond or its port is one that the declared bond says anew, or that its mode has no use
    for."""
    bond = next((each for each in network.bonds if name in (each.name, *each.ports)), None)
    word = option.replace("bond_", "", 1)
    return bond is not None and (option == "slaves" or word in _OF_BOND or not has_option(bond.mode, word))
