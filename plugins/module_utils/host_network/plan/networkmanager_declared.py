# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NetworkManager's keyfiles -> the network that they declare, as far as a Network can say it. Pure. Sources:
nm-settings-keyfile(5), nm-settings(5)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    HASH_POLICIES,
    LACP_RATES,
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
    vlan_protocol,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import (
    DEFAULTS,
    KERNEL_FORWARD_DELAY,
    canonical,
)

FOLDER = "/etc/NetworkManager/system-connections"
# The same name in an earlier one hides that in a later one (NetworkManager.conf(5), keyfile).
FOLDERS = (FOLDER, "/run/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections")
ETHERNET = ("ethernet", "802-3-ethernet")
OVS_BRIDGE, OVS_PORT, OVS_INTERFACE = "ovs-bridge", "ovs-port", "ovs-interface"  # nm-openvswitch(7)
_OVS = (OVS_BRIDGE, OVS_PORT, OVS_INTERFACE)
FALSE = ("false", "no", "off", "0")
QUERIER = "multicast-querier"
ADDRESS = re.compile(r"address(?:es)?\d*")
ROUTE = re.compile(r"route\d+")
RULE = re.compile(r"routing-rule\d+")
# A default for a card without a profile ("Wired connection 1"), and what it took over as it was.
_BY_ITSELF = (("origin", "nm-auto-default"), ("nm-generated", "true"))
_RATES = {"0": "slow", "1": "fast"}
Profiles = Mapping[str, str]


def keyfiles(files: Files) -> dict[str, str]:
    """Path -> text of the profiles that somebody has made: NetworkManager keeps some by itself for what has none."""
    found = {path: text for path, text in files.items() if posixpath.dirname(path) in FOLDERS}
    return {path: text for path, text in found.items() if text and not _made_by_itself(text)}


def _made_by_itself(text: str) -> bool:
    return any(entry in _BY_ITSELF for _name, found in keyfile.sections(text) for entry in found)


def declared(files: Files) -> Network:
    """Bonds, also of modes that cannot be declared, VLAN devices, and bridges of one port; those on NICs whose profiles
    are found by a hardware address alone are left out."""
    profiles = dict(sorted(keyfiles(files).items()))
    texts = list(profiles.values())
    bonds = [_bond(each, texts) for each in texts if kind(each) == "bond"]
    vlans = [_vlan(each, texts) for each in texts if kind(each) == "vlan"]
    bridges = [_bridge(each, texts) for each in texts if kind(each) == "bridge"]
    bridges += [_ovs_bridge(each, texts) for each in texts if kind(each) == OVS_INTERFACE]
    return Network(
        tuple(each for each in bonds if each),
        tuple(each for each in vlans if each),
        tuple(each for each in bridges if each),
    )


def kind(text: str) -> str:
    """The type of a profile."""
    return keyfile.value(text, "connection", "type")


def controller(text: str) -> str:
    """The bridge or bond that a profile is a port of, by name or uuid; "" without one."""
    return keyfile.value(text, "connection", "master") or keyfile.value(text, "connection", "controller")


def names(text: str) -> set[str]:
    """What others may call a profile's link."""
    return {keyfile.value(text, "connection", "uuid"), link_name(text)} - {""}


def link_name(text: str) -> str:
    """The interface of a profile, "" where it does not say. A VLAN device has a name by itself."""
    name = keyfile.value(text, "connection", "interface-name")
    parent, number = keyfile.value(text, "vlan", "parent"), keyfile.value(text, "vlan", "id")
    return name or (f"{parent}.{number}" if kind(text) == "vlan" and parent and "-" not in parent else "")


def addresses(found: Sequence[keyfile.Entry]) -> list[str]:
    """Those of a section ipv4 or ipv6."""
    return [value.split(",")[0].strip() for key, value in found if ADDRESS.fullmatch(key)]


