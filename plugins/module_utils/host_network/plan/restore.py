# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(the network as it was, as it is now) -> the commands of `ip`, and of ovs-vsctl where bridges of Open vSwitch were
touched, that put it back. Pure.

What one command causes (an address that goes takes its routes along, a port its bridge's MTU) is not foreseen here:
measure again and
ask again, until there is nothing to do. No command at all is what "as it was" means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    OPEN_VSWITCH,
    Address,
    Link,
    Route,
    RoutingRule,
    State,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import ovs

Command = tuple[str, ...]
# Of a bridge that was just made (br_dev_setup in the kernel's br_device.c), in the units of parse.ip_state.
_NEW_BRIDGE = {
    "stp_state": "0",
    "forward_delay": "1500",
    "hello_time": "200",
    "max_age": "2000",
    "ageing_time": "30000",
    "priority": "32768",
    "vlan_filtering": "0",
    "mcast_snooping": "1",
    "mcast_querier": "0",
}


# The order in which links are made; they are deleted in the other one.
_MADE = ("bond", "bridge", "vlan")


def restore_commands(before: State, now: State, names: Iterable[str]) -> list[Command]:
    """The commands for these links, in order, Open vSwitch first; those that must fail because an earlier one did their
    work are harmless."""
    touched = sorted(before.touched(set(names)))
    old = [before.links[name] for name in touched if name in before.links]
    made = [now.links[name] for name in touched if name not in before.links and name in now.links]
    made = [link for link in made if link.kind != OPEN_VSWITCH]  # goes with its bridge
    commands = ovs.restore_commands(before.switches, now.switches, names)
    commands += [("ip", "link", "delete", link.name) for link in sorted(made, key=_rank, reverse=True)]
    commands += [("ip", "link", "delete", link.name) for link in old if _is_another(link, now.links.get(link.name))]
    lost = [link for link in old if link.name not in now.links and link.kind in _MADE]
    commands += [_add(link) for link in sorted(lost, key=_rank)]
    pairs = [(link, now.links.get(link.name) or _fresh(link)) for link in old]
    for link, current in pairs:
        commands += _options(link, current)
    for link, current in pairs:
        commands += _master(link, current, before, now)
    for part in (_mtu, _mac, _up, _addresses):
        for link, current in pairs:
            commands += part(link, current)
    return commands + _routes(before, now, set(touched)) + _rules(before, now)


def lost_commands(before: State, now: State, names: Iterable[str]) -> list[Command]:
    """The commands that give all other links than these what they have lost: addresses and routes that are no DHCP
    client's. What they gained stays."""
    touched = before.touched(set(names))
    others = {name: link for name, link in before.links.items() if name in now.links and name not in touched}
    commands = []
    for name, link in sorted(others.items()):
        there = {each.cidr for each in now.links[name].addresses}
        lost = [each for each in link.addresses if each.cidr not in there and not each.dynamic]
        commands += [_address(name, each) for each in lost]
    there_now = {_place(route) for route in now.routes}
    routes = [route for route in before.routes if route.devices and set(route.devices) <= set(others)]
    lost_routes = [route for route in routes if _place(route) not in there_now and "dhcp" not in route.words]
    return commands + _add_routes(lost_routes)


def _place(route: Route) -> tuple[object, ...]:
    """What a daemon that sets a route again keeps; it may choose another metric."""
    return route.version, route.table, route.to, route.devices


def mtu_commands(before: State, now: State, names: Iterable[str]) -> list[Command]:
    """The commands for the MTUs alone, of those links that are there."""
    pairs = [(before.links.get(name), now.links.get(name)) for name in sorted(before.touched(set(names)))]
    return [command for link, current in pairs if link and current for command in _mtu(link, current)]


def _rank(link: Link) -> int:
    return _MADE.index(link.kind) if link.kind in _MADE else 0


def _is_another(link: Link, current: Optional[Link]) -> bool:
    """Whether a bond or VLAN device has to be made anew: a bond with ports takes no other mode, and a VLAN device no
    other parent."""
    if current is None or link.kind not in ("bond", "vlan"):
        return False
    return (link.kind, link.parent, link.options) != (current.kind, current.parent, current.options)


def _fresh(link: Link) -> Link:
    """What `_add` makes."""
    options = tuple(_NEW_BRIDGE.items()) if link.kind == "bridge" else link.options
    return Link(link.name, link.kind, 0, False, None, (), link.parent, link.mac, options)


def _add(link: Link) -> Command:
    if link.kind == "bridge":
        return ("ip", "link", "add", link.name, "type", "bridge")
    options = [word for option in link.options for word in option]
    on = ("link", link.parent) if link.parent else ()
    return ("ip", "link", "add", *on, "name", link.name, "type", link.kind, *options)


def _master(link: Link, current: Link, before: State, now: State) -> list[Command]:
    """A bond takes only ports that are down, and brings them up itself. Into and out of Open vSwitch ovs-vsctl takes
    them."""
    if link.master == current.master or link.master in before.switches:
        return []
    if link.master is None:
        if current.master in now.switches:
            return []
        return [("ip", "link", "set", link.name, "nomaster")]
    bonded = link.master in before.links and before.links[link.master].kind == "bond"
    down: list[Command] = [("ip", "link", "set", link.name, "down")] if bonded else []
    return [*down, ("ip", "link", "set", link.name, "master", link.master)]


def _mtu(link: Link, current: Link) -> list[Command]:
    return [("ip", "link", "set", link.name, "mtu", str(link.mtu))] if link.mtu != current.mtu else []


def _options(link: Link, current: Link) -> list[Command]:
    """One by one: a kernel without VLAN filtering refuses also to leave it off. Those of bonds and VLAN devices are
    given when they are made."""
    if link.kind != "bridge":
        return []
    changed = [option for option in link.options if option not in current.options]
    return [("ip", "link", "set", link.name, "type", "bridge", *option) for option in changed]


def _mac(link: Link, current: Link) -> list[Command]:
    """A bridge takes that of a port by itself, so this is needed where it had another one."""
    return [("ip", "link", "set", link.name, "address", link.mac)] if link.mac != current.mac else []


def _up(link: Link, current: Link) -> list[Command]:
    return [("ip", "link", "set", link.name, "up" if link.up else "down")] if link.up != current.up else []


def _addresses(link: Link, current: Link) -> list[Command]:
    """The order is kept as well: the first address of a subnet is the one that packets leave with."""
    same = 0
    while link.addresses[same : same + 1] == current.addresses[same : same + 1] and same < len(link.addresses):
        same += 1
    gone: list[Command] = [
        ("ip", "address", "delete", each.cidr, "dev", link.name) for each in reversed(current.addresses[same:])
    ]
    return gone + [_address(link.name, each) for each in link.addresses[same:]]


def _address(device: str, address: Address) -> Command:
    """With the rest of its lease, and usable at once: it was unique before."""
    peer = address.options[1::2] if address.options[:1] == ("peer",) else ()
    given = (address.cidr.partition("/")[0], *address.options) if peer else (address.cidr, *address.options)
    lease = ("valid_lft", address.lifetimes[0], "preferred_lft", address.lifetimes[1]) if address.lifetimes else ()
    return ("ip", "address", "add", *given, "dev", device, *lease, *(("nodad",) if ":" in address.cidr else ()))


def _routes(before: State, now: State, names: set[str]) -> list[Command]:
    gone = [
        _route("delete", route) for route in now.routes if route not in before.routes and names & set(route.devices)
    ]
    missing = [route for route in before.routes if route not in now.routes and names & set(route.devices)]
    return gone + _add_routes(missing)


def _add_routes(routes: Iterable[Route]) -> list[Command]:
    """Those without a gateway first, because the others need them."""
    return [_route("add", route) for route in sorted(routes, key=lambda route: route.gateway is not None)]


def _route(verb: str, route: Route) -> Command:
    return ("ip", f"-{route.version}", "route", verb, *route.words)


def _rules(before: State, now: State) -> list[Command]:
    gone = [_rule("delete", rule) for rule in now.rules if rule not in before.rules]
    return gone + [_rule("add", rule) for rule in before.rules if rule not in now.rules]


def _rule(verb: str, rule: RoutingRule) -> Command:
    version = "6" if ":" in f"{rule.source or ''}{rule.to or ''}" else "4"
    ends = [("from", rule.source), ("to", rule.to)]
    words = [word for key, value in ends if value for word in (key, value)]
    return ("ip", f"-{version}", "rule", verb, "priority", str(rule.priority), *words, "table", str(rule.table))
