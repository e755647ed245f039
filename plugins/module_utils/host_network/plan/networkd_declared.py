# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd-networkd's files -> the network that they declare, as far as a Network can say it. Pure. Sources:
systemd.netdev(5), systemd.network(5)."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    HASH_POLICIES,
    LACP_RATES,
    Bond,
    Bridge,
    Files,
    Network,
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

FOLDER = "/etc/systemd/network"
# The same name in an earlier one hides that in a later one.
FOLDERS = (FOLDER, "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
QUERIER = "MulticastQuerier"
TRUE = ("yes", "true", "on", "1")
_UNITS = {"K": 1024, "M": 1024**2}
Section = tuple[str, list[keyfile.Entry]]


def declared(files: Files) -> Network:
    """Bonds, also of modes that cannot be declared, VLAN devices, and bridges of one port; those on links that their
    files match by something else than a name are left out."""
    found = netdevs(files)
    bonds = [_bond(name, path, files) for name, path in found.items() if _kind(files[path]) == "bond"]
    vlans = [_vlan(name, path, files) for name, path in found.items() if _kind(files[path]) == "vlan"]
    bridges = [_bridge(name, path, files) for name, path in found.items() if _kind(files[path]) == "bridge"]
    return Network(
        tuple(each for each in bonds if each),
        tuple(each for each in vlans if each),
        tuple(each for each in bridges if each),
    )


def networks(files: Files) -> list[str]:
    """The .network files in the order in which networkd tries them."""
    return _in_order(files, "network")


def netdevs(files: Files) -> dict[str, str]:
    """Device -> the .netdev file that makes it: the first by name."""
    found: dict[str, str] = {}
    for path in _in_order(files, "netdev"):
        found.setdefault(keyfile.value(files[path], "NetDev", "Name"), path)
    return found


def _in_order(files: Files, kind: str) -> list[str]:
    found = [path for path in files if posixpath.dirname(path) in FOLDERS and path.endswith(f".{kind}")]
    return sorted(found, key=posixpath.basename)


def whole(files: Files, path: str) -> str:
    """A file with its drop-ins, which are read behind it."""
    folder = f"{posixpath.basename(path)}.d"
    found = {posixpath.basename(each): each for each in sorted(files, reverse=True) if _is_drop_in(each, folder)}
    return "\n".join([files[path], *(files[found[name]] for name in sorted(found))])


def _is_drop_in(path: str, folder: str) -> bool:
    above = posixpath.dirname(path)
    return posixpath.basename(above) == folder and posixpath.dirname(above) in FOLDERS


def sections(files: Files, path: str) -> list[Section]:
    """Of a file with its drop-ins, nothing for ""."""
    return keyfile.sections(whole(files, path)) if path else []


def is_for(link: str, text: str) -> bool:
    """Whether a file names a link. One for links of all names is not what is said of it."""
    return link in keyfile.value(text, "Match", "Name").split()


def network_file(link: str, files: Files) -> str:
    """The first .network file that names a link, "" without one."""
    return next((path for path in networks(files) if is_for(link, files[path])), "")


def entries(found: Sequence[Section], name: str) -> list[keyfile.Entry]:
    """What all sections of a name say."""
    return [entry for section, each in found if section == name for entry in each]


def words(found: Sequence[keyfile.Entry], key: str) -> list[str]:
    """The values of a key that takes several, in one line or many."""
    return [word for name, value in found if name == key for word in value.split()]


def addresses(found: Sequence[Section], version: int = 4) -> list[str]:
    """Addresses of IPv4 or IPv6."""
    every = [value for name, each in found if name in ("Network", "Address") for key, value in each if key == "Address"]
    return [value for value in every if (":" in value) == (version == 6)]


def is_default(route: Sequence[keyfile.Entry], version: int = 4) -> bool:
    """Whether it is the default route of the table main."""
    said = dict(route)
    gateway, inside = said.get("Gateway", ""), said.get("Table", "main") in ("main", "254")
    same = bool(gateway) and (":" in gateway) == (version == 6)
    return inside and same and said.get("Destination", "default") in DEFAULTS


def route(found: Sequence[keyfile.Entry]) -> Optional[StaticRoute]:
    """None for one that a StaticRoute cannot say, and for a default route of the table main."""
    said = dict(found)
    known = {"Gateway"} <= set(said) <= {"Gateway", "Destination", "Table"}
    table = said.get("Table", "254").replace("main", "254")
    if not known or not table.isdigit() or is_default(found) or is_default(found, 6):
        return None
    return canonical(StaticRoute(said.get("Destination", "default"), said["Gateway"], int(table)))


def rule(found: Sequence[keyfile.Entry]) -> Optional[RoutingRule]:
    """None for one that a RoutingRule cannot say."""
    said = dict(found)
    known = {"Table", "Priority"} <= set(said) <= {"Table", "Priority", "From", "To"}
    if not known or not said["Table"].isdigit():
        return None
    return RoutingRule(int(said["Table"]), int(said["Priority"]), said.get("From"), said.get("To"))


def _kind(text: str) -> str:
    return keyfile.value(text, "NetDev", "Kind").lower()


def _ports(master: str, key: str, files: Files) -> list[tuple[str, str]]:
    """(link, file) of the links whose file has key=master; "" for a link that it matches by something else."""
    paths = [path for path in networks(files) if master in words(keyfile.entries(whole(files, path), "Network"), key)]
    found = []
    for path in paths:
        names = keyfile.value(files[path], "Match", "Name").split()
        plain = names and not any(sign in name for name in names for sign in "*?[!")
        found += [(name, path) for name in (names if plain else [""])]
    return [(name, path) for name, path in found if not name or network_file(name, files) == path]


def _bond(name: str, path: str, files: Files) -> Optional[Bond]:
    said = dict(keyfile.entries(files[path], "Bond"))
    ports = _ports(name, "Bond", files)
    if not ports or not all(link for link, _path in ports):
        return None
    primary = [link for link, path in ports if keyfile.value(files[path], "Network", "PrimarySlave").lower() in TRUE]
    rate, policy = said.get("LACPTransmitRate"), said.get("TransmitHashPolicy")
    return Bond(
        name,
        tuple(link for link, _path in ports),
        bond_mode(said.get("Mode", "")),
        rate if rate in LACP_RATES else None,
        policy if policy in HASH_POLICIES else None,
        next(iter(primary), None),
        _capped(_own_mtu(name, files) or 1500, [_own_mtu(link, files) for link, _path in ports]),
    )


def _capped(own: int, below: Sequence[Optional[int]]) -> int:
    return min([own, *(each for each in below if each)])


def _vlan(name: str, path: str, files: Files) -> Optional[Vlan]:
    number = keyfile.value(files[path], "VLAN", "Id")
    parents = _ports(name, "VLAN", files)
    if not number.isdigit() or len(parents) != 1 or not parents[0][0]:
        return None
    protocol = vlan_protocol(keyfile.value(files[path], "VLAN", "Protocol"))
    return Vlan(name, parents[0][0], int(number), _mtu(name, files), protocol)


def _own_mtu(link: str, files: Files) -> Optional[int]:
    """What the files of a link say, in bytes; the .network file after the .netdev file."""
    text = dict(entries(sections(files, network_file(link, files)), "Link")).get("MTUBytes", "")
    device = netdevs(files).get(link, "")
    text = text or (keyfile.value(files[device], "NetDev", "MTUBytes") if device else "")
    number, factor = text.rstrip("KM"), _UNITS.get(text[-1:], 1)
    return int(number) * factor if number.isdigit() else None


def _mtu(link: str, files: Files, seen: tuple[str, ...] = ()) -> int:
    """What a link has in the end: what its files say, at most what it lies on has. A bond gives its own to its ports,
    all else has that of its port."""
    own = _own_mtu(link, files)
    if _kind(files.get(netdevs(files).get(link, ""), "")) == "bond":
        return _capped(own or 1500, [_own_mtu(each, files) for each, _path in _ports(link, "Bond", files)])
    lower = [each for key in ("Bridge", "VLAN") for each, _path in _ports(link, key, files) if each not in (*seen, "")]
    below = [_mtu(each, files, (*seen, link)) for each in lower]
    return min([own, *below]) if own else min(below, default=1500)


def _bridge(name: str, netdev: str, files: Files) -> Optional[Bridge]:
    ports, path = _ports(name, "Bridge", files), network_file(name, files)
    if len(ports) != 1 or not ports[0][0] or not path:
        return None
    found = sections(files, path)
    of_ip, link = entries(found, "Network"), dict(keyfile.entries(files[netdev], "Bridge"))
    stp = link.get("STP", "").lower() in TRUE
    delay = link.get("ForwardDelaySec", "").rstrip("sec")
    known = [route(each) for section, each in found if section == "Route"]
    known_rules = [rule(each) for section, each in found if section == "RoutingPolicyRule"]
    dhcp = dict(of_ip).get("DHCP", "").lower() in (*TRUE, "ipv4")
    return Bridge(
        name,
        ports[0][0],
        _mtu(name, files),
        "dhcp" if dhcp else next(iter(addresses(found)), None),
        _gateway(found, 4),
        stp,
        int(delay) if delay.isdigit() else KERNEL_FORWARD_DELAY if stp else 0,
        tuple(addresses(found, 6)),
        _gateway(found, 6),
        tuple(each for each in known if each),
        tuple(each for each in known_rules if each),
        tuple(words(of_ip, "DNS")),
        tuple(word for word in words(of_ip, "Domains") if not word.startswith("~")),
        multicast_querier=link.get(QUERIER, "").lower() in TRUE,
    )


def _gateway(found: Sequence[Section], version: int) -> Optional[str]:
    said = [value for key, value in entries(found, "Network") if key == "Gateway"]
    gateways = [value for value in said if (":" in value) == (version == 6)]
    gateways += [dict(each).get("Gateway", "") for name, each in found if name == "Route" and is_default(each, version)]
    return next(iter(gateways), None)
