# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which devices need no new file, because an operator's own files say all that is declared of them? Pure, and the same
for every back end: it is what makes the declaration that `adopt` prints change nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bond,
    Bridge,
    Device,
    Network,
    RoutingRule,
    StaticRoute,
)

# Undeclared means "leave as it is" for these; an IPv4 address or gateway that is not declared is taken away.
_KEPT_OF_BRIDGE = ("addresses6", "gateway6", "routes", "rules", "dns", "search")
_KEPT_OF_BOND = ("lacp_rate", "hash_policy", "primary")
KERNEL_FORWARD_DELAY = 15  # seconds, of a bridge that nothing is said of
DEFAULTS = ("default", "0.0.0.0/0", "0/0", "::/0")


def left_alone(network: Network, found: Network, own: Collection[str]) -> frozenset[str]:
    """Names of the NICs and devices of `network` whose files stay as they are. `found` is what all files declare, `own`
    names what the role's own files define.

    What lies under something that is written is written with it: its file names what lies on it, and has its MTU.
    """
    there = found.devices
    changed = {name for name, each in network.devices.items() if name in own or not says(there.get(name), each)}
    for name in reversed(network.names):
        if changed & set(network.above(name)):
            changed.add(name)
    return frozenset(network.names) - changed


def says(found: Optional[Device], wanted: Device) -> bool:
    """Whether files that declare `found` need nothing more for `wanted`."""
    if found is None or type(found) is not type(wanted):
        return False
    fields = _KEPT_OF_BRIDGE if isinstance(wanted, Bridge) else _KEPT_OF_BOND if isinstance(wanted, Bond) else ()
    kept = {field: getattr(found, field) for field in fields if not getattr(wanted, field)}
    return _plain(replace(wanted, **kept)) == _plain(found)


def _plain(device: Device) -> Device:
    """Without what makes no difference: the order of ports, routes and rules, and a delay that nothing waits for."""
    if isinstance(device, Bond):
        return replace(device, ports=tuple(sorted(device.ports)))
    if not isinstance(device, Bridge):
        return device
    ovs = device.ovs
    return replace(
        device,
        ovs=replace(ovs, ports=tuple(sorted(ovs.ports)), trunks=tuple(sorted(ovs.trunks))) if ovs else None,
        forward_delay=device.forward_delay if device.stp else 0,
        addresses6=tuple(sorted(_interface(each) for each in device.addresses6)),
        routes=tuple(sorted((canonical(each) for each in device.routes), key=repr)),
        rules=tuple(sorted((_canonical_rule(each) for each in device.rules), key=repr)),
    )


def _interface(address: str) -> str:
    try:
        return ipaddress.ip_interface(address).with_prefixlen
    except ValueError:
        return address


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text


def canonical(route: StaticRoute) -> StaticRoute:
    """The default route has one name, the table main none, and a network no bits behind its prefix."""
    to = "default" if route.to in DEFAULTS else _network(route.to)
    return replace(route, to=to, table=None if route.table == 254 else route.table)


def _canonical_rule(rule: RoutingRule) -> RoutingRule:
    source, to = (each and _network(each) for each in (rule.source, rule.to))
    return replace(rule, source=source, to=to)


def destination(route: StaticRoute) -> str:
    """Its destination in CIDR form."""
    if route.to not in DEFAULTS:
        return route.to
    return "::/0" if ":" in route.via else "0.0.0.0/0"


def refuse_addresses_of_ports(network: Network, bond: Bond, port: str, said: Iterable[str]) -> None:
    """What a NIC says of IP goes to the bridge on its bond. Raises InputError where there is none, for an address (or
    "dhcp", or a route) that no declared bridge has: it would be lost."""
    if any(isinstance(network.devices[each], Bridge) for each in network.above(bond.name)):
        return
    wanted = {address for each in network.bridges for address in (each.address, *each.addresses6)}
    lost = [each for each in said if each not in wanted]
    if lost:
        raise InputError(
            f"{port}, a port of {bond.name}, has addresses or routes that nothing declared takes over; "
            "nothing was changed",
            expected=f"ports of {bond.name} without addresses, or a bridge with the same address",
            observed="; ".join(lost),
            next_step=f"declare the address of {port} for the bridge that is to have it, or take it out of the files "
            "of that port",
            reproduce=f"ip address show dev {port}",
        )


def released(network: Network, found: Network) -> list[str]:
    """NICs that were under what shall go, of what files declare as `found`, and that are under nothing else."""
    stay = {name for each in found.devices if each not in network.absent for name in found.stack(each)}
    gone = {name for each in network.absent if each in found.devices for name in found.stack(each)}
    return sorted(gone - stay - set(found.devices) - set(network.names))
