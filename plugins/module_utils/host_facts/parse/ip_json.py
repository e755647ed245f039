# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of `ip -j` into interfaces, bridges and routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

STANDARD_RULES = ((0, "local"), (32766, "main"), (32767, "default"))
_PLAIN_RULE = {"priority", "src", "table"}  # what ip prints of such a rule


def parse_interfaces(text: str) -> list[dict[str, Any]]:
    """`ip -j -d addr` -> interfaces by name: kind is bridge, bond, vlan, veth, tun ... or ether for a NIC. Raises
    ParseError."""
    named = [entry for entry in _load(text, "ip -j -d addr") if isinstance(entry.get("ifname"), str)]
    return sorted(
        ({**_interface(entry), "bond": _bond(entry, named)} for entry in named), key=lambda entry: entry["name"]
    )


def parse_routes(text: str) -> list[dict[str, Any]]:
    """`ip -j route` -> destination, gateway, device, source, metric; absent parts are None. A route with several next
    hops has their gateways and devices in `nexthops`, and none of its own."""
    keys = {"destination": "dst", "device": "dev", "source": "prefsrc", "metric": "metric"}
    return [
        {
            **{name: entry.get(key) for name, key in keys.items()},
            "gateway": _gateway(entry),
            "nexthops": [
                {"gateway": _gateway(hop), "device": hop.get("dev")}
                for hop in map(_mapping, _list(entry.get("nexthops")))
            ],
        }
        for entry in _load(text, "ip -j route")
    ]


def _gateway(hop: Mapping[str, Any]) -> Any:
    """`via` is a gateway of the other family: IPv4 over a link-local IPv6 address, as BGP unnumbered makes it."""
    return hop.get("gateway") or _mapping(hop.get("via")).get("host")


def parse_rules(text: str) -> list[dict[str, Any]]:
    """`ip -j rule` -> the rules beside the three that every host has, each with priority and text as ip takes it."""
    found = []
    for entry in _load(text, "ip -j rule"):
        if (entry.get("priority"), entry.get("table")) not in STANDARD_RULES or set(entry) - _PLAIN_RULE:
            found.append({"priority": entry.get("priority"), "text": _rule_text(entry)})
    return found


def _rule_text(entry: Mapping[str, Any]) -> str:
    """Such as `from 192.0.2.0/24 lookup 100`."""
    words = ["not"] if "not" in entry else []
    for word, key, length in (("from", "src", "srclen"), ("to", "dst", "dstlen")):
        if key in entry:
            words += [word, f"{entry[key]}/{entry[length]}" if length in entry else str(entry[key])]
    for key in ("iif", "oif", "fwmark", "ipproto", "sport", "dport", "tos", "uid_start", "l3mdev"):
        words += [key, str(entry[key])] if key in entry else []
    if "table" in entry:
        words += ["lookup", str(entry["table"])]
    return " ".join(words)


def parse_multicast(links: str, groups: str) -> dict[str, dict[str, Any]]:
    """`ip -j -d addr` and `bridge -j -d -s mdb show` -> of each bridge snooping, querier (whether it asks itself, both
    None where the kernel does not tell) and querier_heard: a port from which IGMP queries come is a temporary router
    port until the querier falls silent."""
    routers: dict[str, Any] = {}
    for part in _load(groups, "bridge -j mdb show"):
        routers.update(_mapping(part.get("router")))
    found = {}
    for entry in _load(links, "ip -j -d addr"):
        info = _mapping(entry.get("linkinfo"))
        if info.get("info_kind") == "bridge" and isinstance(entry.get("ifname"), str):
            data, ports = _mapping(info.get("info_data")), _list(routers.get(entry["ifname"]))
            found[entry["ifname"]] = {
                "snooping": _switch(data.get("mcast_snooping")),
                "querier": _switch(data.get("mcast_querier")),
                "querier_heard": any(_mapping(port).get("type") == "temp" for port in ports),
            }
    return found


def _switch(value: Any) -> Optional[bool]:
    return bool(value) if isinstance(value, int) else None