def gateway(found: Sequence[keyfile.Entry]) -> str:
    """Stands alone, or behind the first address; "" without one."""
    behind = [value.split(",")[1].strip() for key, value in found if ADDRESS.fullmatch(key) and "," in value]
    return dict(found).get("gateway", "") or (behind or [""])[0]


def route(key: str, found: Sequence[keyfile.Entry]) -> Optional[StaticRoute]:
    """The route of one key; None for one that a StaticRoute cannot say, or that is the default route of the table
    main."""
    said = dict(found)
    parts, options = said[key].split(","), said.get(f"{key}_options", "")
    table = options[len("table=") :] if options.startswith("table=") else "254"
    if len(parts) != 2 or not table.isdigit() or (options and not options.startswith("table=")):
        return None
    route = canonical(StaticRoute(parts[0].strip(), parts[1].strip(), int(table)))
    return None if route.to in DEFAULTS and not route.table else route


def routes(found: Sequence[keyfile.Entry]) -> dict[str, Optional[StaticRoute]]:
    """Key -> route."""
    return {key: route(key, found) for key, _value in found if ROUTE.fullmatch(key)}


def rule(text: str) -> Optional[RoutingRule]:
    """None for one that a RoutingRule cannot say."""
    words = text.split()
    said = dict(zip(words[::2], words[1::2]))
    known = len(words) % 2 == 0 and {"priority", "table"} <= set(said) <= {"priority", "table", "from", "to"}
    if not known or not said["table"].isdigit():
        return None
    return RoutingRule(int(said["table"]), int(said["priority"]), said.get("from"), said.get("to"))


def listed(found: Sequence[keyfile.Entry], key: str) -> list[str]:
    """The values of a key that takes several."""
    return [each.strip() for each in dict(found).get(key, "").split(";") if each.strip()]


def _ports(text: str, texts: Sequence[str]) -> list[str]:
    return [each for each in texts if controller(each) in names(text)]


def said_mtu(text: str) -> Optional[int]:
    """What a profile says, in bytes; None where it does not, or leaves it to the kernel."""
    found = next((keyfile.value(text, each, "mtu") for each in ETHERNET if keyfile.value(text, each, "mtu")), "")
    return int(found) if found.isdigit() and int(found) else None


def _mtu(text: str, texts: Sequence[str], seen: tuple[str, ...] = ()) -> int:
    """What a link has in the end: what its profile says, at most what it lies on has. A bond gives its own to its
    ports, all else has that of its port."""
    own = said_mtu(text)
    if kind(text) == "bond":
        return min([own or 1500, *(mtu for mtu in map(said_mtu, _ports(text, texts)) if mtu)])
    parent = keyfile.value(text, "vlan", "parent")
    lower = [each for each in texts if parent and parent in names(each)]
    lower += _ports(text, texts) if kind(text) == "bridge" else []
    below = [_mtu(each, texts, (*seen, text)) for each in lower if each not in (*seen, text)]
    return min([own, *below]) if own else min(below, default=1500)


def _bond(text: str, texts: Sequence[str]) -> Optional[Bond]:
    said = dict(keyfile.entries(text, "bond"))
    ports = tuple(link_name(each) for each in _ports(text, texts))
    if not ports or not all(ports) or not link_name(text):
        return None
    rate = _RATES.get(said.get("lacp_rate", ""), said.get("lacp_rate"))
    policy = said.get("xmit_hash_policy")
    return Bond(
        link_name(text),
        ports,
        bond_mode(said.get("mode", "")),
        rate if rate in LACP_RATES else None,
        policy if policy in HASH_POLICIES else None,
        said.get("primary") or None,
        _mtu(text, texts),
    )


