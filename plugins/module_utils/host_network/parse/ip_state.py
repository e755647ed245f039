# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of `ip -j` into links and routes, with all that is needed to make them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Link,
    Route,
    RoutingRule,
    has_option,
)

# Options of a bridge that a restored one must have again; `ip -j -d link` and `ip link add` have the same names and
# units for them.
BRIDGE_OPTIONS = (
    "stp_state",
    "forward_delay",
    "hello_time",
    "max_age",
    "ageing_time",
    "priority",
    "vlan_filtering",
    "mcast_snooping",
    "mcast_querier",
)
# The same of a bond (JSON -> ip link add).
BOND_OPTIONS = {
    "mode": "mode",
    "miimon": "miimon",
    "updelay": "updelay",
    "downdelay": "downdelay",
    "peer_notify_delay": "peer_notify_delay",
    "arp_interval": "arp_interval",
    "arp_missed_max": "arp_missed_max",
    "arp_ip_target": "arp_ip_target",
    "arp_validate": "arp_validate",
    "arp_all_targets": "arp_all_targets",
    "xmit_hash_policy": "xmit_hash_policy",
    "ad_lacp_rate": "lacp_rate",
    "ad_select": "ad_select",
    "ad_actor_sys_prio": "ad_actor_sys_prio",
    "ad_user_port_key": "ad_user_port_key",
    "primary": "primary",
    "primary_reselect": "primary_reselect",
    "fail_over_mac": "fail_over_mac",
    "min_links": "min_links",
    "resend_igmp": "resend_igmp",
    "num_peer_notif": "num_grat_arp",
    "lp_interval": "lp_interval",
    "packets_per_slave": "packets_per_slave",
    "all_slaves_active": "all_slaves_active",
    "tlb_dynamic_lb": "tlb_dynamic_lb",
}
# Of these 0 is what a new bond has, and what the kernel refuses for a delay where nothing looks at the carrier.
_ZERO_AT_FIRST = (
    "miimon",
    "updelay",
    "downdelay",
    "peer_notify_delay",
    "arp_interval",
    "min_links",
    "all_slaves_active",
)
VLAN_OPTIONS = {"protocol": "protocol", "id": "id"}
_OPTIONS = {"bridge": {key: key for key in BRIDGE_OPTIONS}, "bond": BOND_OPTIONS, "vlan": VLAN_OPTIONS}
_RULE = {"priority", "src", "srclen", "dst", "dstlen", "table", "protocol"}
_VALUES = {
    "tos": "tos",
    "protocol": "proto",
    "scope": "scope",
    "prefsrc": "src",
    "metric": "metric",
    "table": "table",
}  # JSON -> ip route add
_READ = {
    *_VALUES,
    "type",
    "dst",
    "gateway",
    "via",
    "dev",
    "flags",
    "pref",
    "metrics",
    "nexthops",
    "expires",
    "cache",
    "uid",
}


def parse_links(text: str) -> dict[str, Link]:
    """`ip -j -d address` -> links by name. Raises ParseError."""
    entries = [entry for entry in _load(text, "ip -j -d address") if isinstance(entry.get("ifname"), str)]
    return {entry["ifname"]: _link(entry) for entry in entries}


def parse_macs(text: str) -> dict[str, str]:
    """`ip -j -d link` -> NIC -> its own MAC, which a port of a bond does not show as its address. Raises ParseError."""
    entries = [entry for entry in _load(text, "ip -j -d link") if isinstance(entry.get("ifname"), str)]
    cards = [entry for entry in entries if entry.get("link_type") == "ether" and _is_card(entry)]
    return {entry["ifname"]: str(entry.get("permaddr") or entry.get("address", "")).lower() for entry in cards}


def _is_card(entry: Mapping[str, Any]) -> bool:
    kind = (entry.get("linkinfo") or {}).get("info_kind")
    return kind in (None, "veth", "dummy")


def _link(entry: Mapping[str, Any]) -> Link:
    info = entry.get("linkinfo") or {}
    kind = info.get("info_kind") or entry.get("link_type") or "unknown"
    data = info.get("info_data") or {}
    options = [(word, _value(data[key])) for key, word in _OPTIONS.get(kind, {}).items() if _counts(kind, key, data)]
    addresses = [_address(each) for each in entry.get("addr_info") or [] if "local" in each]
    return Link(
        entry["ifname"],
        kind,
        entry.get("mtu", 0),
        "UP" in entry.get("flags", []),
        entry.get("master"),
        tuple(each for each in addresses if each is not None),
        entry.get("link"),
        entry.get("address", ""),
        tuple(options),
    )


def _counts(kind: str, key: str, data: Mapping[str, Any]) -> bool:
    """The kernel refuses a bond that is made with an option that its mode does not have. The hash policy it takes and
    tells in every mode."""
    if data.get(key) in (None, []):
        return False
    if kind != "bond" or key == "xmit_hash_policy":
        return True
    if key.startswith("arp_") and not data.get("arp_interval"):
        return False
    return has_option(str(data.get("mode")), BOND_OPTIONS[key]) and not (key in _ZERO_AT_FIRST and data[key] == 0)


