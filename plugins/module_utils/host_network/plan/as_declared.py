# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a device is as it is declared: what the planner asks before each step. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    VLAN_PROTOCOL,
    Bond,
    Bridge,
    Device,
    Link,
    Network,
    Route,
    State,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ovs import is_switched


@dataclass(frozen=True)
class Case:
    """What all steps are made from: declared, declared by the files so far and by those to come, and measured."""

    network: Network
    old: Network
    state: State
    new: Network

    @property
    def links(self) -> Mapping[str, Link]:
        return self.state.links


def is_in_place(name: str, case: Case) -> bool:
    """Whether it is a bridge of Open vSwitch that is there: it is changed and not made anew, and keeps the ports of
    guests."""
    return name in case.state.switches and name not in case.network.absent


def mtu_of(name: str, case: Case) -> int:
    """What it must be. That of a NIC which is a VLAN's parent alone is another's to say, as long as it is enough."""
    least = 0 if name in case.network.taken else case.links[name].mtu
    return max(case.network.mtu_of(name), least)


def is_sized(name: str, case: Case) -> bool:
    """Whether it, and all that it lies on, has its MTU."""
    sizes = [(each, mtu_of(each, case)) for each in case.network.stack(name)]
    return all(case.links[each].mtu == mtu for each, mtu in sizes)


def old_bridge(bridge: Bridge, case: Case) -> Bridge:
    """The same bridge as the files declare it so far, itself where they do not."""
    found = case.old.devices.get(bridge.name)
    return found if isinstance(found, Bridge) else bridge


def new_bridge(bridge: Bridge, case: Case) -> Bridge:
    """The same bridge as all files together will declare it."""
    found = case.new.devices.get(bridge.name)
    return found if isinstance(found, Bridge) else bridge


def asks_no_more(bridge: Bridge, case: Case) -> bool:
    """Whether it is a multicast querier, and its files say so, but not the declaration. What was made one by hand stays
    one."""
    return old_bridge(bridge, case).multicast_querier and not bridge.multicast_querier and _is_querier(bridge, case)


def does_not_ask(bridge: Bridge, case: Case) -> bool:
    """Whether it is there, and not yet the multicast querier that it is declared to be. One that is made anew gets that
    from its back end."""
    return bridge.multicast_querier and bridge.name in case.links and not _is_querier(bridge, case)


def _is_querier(bridge: Bridge, case: Case) -> bool:
    return bridge.name in case.links and dict(case.links[bridge.name].options).get("mcast_querier") == "1"


def is_built(device: Device, case: Case) -> bool:
    """Whether the device need not be made anew. Its MTU, and a bridge's gateway and querier, change while it is up."""
    link = case.links.get(device.name)
    if link is None or not link.up:
        return False
    if link.ipv4 and not isinstance(device, Bridge):  # they, and a DHCP client, go with the device
        return False
    if isinstance(device, Bond):
        return _is_bonded(device, link, case)
    if isinstance(device, Vlan):
        options = dict(link.options)
        same = (options.get("id"), options.get("protocol", VLAN_PROTOCOL)) == (str(device.id), device.protocol)
        return same and link.parent == device.parent
    return _is_bridged(device, link, case)


def _is_bonded(bond: Bond, link: Link, case: Case) -> bool:
    """What is not declared of a bond is left to whatever it has."""
    ports = [each for each in case.links.values() if each.master == bond.name]
    wanted = {
        "mode": bond.mode,
        "lacp_rate": bond.lacp_rate,
        "xmit_hash_policy": bond.hash_policy,
        "primary": bond.primary,
    }
    options = dict(link.options)
    same = all(options.get(name) == value for name, value in wanted.items() if value)
    return same and {port.name for port in ports} == set(bond.ports) and all(port.up for port in ports)


def _is_bridged(bridge: Bridge, link: Link, case: Case) -> bool:
    """Between an address from DHCP and any other a client starts or ends. What else the files declare of it (IPv6,
    routes, rules, name servers, spanning tree) comes with the bridge."""
    old, ports = old_bridge(bridge, case), [case.links.get(port) for port in bridge.links]
    if any(port is None or port.master != bridge.name or not port.up for port in ports):
        return False
    if bridge.ovs and not is_switched(bridge, case.state.switches):
        return False
    if bridge.address != old.address and "dhcp" in (bridge.address, old.address):
        return False
    if said_besides(new_bridge(bridge, case)) != said_besides(old) or not _has_more(bridge, link, case.state):
        return False
    if bridge.address == "dhcp":
        return bool(link.ipv4)
    return bridge.address is None or bridge.address in link.ipv4


def said_besides(bridge: Bridge) -> tuple[Any, ...]:
    """What comes with a bridge when it is made, and cannot be changed alone."""
    of_ip = (bridge.addresses6, bridge.gateway6, bridge.routes, bridge.rules, bridge.dns, bridge.search)
    return (bridge.stp, bridge.forward_delay, *of_ip)


def _has_more(bridge: Bridge, link: Link, state: State) -> bool:
    """Whether what the kernel shows of this is there."""
    addresses = {ip_interface(each.cidr) for each in link.addresses}
    if not {ip_interface(each) for each in bridge.addresses6} <= addresses:
        return False
    if bridge.stp and dict(link.options).get("stp_state") != "1":
        return False
    wanted = [*bridge.routes, *(StaticRoute("default", via) for via in (bridge.gateway6,) if via)]
    found = [route for route in state.routes if bridge.name in route.devices]
    return all(_is_routed(route, found) for route in wanted) and set(bridge.rules) <= set(state.rules)


def _is_routed(wanted: StaticRoute, found: Iterable[Route]) -> bool:
    """`ip` tells a table that /etc/iproute2/rt_tables names by that name, and a host without its prefix length."""
    to = wanted.to.replace("/32", "") if ":" not in wanted.to else wanted.to.replace("/128", "")
    same = [route for route in found if (route.to, route.gateway) == (to, wanted.via)]
    table = str(wanted.table or "main")
    return any(route.table == table or not (route.main or wanted.table is None) for route in same)


def lacks_gateway(bridge: Bridge, case: Case) -> bool:
    """A default route over another device is not ours, and stays, unless that device goes."""
    gateways = {name: each for name, each in case.state.gateways.items() if name not in case.network.absent}
    if bridge.gateway is None or (gateways and bridge.name not in gateways):
        return False
    return gateways.get(bridge.name) != bridge.gateway
