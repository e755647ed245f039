# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the links below the bridges of the traffic labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    BONDS,
    below,
    bridge_of,
    cards,
    label_bridges,
    labels,
    links,
    stack,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
    odd_ones,
    show,
)

Cards = Sequence[Mapping[str, Any]]


@check(
    "NET011",
    "A link under a label is down",
    area="cabling",
    severity=ERROR,
    scope=HOST,
    prevents=("F14",),
    fix="check cable, transceiver and switch port; bring the interface up "
    "(cloudstack.kvm.prepare_hosts starts what network_bridge_config declares)",
    reproduce="ip -br link",
)
def links_up(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every bridge of a label is up, and the ports under it are up and have a carrier.

    The server looks for the name of the port only: a host with a dead link joins, and its guests have no network. Legs
    of a bond are the subject of NET013.
    """
    host.require("interfaces")
    found = links(host)
    down: dict[str, set[str]] = {}
    for label, bridge in label_bridges(host, cluster):
        if found.get(label, {}).get("up") is False:
            down.setdefault(f"{label} is switched off", set()).add(label)
        for name in _dead_links(host, bridge):
            state = "is switched off" if found[name].get("up") is False else "has no carrier"
            down.setdefault(f"{name} {state}", set()).add(label)
    for observed, over in sorted(down.items()):
        carried = show(sorted(over))
        yield Problem((host.name,), f"a live link under {carried}", f"{observed}: no traffic on {carried}")


def _dead_links(host: Profile, bridge: Mapping[str, Any]) -> list[str]:
    """The lowest dead devices: what is above a dead one is dead, too. A bond lives as long as one of its legs does."""
    found, names = links(host), stack(host, bridge)
    legs: set[str] = set()
    for name in names:
        if found.get(name, {}).get("kind") in BONDS:
            legs.update(below(host, name))
    dead = [name for name in names if name not in legs and name in found and _is_dead(found[name])]
    possible = [] if names else list(bridge.get("possible") or ())
    if possible and all(_is_dead(found[name]) for name in possible):
        return possible  # whichever of them are this bridge's
    return [name for name in dead if not set(below(host, name)) & set(dead)]


def _is_dead(link: Mapping[str, Any]) -> bool:
    if link.get("up") is not False and link.get("carrier") is None:
        raise FactUnavailable(f"interfaces.{link['name']}.carrier", "the kernel does not report it")
    return link.get("up") is False or link.get("carrier") is False


@check(
    "NET012",
    "NIC speeds differ under a label",
    area="cabling",
    severity=WARNING,
    scope=CLUSTER,
    fix="check what the switch port negotiates (ethtool <nic>), "
    "or accept the difference with speed_difference: false in preflight_policy",
    reproduce="grep -H . /sys/class/net/*/speed",
)
def nic_speed(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The cards under the bridge of a label have one speed (all legs of a bond together) and one driver on all hosts.

    Nothing in CloudStack knows of speeds: guests are placed on the slow host like on the others, and an evacuation
    takes as long as its slowest link. Another driver alone is only an info. Links that are down are the subject
    of NET011 and NET013.
    """
    members = [host.name for host in hosts if host.member]
    done = []
    for label in labels(cluster):
        live = _live_cards(hosts, cluster, label)
        if live in done:  # two labels on one trunk
            continue
        done.append(live)
        if policy.speed_difference:
            yield from _speeds(label, live, members)
        drivers = {name: _drivers(found) for name, found in live.items()}
        for problem in odd_ones(drivers, members=members, severity=INFO):
            yield _under(label, problem)


def _speeds(label: str, live: Mapping[str, Cards], members: Sequence[str]) -> Iterator[Problem]:
    """Where no driver reports a speed, as in virtual machines, there is nothing to compare."""
    known = {name: _speed(found) for name, found in live.items() if all(card.get("speed_mbps") for card in found)}
    if not known:
        return
    for problem in odd_ones(known, members=members):
        yield _under(label, problem)
    for name in sorted(set(live) - set(known)):
        expected = f"the speed of the NIC under {label} to be known"
        yield Problem((name,), expected, "unknown: the driver does not report it", kind=UNKNOWN)


def _live_cards(hosts: Sequence[Profile], cluster: Cluster, label: str) -> dict[str, Cards]:
    """The cards under a label by host; without hosts on which one of them has no carrier and therefore no speed."""
    live: dict[str, Cards] = {}
    for host in hosts:
        for name, bridge in label_bridges(host, cluster):
            found = cards(host, bridge)
            if name == label and found and all(card.get("carrier") for card in found):
                live[host.name] = found
    return live


def _speed(found: Cards) -> str:
    return " + ".join(str(speed) for speed in sorted(card["speed_mbps"] for card in found)) + " Mbit/s"


def _drivers(found: Cards) -> tuple[str, ...]:
    return tuple(sorted({str(card.get("driver")) for card in found}))


def _under(label: str, problem: Problem) -> Problem:
    return replace(problem, observed=f"under {label}: {problem.observed}")


@check(
    "NET013",
    "A bond is degraded or differs",
    area="cabling",
    severity=WARNING,
    scope=CLUSTER,
    fix="bring the leg back (cable, switch port, LACP on the switch), or set the same bonding mode on all hosts",
    reproduce="grep -H -e Mode -e Interface -e Status /proc/net/bonding/*",
)
def bonds(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every leg of a bond under a label is up, and the bonds under one label have the same mode on all hosts.

    A bond that lost a leg carries traffic until it loses the other one: this is the last moment at which it goes
    unnoticed. A mode that differs from the others' is a bond that the switch was not set up for.
    """
    members = [host.name for host in hosts if host.member]
    for label in labels(cluster):
        modes = {}
        for host in hosts:
            for name, link in _bonds(host, cluster, label):
                if link.get("bond") is None:
                    yield fact_unavailable(host, FactUnavailable(f"interfaces.{name}.bond", host.why("interfaces")))
                    continue
                modes[host.name] = str(link["bond"].get("mode"))
                yield from _lost_legs(host, name, link["bond"].get("members") or [])
        for problem in odd_ones(modes, members=members):
            yield _under(label, problem)


def _bonds(host: Profile, cluster: Cluster, label: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = links(host)
    names = stack(host, bridge_of(host, label))
    return ((name, found[name]) for name in names if found.get(name, {}).get("kind") == "bond")


def _lost_legs(host: Profile, bond: str, members: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    down = [str(leg.get("name")) for leg in members if not leg.get("up")]
    if down and len(down) < len(members):  # all down: NET011
        yield Problem((host.name,), f"{len(members)} live legs of {bond}", f"down: {show(down)}")


@check(
    "NET021",
    "A link runs half duplex",
    area="cabling",
    severity=WARNING,
    scope=HOST,
    fix="set autonegotiation on both ends, the NIC and the switch port",
    reproduce="grep -H . /sys/class/net/*/duplex",
)
def duplex(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No card under the bridge of a label runs half duplex.

    That happens when one end of the link has autonegotiation switched off. Little traffic works; a live migration
    collapses.
    """
    half: set[str] = set()
    for _label, bridge in label_bridges(host, cluster):
        half.update(card["name"] for card in cards(host, bridge) if card.get("duplex") == "half")
    if half:
        yield Problem((host.name,), "full duplex", f"half duplex: {show(sorted(half))}")
