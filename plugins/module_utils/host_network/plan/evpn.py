# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""network_bridge_evpn, what a host needs for VXLAN over EVPN -> FRR's configuration. Pure.

CloudStack makes the VXLAN devices (modifyvxlan-evpn.sh), which begin at the first global address of lo; FRR tells the
other hosts of them. Of the routes that neighbours announce only those to single addresses are taken, the other hosts'
ends of tunnels, so no network and no default route of theirs is. Neighbours are told of what begins at this host alone:
else a host with two of them would be a way from one to the other, as CloudStack's hosts forward.
Source: docs.frrouting.org, BGP and EVPN; plugins/vxlan.rst of CloudStack's documentation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import declared_bridges

HEAD = "! Written by Ansible (cloudstack.kvm.network_bridge)."
HEADER_BYTES = 50  # IPv4, UDP, VXLAN and the inner Ethernet header (RFC 7348, section 4.3)
GUEST_MTU = 1500
_IN, _OUT = "TUNNELS-ONLY", "OWN-ONLY"
_BEFORE = (HEAD, "frr defaults datacenter", "service integrated-vtysh-config", "log syslog informational", "!")
_POLICY = (
    "ip prefix-list SINGLE-ADDRESSES seq 5 permit 0.0.0.0/0 ge 32",
    "bgp as-path access-list OWN seq 5 permit ^$",  # no AS before this one
    "!",
    f"route-map {_IN} permit 10",
    " match ip address prefix-list SINGLE-ADDRESSES",
    "exit",
    "!",
    f"route-map {_OUT} permit 10",
    " match as-path OWN",
    "exit",
    "!",
)
_KEYS = ("asn", "address", "neighbors")
_NEIGHBOR_KEYS = ("interface", "address", "asn")
_ROUTER = re.compile(r"^\s*(router|vrf|vni)\b", re.M)
OWN_ADDRESS = re.compile(r"^ ip address (\S+)/32$", re.M)


def frr_config(value: Mapping[str, Any]) -> str:
    """The text of frr.conf for a declaration without problems."""
    return _text(int(value["asn"]), _address(value["address"]), value["neighbors"])


def is_foreign(text: Any) -> bool:
    """Whether an operator has made this frr.conf: it routes something, and the role has not written it."""
    return bool(_ROUTER.search(str(text or ""))) and not is_own(text)


def is_own(text: Any) -> bool:
    """Whether the role has written this frr.conf."""
    return HEAD in str(text or "")


def evpn_problems(value: Any, config: Any = ()) -> list[str]:
    """What of a declaration cannot work, a phrase for each thing; none for an empty one. `config` is
    network_bridge_config."""
    if value in ({}, None):
        return []
    if not isinstance(value, Mapping):
        return ["not a mapping"]
    found = [f"{key}, which is not a key of it" for key in value if key not in _KEYS]
    found += [] if _is_asn(value.get("asn")) else [f"asn {value.get('asn', 'missing')}"]
    found += [] if _address(value.get("address")) else [f"address {value.get('address', 'missing')}"]
    neighbors = value.get("neighbors")
    if not isinstance(neighbors, Sequence) or isinstance(neighbors, str) or not neighbors:
        return [*found, "no neighbors"]
    for each in neighbors:
        found += _problems_of_neighbor(each) if isinstance(each, Mapping) else [f"neighbor {each}"]
    return [*found, *_problems_of_mtu(neighbors, config)]


def _problems_of_neighbor(each: Mapping[str, Any]) -> list[str]:
    name = each.get("interface") or each.get("address") or "without interface and address"
    found = [f"{key} of neighbor {name}, which is not a key of it" for key in each if key not in _NEIGHBOR_KEYS]
    if bool(each.get("interface")) == bool(each.get("address")):
        found.append(f"neighbor {name}: one of interface and address")
    if each.get("interface") and not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", str(each["interface"])):
        found.append(f"neighbor {name}: not the name of an interface")
    if each.get("address") and not _address(each["address"]):
        found.append(f"neighbor {name}: not an IPv4 address")
    if each.get("asn") not in (None, "internal", "external") and not _is_asn(each["asn"]):
        found.append(f"neighbor {name}: asn {each['asn']}")
    return found


def _problems_of_mtu(neighbors: Sequence[Any], config: Any) -> list[str]:
    """Of the bridges that are declared for this host; another interface is not its to size."""
    needed = GUEST_MTU + HEADER_BYTES
    mtus = {str(each.get("name")): each.get("mtu", 1500) for each in declared_bridges(config)}
    names = [str(each.get("interface")) for each in neighbors if isinstance(each, Mapping)]
    small = [name for name in names if str(mtus.get(name, needed)).isdigit() and int(mtus.get(name, needed)) < needed]
    return [f"MTU {mtus[name]} of {name}" for name in small]


def _is_asn(value: Any) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,10}", str(value))) and 1 <= int(str(value)) <= 4294967294


def _address(value: Any) -> Optional[str]:
    try:
        return str(ipaddress.IPv4Address(str(value)))
    except ValueError:
        return None


def _text(asn: int, address: Optional[str], neighbors: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        *_BEFORE,
        "interface lo",
        f" ip address {address}/32",
        "exit",
        "!",
        *_POLICY,
        f"router bgp {asn}",
        f" bgp router-id {address}",
        " no bgp default ipv4-unicast",
        " no bgp ebgp-requires-policy",
        *(_neighbor(each) for each in neighbors),
        " !",
        *_families(address, [str(each.get("interface") or each.get("address")) for each in neighbors]),
        "exit",
        "!",
    ]
    return "\n".join(lines) + "\n"


def _families(address: Optional[str], names: Sequence[str]) -> list[str]:
    """The way to the ends of tunnels, and what is behind them."""
    return [
        " address-family ipv4 unicast",
        f"  network {address}/32",
        *_each(names, "activate", f"route-map {_IN} in", f"route-map {_OUT} out"),
        " exit-address-family",
        " !",
        " address-family l2vpn evpn",
        *_each(names, "activate", f"route-map {_OUT} out"),
        "  advertise-all-vni",
        " exit-address-family",
    ]


def _each(names: Sequence[str], *words: str) -> list[str]:
    return [f"  neighbor {name} {word}" for name in names for word in words]


def _neighbor(each: Mapping[str, Any]) -> str:
    """Without an AS number whatever other one the neighbour has."""
    remote = f"remote-as {each.get('asn') or 'external'}"
    interface = each.get("interface")
    return f" neighbor {interface} interface {remote}" if interface else f" neighbor {each['address']} {remote}"
