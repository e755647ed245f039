# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""network_bridge_config, the one declaration of a host's network, read in one place for all who need it. Pure.

The short form is a list of bridges; the long form a mapping with the keys nics, bonds, vlans and bridges, each a list.
docs/network.md describes both.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    HASH_POLICIES,
    LACP_RATES,
    LINUX_BRIDGE,
    MODES,
    OPEN_VSWITCH,
    OVS_LACP,
    OVS_MODES,
    Bond,
    Bridge,
    Card,
    Network,
    Ovs,
    RoutingRule,
    StaticRoute,
    Vlan,
)

VARIABLE = "network_bridge_config"
# Kind of an entry -> its keys.
KEYS: Mapping[str, tuple[str, ...]] = {
    "nics": ("name", "mac", "driver", "slot"),
    "bonds": ("name", "type", "ports", "mode", "lacp", "lacp_rate", "hash_policy", "primary", "mtu", "state"),
    "vlans": ("name", "parent", "id", "mtu", "state"),
    "bridges": (
        *("name", "type", "port", "tag", "trunks", "mtu", "address", "gateway", "stp", "forward_delay"),
        *("multicast_querier", "ipv6_addresses", "ipv6_gateway", "routes", "rules", "dns", "search", "state"),
    ),
    "routes": ("to", "via", "table"),
    "rules": ("source", "to", "table", "priority"),
}
_PARTS = ("nics", "bonds", "vlans", "bridges")
_BOND_TYPES = ("bond", OPEN_VSWITCH)
_BRIDGE_TYPES = (LINUX_BRIDGE, OPEN_VSWITCH)
# Keys that an entry of one type alone has.
_OF_LINUX = {
    "bonds": ("lacp_rate", "hash_policy", "primary", "mtu"),
    "bridges": ("stp", "forward_delay", "multicast_querier"),
}
_OF_OVS = {"bonds": ("lacp",), "bridges": ("tag", "trunks")}
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
Entry = Mapping[str, Any]


def declared_bridges(value: Any) -> list[dict[str, Any]]:
    """The entries of the bridges that are to be there, as they were declared, whatever the form. What is not an entry
    is left out: the role itself refuses it."""
    entries = value.get("bridges") if isinstance(value, Mapping) else value
    listed = entries if isinstance(entries, list) else []
    return [dict(each) for each in listed if isinstance(each, Mapping) and each.get("state") != "absent"]


def names_cards(value: Any) -> bool:
    """Whether NICs are declared by more than the names that they have, so that the host has to be asked for them."""
    return isinstance(value, Mapping) and bool(value.get("nics"))


def read_network(value: Any, cards: Sequence[Card] = ()) -> Network:
    """What is declared, with the names that the NICs have on this host, addresses in CIDR form whatever form they were
    given in (the kernel and the files know no other), and the MTU of each layer at least that of what lies on it.

    `cards` are the host's, for the key nics. Raises InputError for what cannot be understood.
    """
    parts = _parts(value)
    names = _resolve_all(parts["nics"], cards)
    absent: list[str] = []
    made: dict[str, list[Any]] = {"bonds": [], "vlans": [], "bridges": []}
    for kind, read in (("bonds", _bond), ("vlans", _vlan), ("bridges", _bridge)):
        for entry in parts[kind]:
            if _choice(entry, "state", ("present", "absent"), kind) == "absent":
                absent.append(_text(entry, "name", kind))
            elif not (kind == "bonds" and _is_ovs(entry, kind)):
                made[kind].append(read(entry, names))
    bonds = [each for each in parts["bonds"] if _is_ovs(each, "bonds") and each.get("state") != "absent"]
    bridges = _with_ovs_bonds(made["bridges"], bonds, names)
    return Network(tuple(made["bonds"]), tuple(made["vlans"]), tuple(bridges), tuple(absent)).layered


def _is_ovs(entry: Entry, kind: str) -> bool:
    """Whether an entry is of Open vSwitch. Raises InputError for keys that its type does not have."""
    types = _BOND_TYPES if kind == "bonds" else _BRIDGE_TYPES
    is_ovs = _choice(entry, "type", types, kind) == OPEN_VSWITCH
    strange = [key for key in (_OF_LINUX if is_ovs else _OF_OVS)[kind] if entry.get(key) not in (None, "", [], False)]
    if strange:
        told = f"type {OPEN_VSWITCH}" if is_ovs else f"a type that is not {OPEN_VSWITCH}"
        allowed = ", ".join(key for key in KEYS[kind] if key not in (_OF_LINUX if is_ovs else _OF_OVS)[kind])
        raise _refused(f"has {strange[0]} of {entry.get('name')}, which is of {told}", allowed, strange[0])
    return is_ovs