def find_bridges(interfaces: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Bridge -> its ports (sorted), MTU, addresses and whether spanning tree is on."""
    links = list(interfaces)
    return {
        link["name"]: {
            "ports": sorted(port["name"] for port in links if port["master"] == link["name"]),
            "mtu": link["mtu"],
            "addresses": link["addresses"],
            "stp": link["stp"],
        }
        for link in links
        if link["kind"] == "bridge"
    }


def default_device(routes: Iterable[Mapping[str, Any]]) -> Optional[str]:
    """The interface of the default route with the lowest metric, the first of several next hops; None without one."""
    candidates = [route for route in routes if route["destination"] == "default"]
    if not candidates:
        return None
    best = min(candidates, key=lambda route: route["metric"] if isinstance(route["metric"], int) else 0)
    hops = [best["device"], *(hop["device"] for hop in best["nexthops"])]
    return next((device for device in hops if device), None)


def _interface(entry: Mapping[str, Any]) -> dict[str, Any]:
    info = _mapping(entry.get("linkinfo"))
    flags = _list(entry.get("flags"))
    bridge = info.get("info_kind") == "bridge"
    addresses = [each for each in _list(entry.get("addr_info")) if _has(each, "local", "prefixlen")]
    return {
        "name": entry["ifname"],
        "mac": entry.get("address"),
        "mtu": entry.get("mtu"),
        "kind": info.get("info_kind") or entry.get("link_type") or "unknown",
        "operstate": str(entry.get("operstate", "UNKNOWN")).lower(),
        "carrier": "LOWER_UP" in flags,
        "up": "UP" in flags,
        "master": entry.get("master"),
        "parent": entry.get("link"),
        "stp": bool(_mapping(info.get("info_data")).get("stp_state")) if bridge else None,
        "vlan_id": _mapping(info.get("info_data")).get("id") if info.get("info_kind") == "vlan" else None,
        "permanent_mac": _permanent_mac(entry, info),
        "addresses": [f"{each['local']}/{each['prefixlen']}" for each in addresses],
        # With an end to its life: a lease. IPv6 addresses are dynamic by themselves, as the router announces them.
        "dynamic": [
            f"{each['local']}/{each['prefixlen']}"
            for each in addresses
            if each.get("family") == "inet" and each.get("dynamic") is True
        ],
    }


def _permanent_mac(entry: Mapping[str, Any], info: Mapping[str, Any]) -> Optional[str]:
    """The MAC that is built in. ip tells it where it differs from the present one, and of members of a bond, which
    share one."""
    other = entry.get("permaddr") or _mapping(info.get("info_slave_data")).get("perm_hwaddr")
    card = entry.get("link_type") == "ether" and not info.get("info_kind")
    return other or (entry.get("address") if card else None)


def _bond(entry: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> Optional[dict[str, Any]]:
    """mode, active (the member in use, for active-backup) and members of a bond; None for anything else."""
    info = _mapping(entry.get("linkinfo"))
    if info.get("info_kind") != "bond":
        return None
    data = _mapping(info.get("info_data"))
    members = [
        {"name": each["ifname"], "up": _carries(each)} for each in entries if each.get("master") == entry["ifname"]
    ]
    return {
        "mode": data.get("mode"),
        "active": data.get("active_slave"),
        "members": sorted(members, key=lambda member: member["name"]),
    }


def _carries(member: Mapping[str, Any]) -> bool:
    """The bond's own opinion of a member (its monitor may be ARP), else whether it has a link."""
    status = _mapping(_mapping(member.get("linkinfo")).get("info_slave_data")).get("mii_status")
    return status == "UP" if isinstance(status, str) else "LOWER_UP" in _list(member.get("flags"))


def _load(text: str, source: str) -> list[dict[str, Any]]:
    """ip prints nothing at all where there is nothing to list."""
    found = load_json(text, source) if text.strip() else []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ParseError(source, "not a list of objects", text=text)
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _has(value: Any, *keys: str) -> bool:
    return isinstance(value, dict) and all(key in value for key in keys)