def _vlan(text: str, texts: Sequence[str]) -> Optional[Vlan]:
    number, parent = keyfile.value(text, "vlan", "id"), keyfile.value(text, "vlan", "parent")
    parents = [link_name(each) for each in texts if parent in names(each)]
    parent = next(iter(parents), parent)
    if not number.isdigit() or not parent or not link_name(text):
        return None
    protocol = vlan_protocol(keyfile.value(text, "vlan", "protocol"))
    return Vlan(link_name(text), parent, int(number), _mtu(text, texts), protocol)


def _bridge(text: str, texts: Sequence[str]) -> Optional[Bridge]:
    ports = [link_name(each) for each in _ports(text, texts)]
    if len(ports) != 1 or not ports[0] or not link_name(text):
        return None
    return _read_bridge(text, ports[0], _mtu(text, texts))


def _ovs_bridge(text: str, texts: Sequence[str]) -> Optional[Bridge]:
    """By a bridge's own interface: the bridge that it is in has the same name, and one port beside it."""
    own = [each for each in texts if kind(each) == OVS_PORT and controller(text) in names(each)]
    switches = [each for each in texts if kind(each) == OVS_BRIDGE and own and controller(own[0]) in names(each)]
    called = {link_name(each) for each in (*own[:1], *switches)}
    if not switches or called != {link_name(text)}:
        return None
    inside = [each for each in texts if kind(each) == OVS_PORT and controller(each) in names(switches[0])]
    uplinks = [each for each in inside if each != own[0]]
    if len(uplinks) != 1:
        return None
    nics = [link_name(each) for each in texts if kind(each) not in _OVS and _is_in(each, uplinks[0])]
    port = link_name(uplinks[0])
    if not nics or not all(nics):
        return None
    return _read_bridge(text, port, said_mtu(text) or 1500, _ovs(port, nics, uplinks[0], own[0]))


def _is_in(text: str, port: str) -> bool:
    return keyfile.value(text, "connection", "slave-type") == OVS_PORT and controller(text) in names(port)


def _ovs(port: str, nics: Sequence[str], uplink: str, own: str) -> Ovs:
    said, tag = dict(keyfile.entries(uplink, OVS_PORT)), keyfile.value(own, OVS_PORT, "tag")
    lacp = said.get("lacp")
    trunks = [each.strip() for each in said.get("trunks", "").split(",")]
    is_bond = list(nics) != [port]
    return Ovs(
        int(tag) if tag.isdigit() else None,
        tuple(int(each) for each in trunks if each.isdigit()),
        tuple(nics) if is_bond else (),
        (said.get("bond-mode") or OVS_MODES[0]) if is_bond else None,
        lacp if lacp in ("active", "passive") else None,
    )


def _read_bridge(text: str, port: str, mtu: int, ovs: Optional[Ovs] = None) -> Bridge:
    four, six, said = (keyfile.entries(text, section) for section in ("ipv4", "ipv6", "bridge"))
    stp = not ovs and dict(said).get("stp", "true").lower() not in FALSE
    delay = dict(said).get("forward-delay", "")
    dhcp = dict(four).get("method") == "auto"
    known = [each for found in (four, six) for each in routes(found).values()]
    known_rules = [rule(value) for found in (four, six) for key, value in found if RULE.fullmatch(key)]
    return Bridge(
        link_name(text),
        port,
        mtu,
        "dhcp" if dhcp else next(iter(addresses(four)), None),
        gateway(four) or None,
        stp,
        int(delay) if delay.isdigit() else KERNEL_FORWARD_DELAY if stp else 0,
        tuple(addresses(six)),
        gateway(six) or None,
        tuple(each for each in known if each),
        tuple(each for each in known_rules if each),
        (*listed(four, "dns"), *listed(six, "dns")),
        tuple(dict.fromkeys([*listed(four, "dns-search"), *listed(six, "dns-search")])),
        ovs,
        is_querier(text),
    )


def is_querier(text: str) -> bool:
    """Whether the profile of a bridge makes it a multicast querier."""
    return keyfile.value(text, "bridge", QUERIER).lower() not in ("", *FALSE)
