# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared bridges, files and network as they are) -> the steps that change them, in order. Pure, and the same for
every back end."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.bridge_labels import PHYSICAL
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files, Link, State

LONGEST_NAME = 15  # IFNAMSIZ without its zero byte
# Keys of netplan, NetworkManager, networkd and ifupdown (wpa-psk) that have a secret as their value.
_SECRET = re.compile(
    r"^\s*[\w.-]*(password|psk|secret|private-key|preshared-key|wep-key)[\w-]*\s*[:= ]\s*\S", re.M | re.I
)
LONGEST_VLAN_PORT = 8  # br<port>-<vlan> with a four-digit VLAN must fit (issues 10883, 10884, 9905)


def read_bridges(options: Iterable[Mapping[str, Any]]) -> list[Bridge]:
    """The bridges as declared, addresses in CIDR form whatever form they were given in: the kernel and the files know
    no other."""
    return [
        _cidr(Bridge(one["name"], one["port"], one["mtu"], one["address"] or None, one["gateway"] or None))
        for one in options
    ]


def _cidr(bridge: Bridge) -> Bridge:
    """What is not an address stays as it is, for `check` to refuse."""
    address, slash, prefix = (bridge.address or "").partition("/")
    if not slash or prefix.isdigit():
        return bridge
    try:
        return replace(bridge, address=ipaddress.ip_interface(f"{address}/{prefix}").with_prefixlen)
    except ValueError:
        return bridge


def check(bridges: Sequence[Bridge], links: Mapping[str, Link]) -> None:
    """Raise InputError for what cannot work, before anything is touched."""
    names = [bridge.name for bridge in bridges]
    ports = [bridge.port for bridge in bridges]
    for bridge in bridges:
        if names.count(bridge.name) > 1 or ports.count(bridge.port) > 1:
            raise InputError(
                f"bridge {bridge.name} or its port {bridge.port} is declared twice",
                next_step="give each bridge its own port",
            )
        _check_names(bridge)
        _check_port(bridge, links)
        _check_address(bridge)
        _check_lease(bridge, links)
        _check_elsewhere(bridge, links)
    if sum(bridge.gateway is not None for bridge in bridges) > 1:
        raise InputError("more than one bridge has a gateway", next_step="keep the one of the default route")


def _check_names(bridge: Bridge) -> None:
    if len(bridge.name) > LONGEST_NAME or not re.fullmatch(r"[A-Za-z0-9_.-]+", bridge.name):
        raise InputError(
            "a bridge name is not usable",
            expected=f"at most {LONGEST_NAME} letters, digits, - _ .",
            observed=bridge.name,
        )
    if not PHYSICAL.match(bridge.port):
        raise InputError(
            f"the port {bridge.port} of {bridge.name} would not count as physical for CloudStack's agent",
            expected="a name that begins with eth, bond, vlan, em, ens, eno, enp, team, enx, enc, or like p1p1",
            observed=bridge.port,
            next_step="rename the NIC by a systemd .link file, or put a bond of one port under the bridge",
        )
    if len(bridge.port) > LONGEST_VLAN_PORT:
        raise InputError(
            f"the port {bridge.port} of {bridge.name} is too long for VLAN networks",
            expected=f"at most {LONGEST_VLAN_PORT} letters, because br{bridge.port}-4095 must fit into {LONGEST_NAME}",
            observed=f"{len(bridge.port)} letters",
            next_step="rename the NIC by a systemd .link file, or put a short-named bond under the bridge",
        )
    if not 576 <= bridge.mtu <= 65535:
        raise InputError(f"the MTU of {bridge.name} is not valid", expected="576 to 65535 bytes", observed=bridge.mtu)


def _check_port(bridge: Bridge, links: Mapping[str, Link]) -> None:
    if bridge.port not in links:
        there = ", ".join(
            sorted(name for name, link in links.items() if link.kind not in ("bridge", "loopback", "tun"))
        )
        raise InputError(
            f"the port {bridge.port} of {bridge.name} does not exist",
            expected=bridge.port,
            observed=f"network interfaces {there}",
            next_step="correct network_bridge_bridges; nothing was changed",
            reproduce="ip -br link",
        )
    if links[bridge.port].kind == "bridge":
        raise InputError(
            f"the port {bridge.port} of {bridge.name} is a bridge itself",
            expected="a NIC, a bond or a VLAN device: the kernel takes no bridge into a bridge",
            observed=f"{bridge.port} is a bridge",
            next_step="declare the port of that bridge, or its name as the bridge; nothing was changed",
            reproduce=f"ip -d link show {bridge.port}",
        )
    master = links[bridge.port].master
    if master not in (None, bridge.name):
        raise InputError(
            f"the port {bridge.port} of {bridge.name} belongs to {master} already",
            next_step="take it out of there first",
        )
    if bridge.name in links and links[bridge.name].kind != "bridge":
        raise InputError(f"{bridge.name} exists and is not a bridge", observed=links[bridge.name].kind)