def _with_ovs_bonds(bridges: Sequence[Bridge], bonds: Sequence[Entry], names: Mapping[str, str]) -> list[Bridge]:
    """A bond of Open vSwitch is a port of its bridge, and nothing by itself."""
    by_name = {_text(each, "name", "bonds"): each for each in bonds}
    if len(by_name) < len(bonds):
        raise _refused(f"has a bond of type {OPEN_VSWITCH} twice", "each bond once", [each["name"] for each in bonds])
    found: list[Bridge] = []
    for bridge in bridges:
        entry = by_name.pop(bridge.port, None) if bridge.ovs else None
        found.append(replace(bridge, ovs=_with_bond(bridge.ovs, entry, names)) if bridge.ovs and entry else bridge)
    if by_name:
        name = next(iter(by_name))
        users = [bridge.name for bridge in bridges if bridge.port == name]
        raise _refused(
            f"has a bond {name} of type {OPEN_VSWITCH} that is not the port of one bridge of that type alone",
            f"one bridge of type {OPEN_VSWITCH} with port {name}",
            f"port of {', '.join(users)}" if users else "no bridge with this port",
        )
    return found


def _with_bond(ovs: Ovs, entry: Entry, names: Mapping[str, str]) -> Ovs:
    """LACP is off unless it is asked for, but for balance-tcp, which needs it (ovs-vswitchd.conf.db(5))."""
    mode = _choice(entry, "mode", OVS_MODES, "bonds")
    default = "active" if mode == "balance-tcp" else "off"
    lacp = _choice({"lacp": default, **entry}, "lacp", OVS_LACP, "bonds")
    ports = tuple(names.get(port, port) for port in _texts(entry, "ports", "bonds"))
    if not ports:
        raise _refused(f"has a bond {entry['name']} without ports", "a list of NICs", "none")
    return replace(ovs, ports=ports, mode=mode, lacp=None if lacp == "off" else lacp)


def _parts(value: Any) -> dict[str, list[Entry]]:
    """Kind -> its entries, their keys checked."""
    given = {"bridges": value} if isinstance(value, list) else value
    if not isinstance(given, Mapping):
        raise _refused("is neither a list of bridges nor a mapping", " ".join(_PARTS), type(value).__name__)
    strange = sorted(set(given) - set(_PARTS))
    if strange:
        raise _refused(f"has no key {strange[0]}", ", ".join(_PARTS), ", ".join(strange))
    return {kind: _entries(given.get(kind), kind) for kind in _PARTS}


def _entries(value: Any, kind: str) -> list[Entry]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise _refused(f"has {kind} that are not a list of mappings", f"a list of {', '.join(KEYS[kind])}", value)
    for each in value:
        strange = sorted(set(each) - set(KEYS[kind]))
        if strange:
            where = f"{kind}: {each.get('name') or each.get('to') or 'entry'}"
            raise _refused(f"has a key {strange[0]} that is not known ({where})", ", ".join(KEYS[kind]), strange[0])
    return value


def _refused(what: str, expected: Any, observed: Any) -> InputError:
    return InputError(
        f"{VARIABLE} {what}",
        expected=expected,
        observed=observed if observed not in (None, "") else "nothing",
        next_step=f"correct {VARIABLE}; nothing was changed",
    )


def _bond(entry: Entry, names: Mapping[str, str]) -> Bond:
    ports = [names.get(port, port) for port in _texts(entry, "ports", "bonds")]
    primary = _optional(entry, "primary")
    mode = _choice(entry, "mode", MODES, "bonds")
    return Bond(
        _text(entry, "name", "bonds"),
        tuple(ports),
        mode,
        _choice(entry, "lacp_rate", LACP_RATES, "bonds") if entry.get("lacp_rate") else None,
        _choice(entry, "hash_policy", HASH_POLICIES, "bonds") if entry.get("hash_policy") else None,
        names.get(primary, primary) if primary else None,
        _number(entry, "mtu", "bonds", 0),
    )


def _vlan(entry: Entry, names: Mapping[str, str]) -> Vlan:
    parent = _text(entry, "parent", "vlans")
    parent, number = names.get(parent, parent), _number(entry, "id", "vlans")
    return Vlan(_optional(entry, "name") or f"{parent}.{number}", parent, number, _number(entry, "mtu", "vlans", 0))


def _bridge(entry: Entry, names: Mapping[str, str]) -> Bridge:
    port = _text(entry, "port", "bridges")
    bridge = Bridge(
        _text(entry, "name", "bridges"),
        names.get(port, port),
        _number(entry, "mtu", "bridges", 1500),
        _cidr(_optional(entry, "address")),
        _optional(entry, "gateway"),
        _boolean(entry, "stp"),
        _number(entry, "forward_delay", "bridges", 0),
    )
    return replace(
        bridge,
        ovs=_ovs(entry) if _is_ovs(entry, "bridges") else None,
        addresses6=tuple(_cidr(each) or "" for each in _texts(entry, "ipv6_addresses", "bridges")),
        gateway6=_optional(entry, "ipv6_gateway"),
        routes=tuple(_route(each) for each in _entries(entry.get("routes"), "routes")),
        rules=tuple(_rule(each) for each in _entries(entry.get("rules"), "rules")),
        dns=_texts(entry, "dns", "bridges"),
        search=_texts(entry, "search", "bridges"),
        multicast_querier=_boolean(entry, "multicast_querier"),
    )