def _value(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _address(entry: Mapping[str, Any]) -> Optional[Address]:
    """None for what the kernel gives by itself: link-local and announced IPv6 addresses."""
    dynamic = bool(entry.get("dynamic"))
    if entry.get("family") == "inet6" and (entry.get("scope") == "link" or dynamic):
        return None
    peer = entry.get("address")
    options = ["peer", f"{peer}/{entry['prefixlen']}"] if peer else []
    for key, word in (("broadcast", "broadcast"), ("scope", "scope"), ("label", "label"), ("metric", "metric")):
        options += [word, str(entry[key])] if key in entry else []
    options += ["noprefixroute"] if entry.get("noprefixroute") else []
    lifetimes = (str(entry.get("valid_life_time")), str(entry.get("preferred_life_time"))) if dynamic else ()
    return Address(f"{entry['local']}/{entry['prefixlen']}", tuple(options), dynamic, lifetimes)


def parse_routes(text: str, version: int, own_prefixes: Collection[str] = ()) -> list[Route]:
    """`ip -j route show table all` -> the routes that an administrator, a daemon or DHCP has set.

    Those that the kernel makes with an address, and those of a router's announcements, come back with these; but not on
    `own_prefixes`, devices to whose addresses a daemon has set the routes by itself (see `without_prefix_routes`).
    Raises ParseError.
    """
    entries = [entry for entry in _load(text, f"ip -j -{version} route show table all") if "dst" in entry]
    return [_route(entry, version) for entry in entries if _is_kept(entry, own_prefixes)]


def without_prefix_routes(links: Mapping[str, Link]) -> set[str]:
    """The devices with addresses that bring no route to their subnet. NetworkManager sets that route, and marks it as
    the kernel's (noprefixroute in ip-address(8))."""
    options = {name: [option for each in link.addresses for option in each.options] for name, link in links.items()}
    return {name for name, found in options.items() if "noprefixroute" in found}


def _is_kept(entry: Mapping[str, Any], own_prefixes: Collection[str]) -> bool:
    if entry.get("protocol") != "kernel":
        return entry.get("protocol") != "ra"
    by_itself = entry.get("type", "unicast") != "unicast" or str(entry["dst"]).startswith(("fe80:", "ff00:"))
    return entry.get("dev") in own_prefixes and not by_itself


def _route(entry: Mapping[str, Any], version: int) -> Route:
    words = [str(entry["dst"])]
    words = [entry["type"], *words] if entry.get("type", "unicast") != "unicast" else words
    words += _hop(entry)
    for key, word in _VALUES.items():
        words += [word, str(entry[key])] if key in entry else []
    for metrics in entry.get("metrics") or []:
        words += [str(each) for pair in metrics.items() for each in pair]
    for hop in entry.get("nexthops") or []:
        words += ["nexthop", *_hop(hop), "weight", str(hop.get("weight", 1))]
    hops = [entry, *(entry.get("nexthops") or [])]
    devices = tuple(hop["dev"] for hop in hops if "dev" in hop)
    return Route(
        version,
        devices,
        tuple(words),
        entry.get("gateway"),
        entry.get("table", "main") == "main",
        tuple(sorted(set(entry) - _READ)),
    )


def _hop(entry: Mapping[str, Any]) -> list[str]:
    """Gateway and device of a route, or of one of its next hops."""
    via = entry.get("via") or {}
    words = ["via", str(entry["gateway"])] if "gateway" in entry else []
    words += ["via", via["family"], str(via["host"])] if via else []
    words += ["dev", str(entry["dev"])] if "dev" in entry else []
    return words + (["onlink"] if "onlink" in (entry.get("flags") or []) else [])


def parse_rules(text: str, version: int) -> list[RoutingRule]:
    """`ip -j rule` -> the rules that go by addresses alone, with tables by number. Raises ParseError."""
    entries = _load(text, f"ip -j -{version} rule")
    return [_rule(entry, version) for entry in entries if set(entry) <= _RULE and str(entry.get("table")).isdigit()]


def _rule(entry: Mapping[str, Any], version: int) -> RoutingRule:
    longest = 32 if version == 4 else 128
    ends = [(entry.get(key, "all"), entry.get(f"{key}len", longest)) for key in ("src", "dst")]
    source, to = (None if address == "all" else f"{address}/{length}" for address, length in ends)
    return RoutingRule(int(entry["table"]), int(entry["priority"]), source, to)


def _load(text: str, source: str) -> list[dict[str, Any]]:
    """ip prints nothing at all where there is nothing to list."""
    found = load_json(text, source) if text.strip() else []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ParseError(source, "not a list of objects", text=text)
    return found