def _check_address(bridge: Bridge) -> None:
    if bridge.address in (None, "dhcp"):
        if bridge.gateway:
            raise InputError(f"{bridge.name} has a gateway but no static address")
        return
    try:
        network = ipaddress.ip_interface(bridge.address).network
        inside = bridge.gateway is None or ipaddress.ip_address(bridge.gateway) in network
    except ValueError as error:
        raise InputError(
            f"the address of {bridge.name} is not usable", expected="address/prefix", observed=bridge.address
        ) from error
    if "/" not in bridge.address or not inside:
        raise InputError(
            f"address and gateway of {bridge.name} do not fit",
            expected="address/prefix, and the gateway in its subnet",
            observed=f"{bridge.address}, {bridge.gateway}",
        )
    if bridge.gateway and ipaddress.ip_address(bridge.gateway) == ipaddress.ip_interface(bridge.address).ip:
        raise InputError(
            f"the gateway of {bridge.name} is its own address",
            expected="the address of the router in that subnet",
            observed=bridge.gateway,
            next_step="correct network_bridge_bridges; nothing was changed",
        )


def _check_lease(bridge: Bridge, links: Mapping[str, Link]) -> None:
    """A lease goes with the port's DHCP client. Kept are a bridge that asks for one itself, and the same address made
    static."""
    kept = (bridge.address or "").partition("/")[0]
    lost = [address for address in links[bridge.port].leased if address.partition("/")[0] != kept]
    if lost and bridge.address != "dhcp":
        raise InputError(
            f"{bridge.port}, the port of {bridge.name}, has its address from a DHCP server, "
            "and the bridge would take it away",
            expected=f"{bridge.name} with that address, or none on the port",
            observed=f"{', '.join(lost)} on {bridge.port}, "
            f"address {bridge.address or 'none'} declared for {bridge.name}",
            next_step=f"declare {lost[0]} as the address of {bridge.name} and keep it out of the DHCP server's range; "
            "nothing was changed",
            reproduce=f"ip address show dev {bridge.port}",
        )


def _check_elsewhere(bridge: Bridge, links: Mapping[str, Link]) -> None:
    """An address that stands on a third link would stand twice: the usual sign of a wrong port."""
    wanted = (bridge.address or "").partition("/")[0]
    others = [link for link in links.values() if link.name not in (bridge.name, bridge.port)]
    found = [link.name for link in others if wanted in [each.partition("/")[0] for each in link.ipv4]]
    if found:
        raise InputError(
            f"the address of {bridge.name} stands on {found[0]}, which is not its port",
            expected=f"{wanted} on {bridge.port}, the port of {bridge.name}, or nowhere",
            observed=f"{wanted} on {found[0]}",
            next_step=f"correct port or address in network_bridge_bridges, or take the address off {found[0]}; "
            "nothing was changed",
            reproduce=f"ip address show dev {found[0]}",
        )


def plan_bridges(
    bridges: Sequence[Bridge],
    files: Files,
    rendered: Files,
    declared: Sequence[Bridge],
    state: State,
    mode: int = 0o644,
) -> Plan:
    """The steps, in the order in which they are carried out: what goes, the files, what comes.

    `files` are those of the back end, `rendered` those of them that change, `declared` the bridges that they declare
    so far, `mode` what a new file gets. What goes
    comes first, and files and links are judged apart, so that a run which ended half-way is finished by the next.
    `check` comes before.
    Raises InputError.
    """
    olds = {bridge.name: bridge for bridge in declared}
    rebuilt = [bridge for bridge in bridges if not _is_built(bridge, olds.get(bridge.name, bridge), state.links)]
    kept = [bridge for bridge in bridges if bridge not in rebuilt]
    _refuse_vlans_on(rebuilt, state.links)
    changes: list[Change] = []
    for bridge in kept:
        changes += _removals(bridge, olds.get(bridge.name, bridge), state)
    for bridge in rebuilt:
        changes += [_take_down(bridge, name, state.links) for name in (bridge.name, bridge.port) if name in state.links]
    for path, text in rendered.items():
        changes.append(_file(path, files.get(path), text, mode))
    changes += [_step("build", bridge, state.links) for bridge in rebuilt]
    changes += [_step("resize", bridge, state.links) for bridge in kept if not _is_sized(bridge, state.links)]
    for bridge in kept:
        if _lacks_gateway(bridge, state.gateways):
            changes.append(_route(bridge, state.gateways.get(bridge.name, ""), bridge.gateway or ""))
    _refuse_strange_routes(changes, state)
    return Plan(tuple(changes))


def _file(path: str, before: Optional[str], after: str, mode: int) -> Change:
    """The diff of a file that holds a secret of an unrelated interface (Wi-Fi, 802.1X, VPN) shows only that it
    differs."""
    secret = any(_SECRET.search(text or "") for text in (before, after))
    action = "create" if before is None else "change"
    return Change(action, path, before=before or "", after=after, secret=secret, data={"mode": mode})


