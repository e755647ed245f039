# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared network, NetworkManager's keyfiles) -> the keyfiles that declare it, and back. Pure.

The profile of a port stays the profile of that port, whatever its type, and becomes part of the bridge; its sections
ipv4 and ipv6 go to the bridge's profile as a whole. Profiles that say what is declared stay as they are. Source:
nm-settings-keyfile(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Optional, Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    MIIMON,
    Bond,
    Bridge,
    Files,
    Network,
    StaticRoute,
    Vlan,
    has_option,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager_declared import (
    ADDRESS,
    ETHERNET,
    FALSE,
    FOLDER,
    FOLDERS,
    OVS_BRIDGE,
    OVS_INTERFACE,
    OVS_PORT,
    QUERIER,
    ROUTE,
    RULE,
    addresses,
    controller,
    declared,
    gateway,
    is_querier,
    keyfiles,
    kind,
    names,
    routes,
    rule,
    said_mtu,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager_ovs import (
    in_switches,
    interface_entries,
    is_own,
    new_profile,
    own_path,
    port_uuid,
    switch_profiles,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import (
    canonical,
    destination,
    left_alone,
    refuse_addresses_of_ports,
    released,
)

__all__ = [
    "FOLDER",
    "FOLDERS",
    "OVS_BRIDGE",
    "OVS_INTERFACE",
    "OVS_PORT",
    "configured",
    "controller",
    "declared",
    "keyfiles",
    "render",
]
IFCFG = "/etc/sysconfig/network-scripts"
_OF_IP = ("ipv4", "ipv6", "proxy")
_MASTER = ("master", "slave-type", "controller", "port-type")
# What a profile without an IPv4 address must not have, so that it would be lost.
_NEEDS_ADDRESS = re.compile(r"(dns|dns-search|dns-options|route\d+(_options)?|routing-rule\d+)")


def render(network: Network, files: Files, macs: Mapping[str, str]) -> dict[str, str]:
    """The files that change. `macs` are the hardware addresses of the ports, as far as they are known. Raises
    InputError for what would be lost or written again."""
    alone = left_alone(network, declared(files), [link for link, path in configured(files).items() if is_own(path)])
    new = _without_absent(network, files)
    new |= {own_path(name): "" for name in released(network, declared(files))}
    every = {name: _path(name, network, files, macs) for name in network.names}
    olds = {name: files.get(path, "") for name, path in every.items()}
    alone |= _own_parents(network, every, olds)
    paths = {name: path for name, path in every.items() if name not in alone}
    for name, path in paths.items():
        _refuse_ifcfg(name, files)
        _refuse_generated(path, files, name)
        device = network.devices.get(name)
        if isinstance(device, Bridge):
            under = _under(device, network, olds)
            _refuse_profiles(device, network, path, under, olds[name])
            text = olds[name] or new_profile(name, OVS_INTERFACE if device.ovs else "bridge", name)
            text = interface_entries(text, device, files) if device.ovs else text
            new |= switch_profiles(device, files) if device.ovs else {}
            new[path] = _bridge(device, network, under, olds[name], text, macs)
        else:
            new[path] = _lower(name, network, olds, files)
    new |= _released_of_ovs(network, files)
    return {path: text for path, text in new.items() if text != files.get(path, "")}


def _own_parents(network: Network, paths: Mapping[str, str], olds: Mapping[str, str]) -> set[str]:
    """NICs under nothing but VLAN devices whose profile stays as it is: it is there, and its MTU is large enough."""
    nics = [name for name in set(network.names) - set(network.taken) if olds[name] and not is_own(paths[name])]
    return {name for name in nics if (said_mtu(olds[name]) or 1500) >= network.mtu_of(name)}


def _released_of_ovs(network: Network, files: Files) -> dict[str, str]:
    """NICs that are in the port of a bridge of Open vSwitch and shall not be any more: the role's own profiles emptied,
    others without it."""
    uplinks = {port_uuid(bridge, bridge.port, files) for bridge in network.bridges if bridge.ovs}
    new = {}
    for path, text in keyfiles(files).items():
        if controller(text) in uplinks and not set(network.names) & names(text):
            new[path] = "" if is_own(path) else _alone(text)
    return new


def _alone(text: str) -> str:
    """The profile of a port that belongs to nothing any more."""
    text = keyfile.without_sections(text, (OVS_INTERFACE,))
    return _without_dhcp(keyfile.with_entries(text, "connection", [], _MASTER))


def _path(name: str, network: Network, files: Files, macs: Mapping[str, str]) -> str:
    return find_profile(name, files, {} if name in network.devices else macs) or own_path(name)


def _without_absent(network: Network, files: Files) -> dict[str, str]:
    """The profiles of devices that are to go, emptied, and those of their ports without them."""
    found = {path: text for path, text in keyfiles(files).items() if names(text) & set(network.absent)}
    found |= {path: files[path] for path in in_switches(network.absent, files)}
    called = {name for text in found.values() for name in names(text)}
    new = dict.fromkeys(found, "")
    for path, text in keyfiles(files).items():
        if path not in found and controller(text) in called:
            new[path] = _alone(text)
    for path in new:
        _refuse_generated(path, files, ", ".join(sorted(network.absent)))
    return new


def find_profile(link: str, files: Files, macs: Mapping[str, str]) -> Optional[str]:
    """The keyfile of a link, by name or hardware address. Raises InputError where there are several."""
    found = [path for path, text in keyfiles(files).items() if _is_of(link, text, macs)]
    started = [path for path in found if keyfile.value(files[path], "connection", "autoconnect") != "false"]
    if len(started) > 1:
        raise InputError(
            f"{link} has more than one profile of NetworkManager that starts by itself",
            expected="one profile for each interface",
            observed=", ".join(sorted(started)),
            next_step="delete the others, or set autoconnect=false in them; nothing was changed",
            reproduce=f"grep -l {link} {FOLDER}/*",
        )
    return started[0] if started else next(iter(found), None)


def _is_of(link: str, text: str, macs: Mapping[str, str]) -> bool:
    """A bridge of Open vSwitch and a port in it have profiles beside that of the link of the same name."""
    if kind(text) in (OVS_BRIDGE, OVS_PORT):
        return False
    name = keyfile.value(text, "connection", "interface-name")
    if name:
        return name == link
    mac = next((keyfile.value(text, each, "mac-address") for each in ETHERNET), "").lower()
    return bool(mac) and mac == macs.get(link)


def configured(files: Files) -> dict[str, str]:
    """Interface -> the keyfile that is for it, without those that netplan writes."""
    profiles = keyfiles(files)
    found = {keyfile.value(text, "connection", "interface-name"): path for path, text in profiles.items()}
    return {name: path for name, path in found.items() if name and not posixpath.basename(path).startswith("netplan-")}


def _refuse_ifcfg(name: str, files: Files) -> None:
    path = f"{IFCFG}/ifcfg-{name}"
    if path in files:
        raise InputError(
            f"{path} configures {name} in the form that NetworkManager gives up",
            expected=f"a keyfile in {FOLDER}",
            observed=path,
            next_step=f"run 'nmcli connection migrate' for the profile of {name} (NetworkManager 1.40 and newer), "
            "then run again; nothing was changed",
            reproduce="nmcli -f NAME,DEVICE,FILENAME connection",
        )


def _refuse_generated(path: str, files: Files, link: str) -> None:
    if posixpath.basename(path).startswith("cloud-init-"):
        cloud_init.require_switched_off(files, path, link, Bridge(link, link))
    if posixpath.dirname(path) != FOLDER:
        raise InputError(
            f"{path} configures {link}; another program writes that file",
            expected=f"a profile in {FOLDER}, which the role changes there",
            observed=path,
            next_step=f"copy it to {FOLDER} under the same name, and see what writes it; nothing was changed",
            reproduce=f"cat {path}",
        )


def _under(bridge: Bridge, network: Network, olds: Mapping[str, str]) -> str:
    """The profile that says what the bridge takes over of IP: that of its port, or of a port of the bond that is its
    port."""
    port = network.devices.get(bridge.port)
    ports = [*bridge.links, *(port.ports if isinstance(port, Bond) else ())]
    said = [olds[name] for name in ports if addresses(keyfile.entries(olds[name], "ipv4"))]
    return (said or [olds[ports[0]]])[0]


def _refuse_profiles(bridge: Bridge, network: Network, path: str, port: str, old: str) -> None:
    """What the new profiles could not say any more."""
    known = {*network.devices, *network.absent, *names(old), ""}
    known |= {controller(port)} if bridge.ovs and keyfile.value(port, "connection", "slave-type") == OVS_PORT else set()
    lost = [f"master={controller(port)}"] if controller(port) not in known else []
    stp = keyfile.value(old, "bridge", "stp") or "true"
    lost += ["stp=true"] if old and stp not in FALSE and not bridge.stp and not bridge.ovs else []
    asks = is_querier(old) and not is_own(path)
    lost += [f"{QUERIER}=true"] if asks and not bridge.multicast_querier else []
    ipv4 = keyfile.entries(port, "ipv4")
    if len(addresses(ipv4)) > 1 and bridge.address not in addresses(ipv4):
        lost += [f"{key}={each}" for key, each in ipv4 if ADDRESS.fullmatch(key)]
    if not bridge.address:
        every = [*ipv4, *keyfile.entries(old, "ipv4")]
        lost += [f"{key}={each}" for key, each in every if _NEEDS_ADDRESS.fullmatch(key)]
    if lost:
        raise InputError(
            f"NetworkManager's profile says more of {bridge.port} or {bridge.name} than the declared bridge keeps; "
            "nothing was changed",
            expected="spanning tree and multicast querier as declared, no other bridge or bond, and name servers and "
            "routes only with an address",
            observed="; ".join(lost),
            next_step=f"take these lines out, or declare what they say for {bridge.name}",
            reproduce=f"cat {path}",
        )


def _lower(name: str, network: Network, olds: Mapping[str, str], files: Files) -> str:
    """The profile of what is not a bridge."""
    device = network.devices.get(name)
    text = olds[name] or new_profile(name, _type(device), name)
    masters = [network.devices[each] for each in network.above(name) if not isinstance(network.devices[each], Vlan)]
    joined = [("interface-name", name)]
    in_ovs = [each for each in masters if isinstance(each, Bridge) and each.ovs]
    for each in masters:
        joined += [("master", each.name), ("slave-type", "bridge" if isinstance(each, Bridge) else "bond")]
    for bridge in in_ovs:
        joined += [("master", port_uuid(bridge, bridge.port, files)), ("slave-type", OVS_PORT)]
    gone = (*(key for key in _MASTER if key not in dict(joined)), *(("autoconnect",) if masters else ()))
    text = keyfile.without_sections(text, _OF_IP) if masters else text
    text = keyfile.with_entries(text, "connection", joined, gone)
    text = keyfile.with_entries(text, _ethernet_section(text), [("mtu", str(network.mtu_of(name)))])
    text = keyfile.without_sections(text, (OVS_INTERFACE,))
    text = keyfile.with_entries(text, OVS_INTERFACE, [("type", "system")]) if in_ovs else text
    if isinstance(device, Bond):
        _refuse_addresses_of_ports(device, network, olds)
        text = _with_bond(device, text)
    if isinstance(device, Vlan):
        flags = [] if olds[name] else [("flags", "1")]  # NM_VLAN_FLAG_REORDER_HEADERS, its default
        entries = [("id", str(device.id)), ("parent", device.parent), *flags]
        text = keyfile.with_entries(text, "vlan", entries, ["protocol"])
    return text if masters else _without_dhcp(text)


def _without_dhcp(text: str) -> str:
    """A profile that says nothing of IP would ask a DHCP server."""
    for section in ("ipv4", "ipv6"):
        if not keyfile.entries(text, section):
            text = keyfile.with_entries(text, section, [("method", "disabled")])
    return text


def _type(device: Union[Bond, Vlan, Bridge, None]) -> str:
    return {Bond: "bond", Vlan: "vlan", Bridge: "bridge"}.get(type(device), "ethernet")


def _with_bond(bond: Bond, text: str) -> str:
    """With what is declared of a bond; what its mode has no use for goes."""
    said = {"lacp_rate": bond.lacp_rate, "xmit_hash_policy": bond.hash_policy, "primary": bond.primary}
    wanted = [("mode", bond.mode), *((key, value) for key, value in said.items() if value)]
    there = [key for key, _value in keyfile.entries(text, "bond")]
    gone = [key for key in there if not has_option(bond.mode, key)]
    wanted += [] if {"miimon", "arp_interval"} & {*there} - {*gone} else [("miimon", str(MIIMON))]
    return keyfile.with_entries(text, "bond", wanted, gone)


def _refuse_addresses_of_ports(bond: Bond, network: Network, olds: Mapping[str, str]) -> None:
    for port in bond.ports:
        said = [(section, keyfile.entries(olds[port], section)) for section in ("ipv4", "ipv6")]
        refuse_addresses_of_ports(network, bond, port, [each for _name, found in said for each in addresses(found)])


def _ethernet_section(text: str) -> str:
    present = {name for name, _entries in keyfile.sections(text)}
    return next((name for name in ETHERNET if name in present), "ethernet")


def _bridge(bridge: Bridge, network: Network, port: str, old: str, text: str, macs: Mapping[str, str]) -> str:
    """The profile of a bridge that says `text` of all but IP, MTU and [bridge]. `old` is what was there."""
    ethernet = [("mtu", str(bridge.mtu))]
    known = [macs[each] for each in network.stack(bridge.name) if each in macs]
    mac = keyfile.value(text, _ethernet_section(text), "cloned-mac-address") or next(iter(known), "")
    if bridge.address == "dhcp" and mac:  # the server gives the same address to the same hardware address
        ethernet.append(("cloned-mac-address", mac))
    text = keyfile.with_entries(text, _ethernet_section(text), ethernet)
    of_bridge = [("stp", str(bridge.stp).lower()), ("forward-delay", str(bridge.forward_delay))]
    of_bridge += [(QUERIER, "true")] if bridge.multicast_querier else []
    gone = () if bridge.multicast_querier else (QUERIER,)
    text = text if bridge.ovs else keyfile.with_entries(text, "bridge", of_bridge, gone)
    ipv6 = keyfile.entries(old, "ipv6") or keyfile.entries(port, "ipv6")
    ipv6 = ipv6 or [("method", "auto" if bridge.address else "disabled")]
    parts = [keyfile.section_text("ipv4", _ipv4(bridge, port, old)), keyfile.section_text("ipv6", _ipv6(bridge, ipv6))]
    rest = keyfile.without_sections(text, ("ipv4", "ipv6")).rstrip("\n")
    return "\n".join([f"{rest}\n", *parts])


def _ipv4(bridge: Bridge, port: str, old: str) -> list[keyfile.Entry]:
    """What is declared, and what port and bridge said beside that. The first address of the bridge's, or the one of the
    port's, is what the declared one replaces."""
    of_bridge, of_port = keyfile.entries(old, "ipv4"), keyfile.entries(port, "ipv4")
    single = addresses(of_port) if len(addresses(of_port)) == 1 else []
    replaced = {*addresses(of_bridge)[:1], *single, bridge.address}
    more = [each for each in [*addresses(of_bridge), *addresses(of_port)] if each not in replaced]
    static = bridge.address not in (None, "dhcp")
    every = ([str(bridge.address)] if static else []) + list(dict.fromkeys(more))
    method = "auto" if bridge.address == "dhcp" else "manual" if every else "disabled"
    found = [("method", method)] + [(f"address{number}", each) for number, each in enumerate(every, 1)]
    found += [("gateway", bridge.gateway)] if bridge.gateway else []
    said = [entry for entry in {**dict(of_port), **dict(of_bridge)}.items() if not _is_address(entry[0])]
    said = [entry for entry in said if entry[0] != "gateway"]
    if method == "disabled":
        return found
    return [*found, *_more(bridge, 4, said)]


def _ipv6(bridge: Bridge, said: Sequence[keyfile.Entry]) -> list[keyfile.Entry]:
    """Declared addresses replace all that were there; without any they stay."""
    if not (bridge.addresses6 or bridge.gateway6):
        return _more(bridge, 6, said)
    static = [(f"address{number}", each) for number, each in enumerate(bridge.addresses6, 1)]
    head = [("method", "manual"), *static] if static else [each for each in said if _is_address(each[0])]
    via = bridge.gateway6 or gateway(said)
    rest = [each for each in said if not _is_address(each[0]) and each[0] != "gateway"]
    return [*head, *([("gateway", via)] if via else []), *_more(bridge, 6, rest)]


def _is_address(key: str) -> bool:
    return key == "method" or bool(ADDRESS.fullmatch(key))


def _more(bridge: Bridge, version: int, said: Sequence[keyfile.Entry]) -> list[keyfile.Entry]:
    """Name servers, routes and rules of one section: what was said, and what is declared in its place or beside it."""
    wanted = [canonical(each) for each in bridge.routes if (":" in each.via) == (version == 6)]
    anew = [key for key, each in routes(said).items() if each and _is_among(each, wanted)]
    gone = {*anew, *(f"{key}_options" for key in anew)}
    gone |= {key for key, value in said if RULE.fullmatch(key) and rule(value) in bridge.rules}
    servers = _servers(bridge, version)
    kept = [(key, value) for key, value in said if key not in (*gone, *servers)]
    return [*kept, *servers.items(), *_routes(wanted, kept), *_rules(bridge, version, kept)]


def _is_among(found: StaticRoute, wanted: Sequence[StaticRoute]) -> bool:
    return any((each.to, each.table) == (found.to, found.table) for each in wanted)


def _servers(bridge: Bridge, version: int) -> dict[str, str]:
    """Domains stand once, where the bridge has an address."""
    dns = [each for each in bridge.dns if (":" in each) == (version == 6)]
    here = (version == 4) == bool(bridge.address)
    found = {"dns": ";".join([*dns, ""])} if dns else {}
    return {**found, **({"dns-search": ";".join([*bridge.search, ""])} if bridge.search and here else {})}


def _routes(wanted: Sequence[StaticRoute], kept: Sequence[keyfile.Entry]) -> list[keyfile.Entry]:
    first = 1 + max([int(key[len("route") :]) for key, _value in kept if ROUTE.fullmatch(key)], default=0)
    found = []
    for number, each in enumerate(wanted, first):
        found.append((f"route{number}", f"{destination(each)},{each.via}"))
        found += [(f"route{number}_options", f"table={each.table}")] if each.table else []
    return found


def _rules(bridge: Bridge, version: int, kept: Sequence[keyfile.Entry]) -> list[keyfile.Entry]:
    first = 1 + max([int(key[len("routing-rule") :]) for key, _value in kept if RULE.fullmatch(key)], default=0)
    mine = [each for each in bridge.rules if (":" in f"{each.source}{each.to}") == (version == 6)]
    found = []
    for number, each in enumerate(mine, first):
        ends = [f"{word} {value}" for word, value in (("from", each.source), ("to", each.to)) if value]
        found.append((f"routing-rule{number}", " ".join([f"priority {each.priority}", *ends, f"table {each.table}"])))
    return found
