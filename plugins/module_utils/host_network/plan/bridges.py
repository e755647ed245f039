# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared network, files and network as they are) -> the steps that change them, in order. Pure, and the same for
every back end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bond,
    Bridge,
    Files,
    Link,
    Network,
    State,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.as_declared import (
    Case,
    asks_no_more,
    does_not_ask,
    is_built,
    is_in_place,
    is_sized,
    lacks_gateway,
    mtu_of,
    new_bridge,
    old_bridge,
    said_besides,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.shown import (
    declared_values,
    measured_values,
    switch_values,
)

_LAYERS = (Bridge, Vlan, Bond)  # the highest first
# Keys of netplan, NetworkManager, networkd and ifupdown (wpa-psk) that have a secret as their value.
_SECRET = re.compile(
    r"^\s*[\w.-]*(password|psk|secret|private-key|preshared-key|wep-key)[\w-]*\s*[:= ]\s*\S", re.M | re.I
)
_OWN = re.compile(r"cloudstack-kvm[^/]*$")  # how each back end names the files of the role


def plan_network(
    network: Network,
    files: Files,
    rendered: Files,
    old: Network,
    state: State,
    mode: Callable[[str], int] = lambda _path: 0o644,
    new: Optional[Network] = None,
) -> Plan:
    """The steps, in the order in which they are carried out: what goes, the files, what comes.

    `files` are those of the back end, `rendered` those of them that change, `old` what they declare so far, `mode` what
    a new file gets by its path, `new` what all files together will declare: it may be more than `network`, as what is
    not declared of a bridge stays. What goes comes first, the highest layer before what it lies on, and files and links
    are judged apart, so that a run which ended half-way is finished by the next. `rules.check` comes before.
    Raises InputError.
    """
    case = Case(network, old, state, new or network)
    _refuse_second_ports(case)
    rebuilt = _rebuilt(case)
    kept = [device for name, device in network.devices.items() if name not in rebuilt]
    _refuse_strangers_on(rebuilt, case)
    _refuse_leases(rebuilt, case)
    changes = [change for device in kept if isinstance(device, Bridge) for change in _removals(device, case)]
    changes += [_querier(bridge) for bridge in network.bridges if asks_no_more(bridge, case)]
    changes += [_take_down(name, case) for name in _going_down(rebuilt, case)]
    changes += [_file(path, files.get(path), text, mode(path)) for path, text in rendered.items()]
    changes += [_remove(name, case) for name in _gone(case)]
    changes += _builds(rebuilt, case)
    changes += [_attach(link) for link in _guests(rebuilt, case)]
    changes += [_resize(device.name, case) for device in kept if not is_sized(device.name, case)]
    changes += [_gateway(bridge, case) for bridge in kept if isinstance(bridge, Bridge) and lacks_gateway(bridge, case)]
    changes += [_querier(bridge) for bridge in network.bridges if does_not_ask(bridge, case)]
    _refuse_strange_routes(changes, state)
    return Plan(tuple(changes))


def undeclared(network: Network, files: Files, old: Network) -> list[str]:
    """Devices that the role's own files still make, and that are not declared any more, neither as absent."""
    own = "\n".join(text for path, text in files.items() if _OWN.search(path))
    left = [name for name in old.devices if name not in network.devices and name not in network.absent]
    return sorted(name for name in left if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", own))


def _rebuilt(case: Case) -> list[str]:
    """Devices that are not as declared, with all that lies on them, each after what it lies on."""
    wrong = {name for name, device in case.network.devices.items() if not is_built(device, case)}
    for name in case.network.devices:  # lower ones come first
        if wrong & set(case.network.below(name)):
            wrong.add(name)
    return [name for name in case.network.devices if name in wrong]


def _going_down(rebuilt: list[str], case: Case) -> list[str]:
    """What is taken down by the files as they were: the highest layer first, a device before its ports. A NIC that is a
    VLAN's parent alone stays as it is, and so does a bond or VLAN device that is as declared."""
    found = [*_gone(case)]
    for name in sorted(rebuilt, key=lambda name: _LAYERS.index(type(case.network.devices[name]))):
        found += [*([] if _keeps_lease(name, case) else [name]), *_taken_nics(name, case)]
    return [name for name in dict.fromkeys(found) if name in case.links]


def _taken_nics(name: str, case: Case) -> list[str]:
    """NICs that become ports of a device, and lose their addresses to it. One that is in its bridge of Open vSwitch
    stays there."""
    if isinstance(case.network.devices[name], Vlan):
        return []
    found = [port for port in case.network.below(name) if port not in case.network.devices]
    return [port for port in found if not (is_in_place(name, case) and case.links[port].master == name)]


def _keeps_lease(name: str, case: Case) -> bool:
    """Whether its DHCP client goes on while the bridge changes in place."""
    device = case.network.devices[name]
    return is_in_place(name, case) and isinstance(device, Bridge) and device.address == "dhcp"


def _refuse_leases(rebuilt: Iterable[str], case: Case) -> None:
    """A DHCP client ends with the bridge that it is for, and a bridge of Open vSwitch is not made anew."""
    for name in rebuilt:
        bridge = case.network.devices[name]
        if not isinstance(bridge, Bridge) or not is_in_place(name, case):
            continue
        old = old_bridge(bridge, case)
        is_other = bridge.address != old.address or said_besides(new_bridge(bridge, case)) != said_besides(old)
        if is_other and "dhcp" in (bridge.address, old.address):
            raise InputError(
                f"{name}, a bridge of Open vSwitch, has or gets an address from DHCP, and more of it changes",
                expected="the address and all that is said of IP as it was, or static before and after",
                observed=f"address {old.address or 'none'} so far, {bridge.address or 'none'} declared",
                next_step=f"declare {name} with state: absent, run, and declare it anew; nothing was changed",
                reproduce=f"ip address show dev {name}; ovs-vsctl show",
            )


def _gone(case: Case) -> list[str]:
    """Links of what is declared absent, the highest layer first."""
    rank = {"bridge": 0, "vlan": 1, "bond": 2}
    there = [case.links[name] for name in case.network.absent if name in case.links]
    return [link.name for link in sorted(there, key=lambda link: (rank.get(link.kind, 0), link.name))]


def _names(name: str, case: Case) -> tuple[str, ...]:
    """The links that a step for a device may change: it, and what it lies on; of a bridge of Open vSwitch the ports as
    well that it has there and had."""
    device = case.network.devices.get(name)
    ports = (device.port, *_released(device, case)) if isinstance(device, Bridge) and device.ovs else ()
    return tuple(dict.fromkeys((*reversed(case.network.stack(name)), *ports))) or (name,)


def _released(bridge: Bridge, case: Case) -> tuple[str, ...]:
    """What was the port of a bridge of Open vSwitch, as the files declare it so far, and is not any more."""
    old = old_bridge(bridge, case)
    gone = {old.port, *old.links} - {bridge.port, *bridge.links}
    return tuple(sorted(gone)) if bridge.ovs and old.ovs else ()


def _take_down(name: str, case: Case) -> Change:
    """An address that no file knows of would stay on a port, and is flushed there; and those of a bridge of Open
    vSwitch that is changed in place, to come anew."""
    link = case.links[name]
    before = {"up": link.up, "address": ", ".join(link.ipv4) or "none"}
    is_port = name in case.network.nics
    above = [each for each in case.network.above(name) if not isinstance(case.network.devices[each], Vlan)]
    names = _names(above[0], case) if is_port and above else _names(name, case)
    stays = is_in_place(name, case)
    data = {"names": names, "flush": is_port or stays, "stays": stays, "delete": _goes(link, case)}
    return Change("take down", name, before=before, data=data)


def _goes(link: Link, case: Case) -> bool:
    """Whether a link that is taken down has to be deleted: the kernel gives a bond with ports no other mode and a VLAN
    device no other id, and no back end changes all the rest of their options. What the files of now say of it, and who
    made it, makes no difference: the back end may not know it."""
    return link.kind in ("bond", "vlan") and link.name not in case.network.nics


def _remove(name: str, case: Case) -> Change:
    return Change("remove", name, before=measured_values(case.links.get(name), case.links), data={"names": (name,)})


def _file(path: str, before: Optional[str], after: str, mode: int) -> Change:
    """The diff of a file that holds a secret of an unrelated interface (Wi-Fi, 802.1X, VPN) shows only that it
    differs."""
    secret = any(_SECRET.search(text or "") for text in (before, after))
    action = "create" if before is None else "change"
    if before is not None and not after:
        action = "delete"
    return Change(action, path, before=before or "", after=after, secret=secret, data={"mode": mode})


def _builds(rebuilt: list[str], case: Case) -> list[Change]:
    """Each device comes up with those NICs under it that are not up any more, or were not."""
    changes: list[Change] = []
    down = {name for name in case.network.nics if not case.links[name].up} | set(_going_down(rebuilt, case))
    for name in rebuilt:
        below = [each for each in case.network.below(name) if each in down and each not in case.network.devices]
        down -= set(below)
        device = case.network.devices[name]
        leased = isinstance(device, Bridge) and device.address == "dhcp" and not _keeps_lease(name, case)
        up = tuple(below) if _keeps_lease(name, case) else (*below, name)
        released = _released(device, case) if isinstance(device, Bridge) else ()
        data = {**_sizes(name, case), "device": device, "bring_up": up, "leased": leased, "released": released}
        changes.append(_step("build", name, case, data))
    return changes


def _guests(rebuilt: Iterable[str], case: Case) -> list[Link]:
    """Ports of guests on bridges that are rebuilt: taps of libvirt, veth devices of containers. A NIC, bond or VLAN
    device was the bridge's own port. Open vSwitch keeps them in its database."""
    bridges = [bridge.name for bridge in case.network.bridges if bridge.name in rebuilt and not bridge.ovs]
    own = {name: _own_ports(name, case) for name in bridges}
    ports = [link for link in case.links.values() if link.master in own and link.kind in ("tun", "veth")]
    return sorted((link for link in ports if link.name not in own[link.master or ""]), key=lambda link: link.name)


def _own_ports(name: str, case: Case) -> set[str]:
    """What is no guest's: all that is declared, and the bridge's port so far."""
    old = case.old.devices.get(name)
    return {*case.network.names, *case.network.absent, *((old.port,) if isinstance(old, Bridge) else ())}


def _attach(link: Link) -> Change:
    """A bridge that was made anew has lost the ports that no file names."""
    shown = {"bridge": link.master}
    return Change("attach", link.name, before={"bridge": "none"}, after=shown, data={"names": (link.name,), **shown})


def _resize(name: str, case: Case) -> Change:
    return _step("resize", name, case, {**_sizes(name, case), "device": case.network.devices[name]})


def _sizes(name: str, case: Case) -> dict[str, Any]:
    return {"mtus": tuple((each, mtu_of(each, case)) for each in case.network.stack(name))}


def _step(action: str, name: str, case: Case, data: Mapping[str, Any]) -> Change:
    before, after = measured_values(case.links.get(name), case.links), declared_values(case.network.devices[name])
    if name in case.state.switches:
        before |= switch_values(case.state.switches[name])
    return Change(action, name, before=before, after=after, data={**data, "names": _names(name, case)})


def _refuse_strange_routes(changes: Iterable[Change], state: State) -> None:
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


def _removals(bridge: Bridge, case: Case) -> list[Change]:
    """Address and gateway of a bridge that were declared, are in force, and are not declared any more."""
    changes = []
    old = old_bridge(bridge, case)
    if old.address in case.links[bridge.name].ipv4 and old.address != bridge.address:
        data = {"names": (bridge.name,), "address": old.address}
        changes.append(
            Change("remove address", bridge.name, before={"address": old.address}, after={"address": "none"}, data=data)
        )
    if old.gateway and not bridge.gateway and case.state.gateways.get(bridge.name) == old.gateway:
        changes.insert(0, _route(bridge, old.gateway, ""))
    return changes


def _gateway(bridge: Bridge, case: Case) -> Change:
    return _route(bridge, case.state.gateways.get(bridge.name, ""), bridge.gateway or "")


def _route(bridge: Bridge, old: str, new: str) -> Change:
    data = {"names": (bridge.name,), "old": old, "new": new}
    return Change("route", bridge.name, before={"gateway": old or "none"}, after={"gateway": new or "none"}, data=data)


def _querier(bridge: Bridge) -> Change:
    """The bridge stays up, and guests notice nothing. networkd by itself would set it only for a bridge that it
    makes."""
    on = bridge.multicast_querier
    before, after = ("off", "on") if on else ("on", "off")
    data = {"names": (bridge.name,), "on": on}
    return Change("set querier", bridge.name, {"multicast querier": before}, {"multicast querier": after}, data=data)


def rebuilt_bridges(plan: Plan) -> list[Bridge]:
    """The bridges that the plan takes down and brings up."""
    devices = [change.data["device"] for change in plan if change.action == "build"]
    return [device for device in devices if isinstance(device, Bridge)]


def guests_on(plan: Plan, links: Mapping[str, Link], declared: Network) -> list[str]:
    """Ports of guests on bridges that would be taken down, or of Open vSwitch and changed: that cuts them off. A port
    that the files of now, which say `declared`, give the bridge is the host's."""
    rebuilt = rebuilt_bridges(plan)
    taken_down = {bridge.name for bridge in rebuilt if not bridge.ovs}
    own = {(bridge.name, bridge.port) for bridge in (*rebuilt, *declared.bridges)}
    going = {change.target for change in plan if change.action == "remove"}
    going |= {bridge.name for bridge in rebuilt if bridge.ovs}
    found = [link for link in links.values() if link.master in taken_down and (link.master, link.name) not in own]
    found += [link for link in links.values() if link.master in going and link.kind == "tun"]
    return sorted(link.name for link in found)


def _refuse_second_ports(case: Case) -> None:
    """The files may keep the port that a bridge has so far, as they keep all that is not declared any more."""
    becomes = {bridge.name: bridge.port for bridge in case.new.bridges}
    declared = {bridge.name: bridge.port for bridge in case.network.bridges}
    for bridge in case.old.bridges:
        port = declared.get(bridge.name, bridge.port)
        if port not in (bridge.port, becomes.get(bridge.name)):
            raise InputError(
                f"{bridge.name} has the port {bridge.port}, and would have {port} beside it",
                expected="one port of a bridge",
                observed=f"{bridge.port} in the files of the host, {port} in network_bridge_config",
                next_step=f"declare {bridge.port} again, or take it out of {bridge.name} in the host's files and run "
                "again; nothing was changed",
            )


def _refuse_strangers_on(rebuilt: Iterable[str], case: Case) -> None:
    """A VLAN device goes with what it lies on, and nobody would make one again that is not declared."""
    for name in (each for each in rebuilt if not is_in_place(each, case)):
        above = {link.name for link in case.links.values() if link.parent == name}
        strangers = sorted(above - set(case.network.devices) - set(case.network.absent))
        if strangers:
            device = case.network.devices[name]
            port = device.port if isinstance(device, Bridge) else name
            raise InputError(
                f"{name} would be taken down, and with it what lies on it",
                expected=f"nothing on it but what is declared; a VLAN belongs on {port}, with a bridge of its own",
                observed=", ".join(strangers),
                next_step="remove these links, declare them, or move them to the port; nothing was changed",
                reproduce="ip -d link",
            )
