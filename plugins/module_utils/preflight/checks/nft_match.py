# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Conditions of nftables rules, asked about the first packet of a TCP connection or about a UDP datagram. True, False,
or None: not known.

Taken for granted: the connection is for the host itself, nothing translates its address (no dnat), and its first TCP
packet is a plain SYN.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

IP = {4: "ip", 6: "ip6"}  # version -> the name of the protocol
PROTOCOLS = ("tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "esp", "ah", "comp", "arp")
ALIASES = {
    "tcp": ("tcp", 6),
    "udp": ("udp", 17),
    "ipv4": ("ipv4", 2),
    "ipv6": ("ipv6", 10),
    "host": ("host", "unicast", 0),
}
UNCLEAR = object()  # a property of the packet that is not known
NEVER = object()  # a property that this packet does not have, so that no comparison with it holds
OUTSIDE = object()  # some interface, but not lo


@dataclass(frozen=True)
class Connection:
    """A new connection to the host. `interface` is where it comes in ("" is any but lo), `protocol` tcp or udp."""

    source: str
    port: int
    interface: str = ""
    destination: str = ""
    protocol: str = "tcp"

    @property
    def version(self) -> int:
        """4, 6, or 0 if the source is not an address."""
        address = _address(self.source)
        return address.version if address else 0


@dataclass(frozen=True)
class Rules:
    """Where a condition stands: the family of its table, and the sets of the table by name."""

    family: str
    sets: Mapping[str, Any]


def matches(connection: Connection, rules: Rules, body: Any) -> Optional[bool]:
    """Whether a match statement holds."""
    if not isinstance(body, Mapping):
        return None
    op, left, right = body.get("op"), body.get("left"), body.get("right")
    if _key_of(left) == "&" or field_of(left) == ("tcp", "flags"):
        if connection.protocol == "tcp":
            return _flags_match(op, left, right)
        return False if _tcp_flags(left) else None
    value = value_of(connection, rules, left)
    if value is NEVER:
        return False
    if op in ("<", ">", "<=", ">="):
        return _compare(op, value, right)
    listed = elements(rules, right)
    if op not in ("==", "!=", "in") or listed is None:
        return None
    found = _any(is_one_of(value, each) for each in listed)
    return not found if op == "!=" and found is not None else found


def elements(rules: Rules, right: Any) -> Optional[list]:
    """The right side of a comparison, one by one; None for a set that is not in the ruleset."""
    if isinstance(right, str) and right.startswith("@"):
        right = rules.sets.get(right[1:])
        return right if isinstance(right, list) else None
    if isinstance(right, Mapping) and "set" in right:
        right = right["set"]
    return right if isinstance(right, list) else [right]


def value_of(connection: Connection, rules: Rules, left: Any) -> Any:
    """What the packet has where the expression looks: a port, an address, a name; for a concatenation a tuple of
    these.
    """
    kind, body = _key_and_body(left)
    if kind == "concat" and isinstance(body, list):
        values = tuple(_value(connection, rules, *_key_and_body(each)) for each in body)
        return NEVER if NEVER in values else values
    return _value(connection, rules, kind, body)


def is_one_of(value: Any, element: Any) -> Optional[bool]:
    """Whether the value is what an element of a set says."""
    if isinstance(element, Mapping) and isinstance(element.get("elem"), Mapping):
        element = element["elem"].get("val")  # with a timeout or counter
    if value is NEVER:
        return False
    if value is UNCLEAR:
        return None
    if isinstance(value, tuple):
        parts = element.get("concat") if isinstance(element, Mapping) else None
        if not isinstance(parts, list) or len(parts) != len(value):
            return None
        found = [_is(each, part) for each, part in zip(value, parts)]
        if False in found:
            return False
        return None if None in found else True
    return element == "*" or _is(value, element)


def field_of(tree: Any) -> tuple[Any, Any]:
    """Protocol and field of a header that an expression looks at, (None, None) for other expressions."""
    payload = tree.get("payload") if isinstance(tree, Mapping) else None
    return (payload.get("protocol"), payload.get("field")) if isinstance(payload, Mapping) else (None, None)


def _value(connection: Connection, rules: Rules, kind: Any, body: Any) -> Any:
    if not isinstance(body, Mapping):
        return UNCLEAR
    if kind == "payload":
        return _payload(connection, body.get("protocol"), body.get("field"))
    if kind == "fib":  # the packet is for this host
        return "local" if (body.get("result"), body.get("flags")) == ("type", ["daddr"]) else UNCLEAR
    name = body.get("key")
    if not isinstance(name, str) or (rules.family == "bridge" and (kind == "ct" or name in ("iif", "iifname"))):
        # On a bridge the interface is the port, and connections are followed only where a module does so.
        return UNCLEAR
    names = {
        ("meta", "l4proto"): connection.protocol,
        ("meta", "nfproto"): f"ipv{connection.version}",
        ("meta", "protocol"): IP[connection.version],
        ("meta", "iif"): connection.interface or OUTSIDE,
        ("meta", "iifname"): connection.interface or OUTSIDE,
        ("meta", "pkttype"): "host",
        ("ct", "state"): "new",
        ("ct", "direction"): "original",
        ("ct", "status"): "none",
    }
    return names.get((kind, name), UNCLEAR)


def _payload(connection: Connection, protocol: Any, name: Any) -> Any:
    other_transport = protocol in PROTOCOLS and protocol != connection.protocol
    other_ip = protocol in IP.values() and protocol != IP[connection.version]
    if other_transport or other_ip:
        return NEVER
    if protocol in (connection.protocol, "th"):
        return connection.port if name == "dport" else UNCLEAR
    if protocol not in ("ip", "ip6") or not isinstance(name, str):
        return UNCLEAR
    own = {
        "saddr": _address(connection.source),
        "daddr": _address(connection.destination),
        "protocol": connection.protocol,
        "nexthdr": connection.protocol,
    }
    return own.get(name) or UNCLEAR


def _is(value: Any, element: Any) -> Optional[bool]:
    """One value against one element: a name, or a port or address alone, as a range or as a prefix."""
    if value is UNCLEAR:
        return None
    if value is OUTSIDE:
        return False if element == "lo" else None
    return _is_name(value, element) if isinstance(value, str) else _is_within(value, element)


def _is_name(name: str, element: Any) -> Optional[bool]:
    if not isinstance(element, (str, int)):
        return None
    if isinstance(element, str) and element.endswith("*"):
        return name.startswith(element[:-1])
    return element in ALIASES.get(name, (name,))


def _is_within(value: Any, element: Any) -> Optional[bool]:
    """For ports and addresses, alone, as a range or as a prefix."""
    if isinstance(element, Mapping) and isinstance(element.get("prefix"), Mapping):
        network = _network(element["prefix"].get("addr"), element["prefix"].get("len"))
        return None if network is None or isinstance(value, int) else value in network
    ends = element.get("range") if isinstance(element, Mapping) else [element, element]
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    first, last = (_like(value, end) for end in ends)
    if first is None or last is None:
        return None
    return first <= value <= last


def _like(value: Any, text: Any) -> Any:
    """The text as something that can be compared with the value, None if it cannot."""
    if isinstance(value, int):
        return text if isinstance(text, int) else None
    address = _address(text)
    return address if address is not None and address.version == value.version else None


def _compare(op: str, value: Any, right: Any) -> Optional[bool]:
    if not isinstance(value, int) or not isinstance(right, int):
        return None
    return {"<": value < right, ">": value > right, "<=": value <= right, ">=": value >= right}[op]


def _flags_match(op: Any, left: Any, right: Any) -> Optional[bool]:
    """TCP flags of a SYN. The two flags of ECN may be set besides, so nothing is said where they count."""
    wanted = _flags(right)
    if field_of(left) == ("tcp", "flags"):
        return None if op != "in" or not wanted or wanted & {"ecn", "cwr"} else "syn" in wanted
    parts = left["&"]
    if not isinstance(parts, list) or len(parts) != 2 or field_of(parts[0]) != ("tcp", "flags"):
        return None
    mask = _flags(parts[1])
    if not mask or wanted is None or mask & {"ecn", "cwr"} or op not in ("==", "!="):
        return None
    return (mask & {"syn"} == wanted) == (op == "==")


def _tcp_flags(left: Any) -> bool:
    """Whether an expression looks at the flags of TCP, whole or in part."""
    parts = left["&"] if _key_of(left) == "&" else [left]
    return bool(isinstance(parts, list) and parts and field_of(parts[0]) == ("tcp", "flags"))


def _flags(tree: Any) -> Optional[set[str]]:
    if isinstance(tree, str):
        return {tree}
    if isinstance(tree, Mapping) and set(tree) == {"|"}:
        tree = tree["|"]
    if tree == 0 and not isinstance(tree, bool):
        return set()
    if not isinstance(tree, list):
        return None
    found: set[str] = set()
    for part in map(_flags, tree):
        if part is None:
            return None
        found |= part
    return found


def _key_of(tree: Any) -> Any:
    return next(iter(tree)) if isinstance(tree, Mapping) and len(tree) == 1 else None


def _key_and_body(tree: Any) -> tuple[Any, Any]:
    kind = _key_of(tree)
    return kind, tree[kind] if kind else None


def _any(results: Iterable[Optional[bool]]) -> Optional[bool]:
    found = set(results)
    if True in found:
        return True
    return None if None in found else False


def _address(text: Any) -> Any:
    try:
        return ipaddress.ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _network(address: Any, length: Any) -> Any:
    try:
        return ipaddress.ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        return None