def _refuse_strange_routes(changes: Sequence[Change], state: State) -> None:
    """A route over a link that is touched must be one that the rollback can set again."""
    touched = state.touched({name for change in changes for name in change.data.get("names", ())})
    strange = [route for route in state.routes if route.unknown and touched & set(route.devices)]
    if strange:
        raise InputError(
            "a route could not be put back where the change fails",
            expected="routes of gateways, next hops, metrics and tables",
            observed="; ".join(f"{' '.join(route.words)} with {', '.join(route.unknown)}" for route in strange),
            next_step="take the route away for the time of the change; nothing was changed",
            reproduce="ip -d route show table all",
        )


def _step(action: str, bridge: Bridge, links: Mapping[str, Link]) -> Change:
    data = {"bridge": bridge, "names": (bridge.name, bridge.port)}
    return Change(action, bridge.name, before=_shown(links.get(bridge.name), links), after=_declared(bridge), data=data)


def _take_down(bridge: Bridge, name: str, links: Mapping[str, Link]) -> Change:
    """An address that no file knows of would stay on the port, and is flushed there."""
    link = links[name]
    before = {"up": link.up, "address": ", ".join(link.ipv4) or "none"}
    return Change(
        "take down", name, before=before, data={"names": (bridge.name, bridge.port), "flush": name == bridge.port}
    )


def _removals(bridge: Bridge, old: Bridge, state: State) -> list[Change]:
    """Address and gateway of a bridge that were declared, are in force, and are not declared any more."""
    changes = []
    if old.address in state.links[bridge.name].ipv4 and old.address != bridge.address:
        data = {"names": (bridge.name,), "address": old.address}
        changes.append(
            Change("remove address", bridge.name, before={"address": old.address}, after={"address": "none"}, data=data)
        )
    if old.gateway and not bridge.gateway and state.gateways.get(bridge.name) == old.gateway:
        changes.insert(0, _route(bridge, old.gateway, ""))
    return changes


def _route(bridge: Bridge, old: str, new: str) -> Change:
    data = {"names": (bridge.name,), "old": old, "new": new}
    return Change("route", bridge.name, before={"gateway": old or "none"}, after={"gateway": new or "none"}, data=data)


def rebuilt_bridges(plan: Plan) -> list[Bridge]:
    """The bridges that the plan takes down and brings up."""
    return [change.data["bridge"] for change in plan if change.action == "build"]


def guests_on(bridges: Sequence[Bridge], links: Mapping[str, Link]) -> list[str]:
    """Ports of guests on bridges that would be rebuilt: taking the bridge down would cut them off."""
    names = {bridge.name: bridge.port for bridge in bridges}
    return sorted(link.name for link in links.values() if link.master in names and link.name != names[link.master])


def _refuse_vlans_on(bridges: Sequence[Bridge], links: Mapping[str, Link]) -> None:
    """A VLAN device goes with the bridge that it lies on, and the rollback could not make it again."""
    for bridge in bridges:
        above = sorted(link.name for link in links.values() if link.parent == bridge.name)
        if above:
            raise InputError(
                f"{bridge.name} would be taken down, and with it what lies on it",
                expected="a bridge with nothing on it but its ports; "
                f"a VLAN belongs on {bridge.port}, with a bridge of its own",
                observed=", ".join(above),
                next_step="remove these links, or move them to the port; nothing was changed",
                reproduce="ip -d link",
            )


def _is_built(bridge: Bridge, old: Bridge, links: Mapping[str, Link]) -> bool:
    """`old` is the same bridge as the files declare it: between an address from DHCP and any other a client starts or
    ends."""
    link, port = links.get(bridge.name), links[bridge.port]
    if link is None or not link.up or port.master != bridge.name or not port.up:
        return False
    if bridge.address != old.address and "dhcp" in (bridge.address, old.address):
        return False
    if bridge.address == "dhcp":
        return bool(link.ipv4)
    return bridge.address is None or bridge.address in link.ipv4


def _lacks_gateway(bridge: Bridge, gateways: Mapping[str, str]) -> bool:
    """A default route over another device is not ours, and stays."""
    if bridge.gateway is None or (gateways and bridge.name not in gateways):
        return False
    return gateways.get(bridge.name) != bridge.gateway


def _is_sized(bridge: Bridge, links: Mapping[str, Link]) -> bool:
    return links[bridge.name].mtu == bridge.mtu == links[bridge.port].mtu


def _declared(bridge: Bridge) -> dict[str, Any]:
    return {"port": bridge.port, "mtu": bridge.mtu, "address": bridge.address or "none"}


def _shown(link: Link | None, links: Mapping[str, Link]) -> dict[str, Any]:
    if link is None:
        return {}
    ports = ", ".join(sorted(port.name for port in links.values() if port.master == link.name))
    return {"port": ports or "none", "mtu": link.mtu, "address": ", ".join(link.ipv4) or "none"}
