# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared network, systemd-networkd's files) -> the files that declare it, and back. Pure.

Of all .network files that match a link networkd takes the first by name, and of all .netdev files that make a device as
well. So the own files come first, say what the file said that they stand before, and that one stays as it is, for
whatever else it matches. What other files say exactly as it is declared gets no own file. Source: systemd.network(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Optional, Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    MIIMON,
    Bond,
    Bridge,
    Files,
    Network,
    Vlan,
    has_option,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkd_declared import (
    FOLDER,
    FOLDERS,
    QUERIER,
    TRUE,
    Section,
    addresses,
    declared,
    entries,
    is_default,
    is_for,
    netdevs,
    networks,
    route,
    rule,
    sections,
    whole,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import (
    canonical,
    destination,
    left_alone,
    refuse_addresses_of_ports,
    released,
)

__all__ = ["FOLDER", "FOLDERS", "configured", "declared", "render"]
_OWN = "00-cloudstack-kvm-"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge).\n"
# What stays with the port; all else that [Network] says is of IP, and goes to the bridge.
_OF_PORT = ("MACVLAN", "MACVTAP", "IPVLAN", "Xfrm", "LLDP", "EmitLLDP", "Description", "IgnoreCarrierLoss")
_MASTERS = ("Bridge", "Bond", "VRF", "BatmanAdvanced")
_OF_MODE = {  # settings that not every mode has -> the kernel's name
    "LACPTransmitRate": "lacp_rate",
    "AdActorSystemPriority": "ad_actor_sys_prio",
    "AdActorSystem": "ad_actor_system",
    "AdUserPortKey": "ad_user_port_key",
    "TransmitHashPolicy": "xmit_hash_policy",
    "ARPIntervalSec": "arp_interval",
    "ARPIPTargets": "arp_ip_target",
    "ARPValidate": "arp_validate",
    "ARPAllTargets": "arp_all_targets",
    "PacketsPerSlave": "packets_per_slave",
    "DynamicTransmitLoadBalancing": "tlb_dynamic_lb",
}
_PROTOCOL = "Protocol"  # of a VLAN device


def render(network: Network, files: Files, macs: Mapping[str, str]) -> dict[str, str]:
    """The files that change. `macs` are the hardware addresses of the ports, as far as they are known. Raises
    InputError for what would be lost."""
    _refuse_ovs(network)
    own = [name for name, path in netdevs(files).items() if posixpath.basename(path).startswith(_OWN)]
    alone = left_alone(network, declared(files), own)
    new = _without_absent(network.absent, files)
    new |= dict.fromkeys((own_path(f"{name}.network") for name in released(network, declared(files))), "")
    for name in (each for each in network.names if each not in alone):
        new[own_path(f"{name}.network")] = _HEAD + _text(_network(name, network, files, macs))
        if name in network.devices:
            new[own_path(f"{name}.netdev")] = _HEAD + _text(_netdev(name, network, files, macs))
    return {path: text for path, text in new.items() if text != files.get(path, "")}


def _refuse_ovs(network: Network) -> None:
    """networkd has no words for Open vSwitch: no file could say at the next boot what a bridge is made of."""
    found = [bridge.name for bridge in network.bridges if bridge.ovs]
    if found:
        raise InputError(
            f"systemd-networkd cannot make {found[0]}, a bridge of Open vSwitch",
            expected="bridges of Linux where networkd configures the network; Open vSwitch with ifupdown, netplan "
            "(networkd behind it) or NetworkManager",
            observed=", ".join(found),
            next_step="install netplan and move the network there, or make the bridges with ovs-vsctl, whose database "
            "keeps them, give them addresses in networkd's files, and leave them out of network_bridge_config; nothing "
            "was changed",
        )


def _without_absent(absent: Sequence[str], files: Files) -> dict[str, str]:
    """Files of these devices alone, emptied, and the lines that put one of them on a parent. Raises InputError for a
    file that another program writes."""
    new: dict[str, str] = {}
    for path in [*netdevs(files).values(), *networks(files)] if absent else []:
        section = "NetDev" if path.endswith(".netdev") else "Match"
        names = keyfile.value(files[path], section, "Name").split()
        lines = files[path].splitlines(keepends=True)
        kept = [line for line in lines if not any(_is_on_parent(line, name) for name in absent)]
        text = "" if names and set(names) <= set(absent) else "".join(kept)
        if text != files[path] and posixpath.dirname(path) != FOLDER:
            raise InputError(
                f"{path} configures {', '.join(names)}, which is to go; another program writes that file",
                expected=f"files in {FOLDER}, which the role changes there",
                observed=path,
                next_step="see what writes that file, and take the device out there; nothing was changed",
                reproduce=f"cat {path}",
            )
        new[path] = text
    return {path: text for path, text in new.items() if text != files[path]}


def _is_on_parent(line: str, device: str) -> bool:
    key, _sign, value = line.partition("=")
    return key.strip() in ("VLAN", *_MASTERS) and value.strip() == device


def own_path(name: str) -> str:
    return f"{FOLDER}/{_OWN}{name}"


def _old(link: str, network: Network, files: Files, macs: Mapping[str, str]) -> list[Section]:
    """What is said of a link so far. Raises InputError as `_first` does."""
    if link in network.devices:
        found = [path for path in networks(files) if is_for(link, files[path])]
    else:
        found = [path for path in networks(files) if _matches(link, whole(files, path), macs)]
    return sections(files, _first(link, found, files, own_path(f"{link}.network")))


def _network(name: str, network: Network, files: Files, macs: Mapping[str, str]) -> list[Section]:
    """The .network file of a NIC or device."""
    device = network.devices.get(name)
    old = _old(name, network, files, macs)
    _refuse_masters(name, network, old)
    if isinstance(device, Bridge):
        under = old or _of_ip_under(device, network, files, macs)
        _refuse_lost(device, under)
        return _bridge(device, under)
    if isinstance(device, Bond):
        _refuse_addresses_of_ports(device, network, files, macs)
    return _lower(name, network, old)


def _of_ip_under(bridge: Bridge, network: Network, files: Files, macs: Mapping[str, str]) -> list[Section]:
    """What the port of a bridge, or else a port of the bond that is its port, says of IP."""
    port = network.devices.get(bridge.port)
    for name in (bridge.port, *(port.ports if isinstance(port, Bond) else ())):
        found = _old(name, network, files, macs)
        said = [entry for entry in entries(found, "Network") if entry[0] not in ("VLAN", *_MASTERS, *_OF_PORT)]
        if said or addresses(found) or addresses(found, 6):
            return [each for each in found if each[0] not in ("Match", "Link")]
    return []


def _refuse_addresses_of_ports(bond: Bond, network: Network, files: Files, macs: Mapping[str, str]) -> None:
    for port in bond.ports:
        old = _old(port, network, files, macs)
        dhcp = dict(entries(old, "Network")).get("DHCP", "no").lower()
        leases = ["dhcp"] if dhcp in (*TRUE, "ipv4", "ipv6") else []
        refuse_addresses_of_ports(network, bond, port, [*addresses(old), *addresses(old, 6), *leases])


def _lower(name: str, network: Network, old: Sequence[Section]) -> list[Section]:
    """The .network file of what is not a bridge: in its bridge or bond, under its VLAN devices."""
    above = [network.devices[each] for each in network.above(name)]
    masters = [("Bridge" if isinstance(each, Bridge) else "Bond", each) for each in above if not isinstance(each, Vlan)]
    of_ip = [(key, each.name) for key, each in masters]
    of_ip += [("PrimarySlave", "true") for _key, each in masters if isinstance(each, Bond) and each.primary == name]
    said = [entry for entry in entries(old, "Network") if entry[0] not in (*_MASTERS, "PrimarySlave")]
    vlans = [each.name for each in above if isinstance(each, Vlan)]
    vlans += [value for key, value in said if key == "VLAN" and value not in (*vlans, *network.absent)]
    kept = [entry for entry in said if entry[0] != "VLAN" and (not masters or entry[0] in _OF_PORT)]
    link = [entry for entry in entries(old, "Link") if entry[0] != "MTUBytes"]
    rest = [] if masters else [each for each in old if each[0] not in ("Match", "Link", "Network")]
    return [
        ("Match", [("Name", name)]),
        ("Link", [("MTUBytes", str(network.mtu_of(name))), *link]),
        ("Network", [*of_ip, *(("VLAN", each) for each in vlans), *kept]),
        *rest,
    ]


def _first(link: str, found: Sequence[str], files: Files, own: str) -> str:
    """Of the files that match a link the one that it has, "" without one. Raises InputError for one that comes before
    the own file, or that cloud-init would write again."""
    if not found:
        return ""
    path = found[0]
    if posixpath.basename(path) < posixpath.basename(own):
        raise InputError(
            f"{path} configures {link}, and its name comes before those of the role's files",
            expected=f"a name that sorts behind {posixpath.basename(own)}",
            observed=path,
            next_step=f"rename it to 10-{posixpath.basename(path)}; nothing was changed",
            reproduce="networkctl status " + link,
        )
    if posixpath.basename(path).startswith("10-cloud-init-"):
        cloud_init.require_switched_off(files, path, link, Bridge(link, link))
    return path


def _matches(link: str, text: str, macs: Mapping[str, str]) -> bool:
    """As far as names, hardware addresses and kinds of links decide. A file that matches by something else counts as
    matching: what it says is kept then."""
    asked = dict(keyfile.entries(text, "Match"))
    if asked.get("Type", "ether") != "ether" or asked.get("Kind", "bridge") != "bridge" or not asked:
        return False
    names = asked.get("Name", "").split()
    if names and not _is_named(link, names):
        return False
    wanted = f"{asked.get('MACAddress', '')} {asked.get('PermanentMACAddress', '')}".lower().split()
    return not wanted or macs.get(link, "") in wanted


def _is_named(link: str, patterns: Sequence[str]) -> bool:
    """A ! before the first pattern turns all around (systemd.network(5), Name=)."""
    plain = [pattern.lstrip("!") for pattern in patterns]
    return any(fnmatchcase(link, pattern) for pattern in plain) != patterns[0].startswith("!")


def configured(files: Files) -> dict[str, str]:
    """Names and patterns of links -> the .network file for them, without those that netplan writes and those that came
    with systemd."""
    found: dict[str, str] = {}
    for path in networks(files):
        written = not path.startswith("/usr/") and not posixpath.basename(path).startswith("10-netplan-")
        names = keyfile.value(files[path], "Match", "Name").split() if written else []
        found.update({name: path for name in names if not name.startswith("!")})
    return found


def _refuse_masters(link: str, network: Network, old: Sequence[Section]) -> None:
    written = {*network.devices, *network.absent}
    said = [(key, value) for key, value in entries(old, "Network") if key in _MASTERS]
    others = [f"{key}={value}" for key, value in said if value not in written]
    masters = [each for each in network.above(link) if not isinstance(network.devices[each], Vlan)]
    if others and masters:
        raise InputError(
            f"networkd has {link}, the port of {masters[0]}, in something else",
            expected="a port that is in nothing else",
            observed="; ".join(others),
            next_step="take that line out, or declare what the port is in as the port; nothing was changed",
            reproduce=f"networkctl status {link}",
        )


def _refuse_lost(bridge: Bridge, old: Sequence[Section]) -> None:
    lost = []
    before = addresses(old)
    if len(before) > 1 and bridge.address not in before and not _is_own(old):
        lost += [f"Address={each}" for each in before]
    for name, each in old:
        said = dict(each)
        if name == "Route" and is_default(each) and said["Gateway"] != bridge.gateway and set(said) - {"Gateway"}:
            lost += [f"{key}={value}" for key, value in each]
        if name == "Address" and said.get("Address") == (before or [""])[0] != bridge.address and len(said) > 1:
            lost += [f"{key}={value}" for key, value in each]
    if lost:
        raise InputError(
            f"networkd's files say more of {bridge.port} or {bridge.name} than the declared bridge keeps; "
            "nothing was changed",
            expected="one IPv4 address, and a default route without options, or those that are declared",
            observed="; ".join(lost),
            next_step=f"take these lines out, or declare what they say for {bridge.name}",
            reproduce=f"networkctl status {bridge.port}",
        )


def _is_own(found: Sequence[Section]) -> bool:
    """The bridge's own file so far, whose first address is the declared one."""
    return any(name == "Match" for name, _each in found)


def _bridge(bridge: Bridge, old: Sequence[Section]) -> list[Section]:
    """The .network file of a bridge: what is declared, and what was said beside that of IP, of the port or of the
    bridge so far. Declared IPv6 addresses, name servers and domains replace those that were there."""
    of_link = [entry for entry in entries(old, "Link") if entry[0] != "MTUBytes"]
    replaced = {*addresses(old)[:1], bridge.address}
    if bridge.address in addresses(old) and not _is_own(old):
        replaced = {bridge.address}
    replaced |= {*addresses(old, 6), *bridge.addresses6} if bridge.addresses6 else set()
    kept = [each for each in old if each[0] not in ("Match", "Link", "Network") and _stays(each, replaced, bridge)]
    said = [entry for entry in entries(old, "Network") if _is_kept(entry, replaced, bridge)]
    static = [] if bridge.address in (None, "dhcp") else [bridge.address]
    wanted = [each for each in (*static, *bridge.addresses6) if each not in _all_addresses(kept)]
    of_ip = [("DHCP", _dhcp(bridge, old)), *(("Address", str(each)) for each in wanted)]
    for gateway, version in ((bridge.gateway, 4), (bridge.gateway6, 6)):
        routed = any(name == "Route" and is_default(each, version) for name, each in kept)
        of_ip += [("Gateway", gateway)] if gateway and not routed else []
    of_ip += [("DNS", each) for each in bridge.dns]
    of_ip += [("Domains", " ".join(bridge.search))] if bridge.search else []
    head = [("Match", [("Name", bridge.name)]), ("Link", [("MTUBytes", str(bridge.mtu)), *of_link])]
    return [*head, ("Network", of_ip + said), *_routes(bridge), *_rules(bridge), *kept]


def _all_addresses(found: Sequence[Section]) -> list[str]:
    return [*addresses(found), *addresses(found, 6)]


def _is_kept(entry: keyfile.Entry, replaced: set[Optional[str]], bridge: Bridge) -> bool:
    """Whether a line of [Network] stays as it is."""
    key, value = entry
    if key in ("DHCP", "VLAN", "PrimarySlave", *_MASTERS, *_OF_PORT):
        return False
    if key == "Gateway":
        return ":" in value and not bridge.gateway6
    if key in ("DNS", "Domains"):
        return not (bridge.dns if key == "DNS" else bridge.search)
    return not (key == "Address" and value in replaced)


def _routes(bridge: Bridge) -> list[Section]:
    found: list[Section] = []
    for each in bridge.routes:
        table = [("Table", str(each.table))] if each.table else []
        found.append(("Route", [("Destination", destination(each)), ("Gateway", each.via), *table]))
    return found


def _rules(bridge: Bridge) -> list[Section]:
    found: list[Section] = []
    for each in bridge.rules:
        ends = [(key, value) for key, value in (("From", each.source), ("To", each.to)) if value]
        found.append(("RoutingPolicyRule", [*ends, ("Table", str(each.table)), ("Priority", str(each.priority))]))
    return found


def _stays(section: Section, replaced: set[Optional[str]], bridge: Bridge) -> bool:
    name, each = section
    if name == "Address":
        address = dict(each).get("Address")
        return address in (bridge.address, *bridge.addresses6) or address not in replaced
    if name == "RoutingPolicyRule":
        return rule(each) not in bridge.rules
    if name != "Route":
        return True
    if is_default(each):
        return dict(each)["Gateway"] == bridge.gateway
    if is_default(each, 6):
        return not bridge.gateway6 or dict(each)["Gateway"] == bridge.gateway6
    found = route(each)
    anew = [(one.to, one.table, ":" in one.via) for one in map(canonical, bridge.routes)]
    return not found or (found.to, found.table, ":" in found.via) not in anew


def _dhcp(bridge: Bridge, old: Sequence[Section]) -> str:
    six = dict(entries(old, "Network")).get("DHCP", "").lower() in (*TRUE, "ipv6")
    four = bridge.address == "dhcp"
    return {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}[(four, six)]


def _netdev(name: str, network: Network, files: Files, macs: Mapping[str, str]) -> list[Section]:
    """The .netdev file of a device, with what was said of it beside that. A bridge that asks for a lease has the
    hardware address of its port, so that the server gives it the same."""
    device = network.devices[name]
    path = netdevs(files).get(name, "")
    old = keyfile.sections(files[path]) if path else []
    if isinstance(device, Bridge):
        _refuse_lost_querier(device, path, old)
    kind, wanted = _of_device(device)
    known = [macs[each] for each in network.stack(name) if each in macs]
    said = dict(entries(old, "NetDev")).get("MACAddress", "")
    leased = isinstance(device, Bridge) and device.address == "dhcp"
    mac = said or (known[0] if leased and known else "")
    given = [("Name", name), ("Kind", kind.lower()), ("MTUBytes", str(device.mtu))]
    given += [("MACAddress", mac)] if mac and (leased or not isinstance(device, Bridge)) else []
    kept = [entry for entry in entries(old, "NetDev") if entry[0] not in (*dict(given), "MACAddress")]
    said_anew = (*wanted, QUERIER, _PROTOCOL)
    parameters = [entry for entry in entries(old, kind) if entry[0] not in said_anew and _is_of_mode(entry[0], device)]
    if "ARPIntervalSec" in dict(parameters):  # the kernel takes one of them
        wanted.pop("MIIMonitorSec")
    rest = [each for each in old if each[0] not in ("NetDev", kind)]
    return [("NetDev", [*given, *kept]), (kind, [*wanted.items(), *parameters]), *rest]


def _refuse_lost_querier(bridge: Bridge, path: str, old: Sequence[Section]) -> None:
    """An operator's own file has it that the bridge is a querier. What the role's file said so far may go."""
    is_own = posixpath.basename(path).startswith(_OWN)
    asks = dict(entries(old, "Bridge")).get(QUERIER, "").lower() in TRUE
    if asks and not is_own and not bridge.multicast_querier:
        raise InputError(
            f"{path} makes {bridge.name} a multicast querier, and it is not declared so; nothing was changed",
            expected=f"multicast_querier: true for {bridge.name}, or no such line in {path}",
            observed=f"{QUERIER}=yes",
            next_step=f"declare multicast_querier: true for {bridge.name}, or take that line out",
            reproduce=f"cat {path}",
        )


def _is_of_mode(key: str, device: object) -> bool:
    """A mode of a bond that has no use for a setting may not have it."""
    return not isinstance(device, Bond) or has_option(device.mode, _OF_MODE.get(key, key))


def _of_device(device: Union[Bond, Vlan, Bridge]) -> tuple[str, dict[str, str]]:
    """Section and settings of a kind of device."""
    if isinstance(device, Bond):
        said = {"LACPTransmitRate": device.lacp_rate, "TransmitHashPolicy": device.hash_policy}
        known = {key: value for key, value in said.items() if value}
        return "Bond", {"Mode": device.mode, "MIIMonitorSec": f"{MIIMON}ms", **known}
    if isinstance(device, Vlan):
        return "VLAN", {"Id": str(device.id)}
    stp = "yes" if device.stp else "no"
    querier = {QUERIER: "yes"} if device.multicast_querier else {}
    return "Bridge", {"STP": stp, "ForwardDelaySec": str(device.forward_delay), **querier}


def _text(found: Sequence[Section]) -> str:
    return "\n".join(keyfile.section_text(name, each) for name, each in found)
