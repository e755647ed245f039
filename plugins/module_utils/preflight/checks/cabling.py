# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the links below the bridges of the traffic labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import below, cards, label_bridges, labels, links, stack
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, INFO, UNKNOWN, WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, FactUnavailable, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, HOST, check, fact_unavailable, odd_ones, show


@check(
    "NET011",
    "A link under a label is down",
    area="cabling",
    severity=ERROR,
    scope=HOST,
    prevents=("F14",),
    fix="check cable, transceiver and switch port; bring the interface up (playbooks/prepare_hosts.yml starts what network_bridge_bridges declares)",
    reproduce="ip -br link",
)
def links_up(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every bridge of a label is up, and the ports under it are up and have a carrier.

    The server looks for the name of the port only: a host with a dead link joins, and its guests have no network. Legs of a bond are
    the subject of NET013.
    """
    host.require("interfaces")
    found = links(host)
    down: dict[str, set[str]] = {}
    for label, bridge in label_bridges(host, cluster):
        if found.get(label, {}).get("up") is False:
            down.setdefault(f"{label} is switched off", set()).add(label)
        for name in _dead_links(host, bridge):
            words = "is switched off" if found[name].get("up") is False else "has no carrier"
            down.setdefault(f"{name} {words}", set()).add(label)
    for observed, over in sorted(down.items()):
        yield Problem((host.name,), f"a live link under {show(sorted(over))}", f"{observed}: no traffic on {show(sorted(over))}")


def _dead_links(host: Profile, bridge: Mapping[str, Any]) -> list[str]:
    """The lowest dead devices: what stands on a dead one is dead with it. A bond lives as long as one of its legs does."""
    found = links(host)
    legs = {leg for name in stack(host, bridge) if found.get(name, {}).get("kind") in ("bond", "team") for leg in below(host, name)}
    dead = [name for name in stack(host, bridge) if name not in legs and name in found and _is_dead(found[name])]
    return [name for name in dead if not set(below(host, name)) & set(dead)]


def _is_dead(link: Mapping[str, Any]) -> bool:
    if link.get("up") is not False and link.get("carrier") is None:
        raise FactUnavailable(f"interfaces.{link['name']}.carrier", "the kernel did not tell")
    return link.get("up") is False or link.get("carrier") is False


@check(
    "NET012",
    "NIC speeds differ under a label",
    area="cabling",
    severity=WARNING,
    scope=CLUSTER,
    fix="check what the switch port negotiates (ethtool <nic>), or accept the difference with speed_difference: false in preflight_policy",
    reproduce="grep -H . /sys/class/net/*/speed",
)
def nic_speed(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The cards under the bridge of a label have one speed (all legs of a bond together) and one driver on all hosts.

    Nothing in CloudStack knows of speeds: guests are placed on the slow host like on the others, and an evacuation takes as long as
    its slowest link. Another driver alone is told as information. Links that are down are the subject of NET011 and NET013.
    """
    members = [host.name for host in hosts if host.member]
    done = []
    for label in labels(cluster):
        live = _live_cards(hosts, cluster, label)
        if live in done:  # two labels on one trunk
            continue
        done.append(live)
        speeds = {name: _speed(found) for name, found in live.items() if all(card.get("speed_mbps") for card in found)}
        if policy.speed_difference and speeds:
            yield from (_under(label, problem) for problem in odd_ones(speeds, members=members))
            for name in sorted(set(live) - set(speeds)):
                yield Problem((name,), f"the speed of the NIC under {label} to be known", "unknown: the driver does not tell", kind=UNKNOWN)
        drivers = {name: tuple(sorted({str(card.get("driver")) for card in found})) for name, found in live.items()}
        yield from (_under(label, problem) for problem in odd_ones(drivers, members=members, severity=INFO))


def _live_cards(hosts: Sequence[Profile], cluster: Cluster, label: str) -> dict[str, list[Mapping[str, Any]]]:
    """The cards under a label by host; without hosts on which one of them has no carrier and therefore no speed."""
    under = {host.name: cards(host, bridge) for host in hosts for name, bridge in label_bridges(host, cluster) if name == label}
    return {name: found for name, found in under.items() if found and all(card.get("carrier") for card in found)}


def _speed(found: Sequence[Mapping[str, Any]]) -> str:
    return " + ".join(str(speed) for speed in sorted(card["speed_mbps"] for card in found)) + " Mbit/s"


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

    A bond that lost a leg carries traffic until it loses the other one: this is the last moment at which nobody notices. A mode that
    differs from the others' is a bond that the switch was not set up for.
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
        yield from (_under(label, problem) for problem in odd_ones(modes, members=members))


def _bonds(host: Profile, cluster: Cluster, label: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = links(host)
    bridge = (host.get("bridges") or {}).get(label, {})
    return ((name, found[name]) for name in stack(host, bridge) if found.get(name, {}).get("kind") == "bond")


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

    That happens when one end of the link has autonegotiation switched off. Little traffic works; a live migration collapses.
    """
    half = sorted({card["name"] for _label, bridge in label_bridges(host, cluster) for card in cards(host, bridge) if card.get("duplex") == "half"})
    if half:
        yield Problem((host.name,), "full duplex", f"half duplex: {show(half)}")