def _ovs(entry: Entry) -> Ovs:
    listed = _texts(entry, "trunks", "bridges")
    numbers = [_number({"name": entry.get("name"), "trunks": each}, "trunks", "bridges") for each in listed]
    tag = _number(entry, "tag", "bridges") if entry.get("tag") not in (None, "") else None
    return Ovs(tag, tuple(sorted(set(numbers))))


def _route(entry: Entry) -> StaticRoute:
    table = _number(entry, "table", "routes") if entry.get("table") else None
    to = _text(entry, "to", "routes")
    return StaticRoute(to if to == "default" else _network(to), _text(entry, "via", "routes"), table)


def _rule(entry: Entry) -> RoutingRule:
    source, to = _optional(entry, "source"), _optional(entry, "to")
    return RoutingRule(
        _number(entry, "table", "rules"),
        _number(entry, "priority", "rules"),
        _network(source) if source else None,
        _network(to) if to else None,
    )


def _cidr(address: Optional[str]) -> Optional[str]:
    """A netmask as prefix length. What is not an address stays as it is, for the rules to refuse."""
    try:
        has_mask = bool(address) and "/" in str(address)
        return ipaddress.ip_interface(str(address)).with_prefixlen if has_mask else address
    except ValueError:
        return address


def _network(text: str) -> str:
    """As the kernel has it: prefix length, and no bits set behind it."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise _refused("has a route or a rule that is not for a network", "address/prefix", text) from error


def _text(entry: Entry, key: str, kind: str) -> str:
    found = _optional(entry, key)
    if not found:
        raise _refused(f"has an entry of {kind} without {key}", key, entry.get("name") or dict(entry))
    return found


def _optional(entry: Entry, key: str) -> Optional[str]:
    found = entry.get(key)
    return str(found) if found not in (None, "") else None


def _texts(entry: Entry, key: str, kind: str) -> tuple[str, ...]:
    found = entry.get(key) or []
    if not isinstance(found, (list, tuple)):
        raise _refused(f"has {key} of {entry.get('name')} that is not a list", f"a list of {key}", found)
    return tuple(str(each) for each in found)


def _number(entry: Entry, key: str, kind: str, default: Optional[int] = None) -> int:
    found = entry.get(key)
    if found in (None, "") and default is not None:
        return default
    if isinstance(found, bool) or not re.fullmatch(r"[0-9]{1,9}", str(found)):
        raise _refused(f"has {key} of {entry.get('name', kind)} that is not a number", f"{key} as a number", found)
    return int(str(found))


def _boolean(entry: Entry, key: str) -> bool:
    found = _BOOLEANS.get(str(entry.get(key) or "no").lower())
    if found is None:
        raise _refused(f"has {key} of {entry.get('name')} that is neither true nor false", "true or false", entry[key])
    return found


def _choice(entry: Entry, key: str, choices: Collection[str], kind: str) -> str:
    """The first choice is the default."""
    found = str(entry.get(key) or next(iter(choices)))
    if found not in choices:
        name = entry.get("name", kind)
        raise _refused(f"has {key} of {name} that is not known", f"one of {', '.join(choices)}", found)
    return found


def _resolve_all(entries: Sequence[Entry], cards: Sequence[Card]) -> dict[str, str]:
    """Name in the declaration -> name of the NIC on this host."""
    names: dict[str, str] = {}
    for entry in entries:
        name = _text(entry, "name", "nics")
        card = _resolve(entry, cards)
        if name in names or card.name in names.values():
            raise _refused(f"names the NIC {card.name} twice", "each NIC once", name)
        names[name] = card.name
    return names


def _resolve(entry: Entry, cards: Sequence[Card]) -> Card:
    """The one card that has the MAC, and the driver and slot, or, without these, the name."""
    asked = {key: str(entry[key]).lower() for key in ("mac", "driver", "slot") if entry.get(key)}
    asked = asked or {"name": str(entry["name"])}
    found = [card for card in cards if all(getattr(card, key).lower() == each for key, each in asked.items())]
    if len(found) == 1:
        return found[0]
    words = ", ".join(f"{key} {each}" for key, each in asked.items())
    number = "no NIC" if not found else f"{len(found)} NICs ({', '.join(card.name for card in found)})"
    raise InputError(
        f"the NIC {entry['name']} of {VARIABLE} cannot be told: {number} of this host with {words}",
        expected=f"exactly one NIC with {words}",
        observed="; ".join(card.words for card in cards) or "no NIC at all",
        next_step=f"correct nics in {VARIABLE}; nothing was changed",
        reproduce="ip -d link; ethtool -i NAME; ethtool -P NAME",
    )
