# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""netplan's definitions -> the network that they declare, as far as a Network can say it. Pure. Source:
netplan-yaml(5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    HASH_POLICIES,
    LACP_RATES,
    OVS_MODES,
    Bond,
    Bridge,
    Network,
    Ovs,
    RoutingRule,
    StaticRoute,
    Vlan,
    bond_mode,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import (
    DEFAULTS,
    KERNEL_FORWARD_DELAY,
    canonical,
)

PORT_KINDS = ("ethernets", "bonds", "vlans")
KINDS = (*PORT_KINDS, "bridges")
_TRUE = ("true", "yes", "y", "on")
_MAIN = "254"


def read(whole: Mapping[str, Any]) -> Network:
    """The mapping `network` of all files -> bonds, also of modes that cannot be declared, VLAN devices, and bridges of
    one port."""
    every = definitions(whole, "bonds").items()
    bonds = [_bond(name, each, whole) for name, each in every if not is_ovs_bond(name, whole)]
    vlans = [_vlan(name, each, whole) for name, each in definitions(whole, "vlans").items()]
    bridges = [
        _bridge(name, each, whole)
        for name, each in definitions(whole, "bridges").items()
        if len(each.get("interfaces") or []) == 1
    ]
    return Network(tuple(each for each in bonds if each), tuple(each for each in vlans if each), tuple(bridges))


def is_ovs(found: Mapping[str, Any]) -> bool:
    """Whether a bridge is of Open vSwitch: it says so, if it says no more."""
    return "openvswitch" in found


def is_ovs_bond(name: str, whole: Mapping[str, Any]) -> bool:
    """Whether a bond is of Open vSwitch: by itself, or as the port of such a bridge (netplan-yaml(5))."""
    found = definitions(whole, "bonds").get(name)
    if found is None:
        return False
    users = [each for each in definitions(whole, "bridges").values() if name in (each.get("interfaces") or [])]
    return is_ovs(found) or any(is_ovs(each) for each in users)


def _ovs(port: str, whole: Mapping[str, Any]) -> Ovs:
    """netplan has no words for tags and trunks."""
    if not is_ovs_bond(port, whole):
        return Ovs()
    found = definitions(whole, "bonds")[port]
    lacp = (found.get("openvswitch") or {}).get("lacp")
    return Ovs(
        ports=tuple(link_name(each, whole) for each in found.get("interfaces") or []),
        mode=(found.get("parameters") or {}).get("mode") or OVS_MODES[0],
        lacp=lacp if lacp in ("active", "passive") else None,
    )


def definitions(whole: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """Id -> definition, {} for one that says nothing."""
    found = whole.get(kind) or {}
    return {name: each or {} for name, each in found.items() if not each or isinstance(each, dict)}


def link_name(port: str, whole: Mapping[str, Any]) -> str:
    """The interface that a definition names."""
    found = next((definitions(whole, kind)[port] for kind in PORT_KINDS if port in definitions(whole, kind)), {})
    match_name = (found.get("match") or {}).get("name", "")
    return str(found.get("set-name") or (match_name if match_name and not is_pattern(match_name) else port))


def is_pattern(text: str) -> bool:
    """Whether a name is for several interfaces."""
    return any(sign in text for sign in "*?[")


def is_default(route: Mapping[str, Any], version: int = 4) -> bool:
    """Whether it is the default route of the table main."""
    six = ":" in f"{route.get('via', '')}{route.get('to', '')}"
    return route.get("to") in DEFAULTS and six == (version == 6) and route.get("table", _MAIN) == _MAIN


def addresses(found: Mapping[str, Any], version: int = 4) -> list[str]:
    """Its addresses of IPv4 or IPv6."""
    every = [address_text(each) for each in found.get("addresses") or []]
    return [each for each in every if (":" in each) == (version == 6)]


def address_text(address: Any) -> str:
    """An address with options is a mapping of one key."""
    return str(next(iter(address))) if isinstance(address, Mapping) else str(address)


def is_true(value: Any) -> bool:
    """As netplan reads it."""
    return str(value).lower() in _TRUE


def routes(found: Mapping[str, Any]) -> tuple[StaticRoute, ...]:
    """Those that a StaticRoute can say, without the default routes."""
    every = [each for each in found.get("routes") or [] if not (is_default(each) or is_default(each, 6))]
    known = [each for each in every if {"to", "via"} <= set(each) <= {"to", "via", "table"}]
    return tuple(canonical(StaticRoute(each["to"], each["via"], _number(each.get("table")))) for each in known)


def rules(found: Mapping[str, Any]) -> tuple[RoutingRule, ...]:
    """Those that a RoutingRule can say."""
    every = found.get("routing-policy") or []
    known = [each for each in every if {"table", "priority"} <= set(each) <= {"table", "priority", "from", "to"}]
    return tuple(
        RoutingRule(int(each["table"]), int(each["priority"]), each.get("from"), each.get("to")) for each in known
    )


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text and text.isdigit() else None


def _bond(name: str, found: Mapping[str, Any], whole: Mapping[str, Any]) -> Optional[Bond]:
    said = found.get("parameters") or {}
    ports = tuple(link_name(each, whole) for each in found.get("interfaces") or [])
    if not ports:
        return None
    rate, policy = said.get("lacp-rate"), said.get("transmit-hash-policy")
    primary = said.get("primary")
    return Bond(
        name,
        ports,
        bond_mode(said.get("mode", "")),
        rate if rate in LACP_RATES else None,
        policy if policy in HASH_POLICIES else None,
        link_name(primary, whole) if primary else None,
        _mtu(name, whole),
    )


def _vlan(name: str, found: Mapping[str, Any], whole: Mapping[str, Any]) -> Optional[Vlan]:
    number, link = _number(found.get("id")), found.get("link")
    return Vlan(name, link_name(link, whole), number, _mtu(name, whole)) if link and number else None


def _bridge(name: str, found: Mapping[str, Any], whole: Mapping[str, Any]) -> Bridge:
    static = addresses(found)
    servers = found.get("nameservers") or {}
    said = found.get("parameters") or {}
    # netplan sets what it says once it says anything
    stp = is_true(said.get("stp", "true")) if said and not is_ovs(found) else False
    delay = _number(str(said.get("forward-delay", "")).rstrip("s"))
    return Bridge(
        name,
        link_name(found["interfaces"][0], whole),
        _mtu(name, whole),
        "dhcp" if is_true(found.get("dhcp4")) else next(iter(static), None),
        _gateway(found, 4),
        stp,
        delay if delay is not None else KERNEL_FORWARD_DELAY if stp else 0,
        tuple(addresses(found, 6)),
        _gateway(found, 6),
        routes(found),
        rules(found),
        tuple(servers.get("addresses") or ()),
        tuple(servers.get("search") or ()),
        _ovs(found["interfaces"][0], whole) if is_ovs(found) else None,
    )


def _gateway(found: Mapping[str, Any], version: int) -> Optional[str]:
    said = [found.get(f"gateway{version}")]
    said += [route.get("via") for route in found.get("routes") or [] if is_default(route, version)]
    return next((each for each in said if each), None)


def _mtu(name: str, whole: Mapping[str, Any], seen: Collection[str] = ()) -> int:
    """What a definition has in the end, in bytes: what it says, at most what it lies on has. A bond gives its own to
    its ports, all else has that of its port."""
    kind = next((kind for kind in KINDS if name in definitions(whole, kind)), "")
    found = definitions(whole, kind).get(name, {})
    lower = [*(found.get("interfaces") or []), *([found["link"]] if "link" in found else [])]
    lower = [each for each in lower if each not in seen]
    if kind == "bonds" and not is_ovs_bond(name, whole):
        lower = [each for each in lower if "mtu" in definitions(whole, "ethernets").get(each, {})]
    below = [_mtu(each, whole, (*seen, name)) for each in lower]
    own = _number(found.get("mtu"))
    if own is None:
        own = 1500 if not below or (kind == "bonds" and not is_ovs_bond(name, whole)) else min(below)
    return min([own, *below])
