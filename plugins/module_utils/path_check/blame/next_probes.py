# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The probes of the next round: those that tell the suspects of a tie apart, and those that tell directions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, islice, permutations
from math import lcm

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Observations
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    FABRIC,
    HOST_KINDS,
    LOSS,
    MTU,
    ONE_WAY,
    PAIR,
    PLACE,
    Element,
    Fault,
    Probe,
)

MORE, MORE_PER_HOST = 16, 32  # further pairs across each suspect of a tie, further probes of each host
SCANNED_MAX = 2000  # pairs looked at to find them


def next_probes(observations: Observations, faults: Sequence[Fault]) -> list[Probe]:
    """Sorted; of each host at most MORE_PER_HOST."""
    found: dict[Probe, None] = {}
    asked: Counter[str] = Counter()
    for probe in _wanted(observations, faults):
        if probe not in found and asked[probe.host] < MORE_PER_HOST:
            found[probe] = None
            asked[probe.host] += 1
    return sorted(found)


def _wanted(observations: Observations, faults: Sequence[Fault]) -> Iterator[Probe]:
    """The most useful first."""
    at_fault = {fault.suspects[0].host for fault in faults if fault.decided} - {""}
    yield from _each_other(observations, faults)
    for fault in faults:
        if not fault.decided:
            yield from _apart(observations, fault, at_fault)
    for fault in faults:
        yield from _directions(observations, fault)


def _each_other(observations: Observations, faults: Sequence[Fault]) -> Iterator[Probe]:
    """Hosts at fault on a network whose places are unknown ask each other: if that works, their switch is bad."""
    at, flows = observations.topology.at, observations.flows
    known = {each.network for each in at.values() if each.place}
    groups: dict[tuple[str, tuple[str, ...]], list[Fault]] = defaultdict(list)
    for fault in faults:
        network = fault.evidence[0].network
        if network not in known and not fault.self_reported and _is_at_host_that_ran(observations, fault):
            groups[network, fault.kinds].append(fault)
    for (network, _kinds), group in sorted(groups.items()):
        for host, peer in _pairs_of({fault.suspects[0].host for fault in group}):
            if (host, peer, network) not in flows and (peer, host, network) not in flows:
                yield Probe(host, network, peer, at[peer, network].address, group[0].evidence[0].size)


def _is_at_host_that_ran(observations: Observations, fault: Fault) -> bool:
    return fault.suspects[0].kind in HOST_KINDS and fault.suspects[0].host in observations.ran


def _pairs_of(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each with each; of many, each with the next one."""
    hosts = sorted(names)
    if len(hosts) <= MORE:
        return iter(combinations(hosts, 2))
    return zip(hosts, hosts[1:] + hosts[:1])


def _directions(observations: Observations, fault: Fault) -> Iterator[Probe]:
    """The same probes once more, from both ends: this time the hosts look for the direction."""
    if fault.direction or fault.self_reported or not {MTU, LOSS, ONE_WAY} & set(fault.kinds):
        return
    for probe in fault.evidence:
        address = observations.topology.at[probe.host, probe.network].address
        back = Probe(probe.peer, probe.network, probe.host, address, probe.size)
        yield from (each for each in (probe, back) if each.host in observations.ran)


def _apart(observations: Observations, fault: Fault, at_fault: Collection[str]) -> Iterator[Probe]:
    """Pairs that cross one suspect of a tie and none of the others, of hosts that are not at fault elsewhere.

    For loss any pairs, and the same once more, because it takes many packets to see little loss.
    """
    network, size = fault.evidence[0].network, fault.evidence[0].size
    topology, ran = observations.topology, observations.ran
    suspects = [element for element in fault.suspects if element.kind not in (PAIR, FABRIC)]
    for element in suspects:
        others = [other for other in suspects if other != element]
        pairs = (pair for pair in _across(topology, element, network) if not set(pair) & set(at_fault))
        if LOSS not in fault.kinds:
            pairs = (pair for pair in pairs if _tells(observations, others, pair, network))
        for host, peer in islice(pairs, MORE):
            asking, asked = (host, peer) if host in ran else (peer, host)
            yield Probe(asking, network, asked, topology.at[asked, network].address, size)
    if LOSS in fault.kinds and any(element.kind in (PLACE, FABRIC) for element in fault.suspects):
        yield from _past_the_hosts(observations, fault)


def _past_the_hosts(observations: Observations, fault: Fault) -> Iterator[Probe]:
    """The pairs without a suspected host, asked once more by both ends: the more packets pass there, the less it can be
    the switch or the network between them."""
    network, size = fault.evidence[0].network, fault.evidence[0].size
    at = observations.topology.at
    suspected = {element.host for element in fault.suspects}
    others = {host for host, name in at if name == network and host in observations.ran} - suspected
    for pair in islice(_pairs_of(others), MORE):
        for host, peer in permutations(pair):
            yield Probe(host, network, peer, at[peer, network].address, size)


def _tells(observations: Observations, others: Sequence[Element], pair: tuple[str, str], network: str) -> bool:
    """Whether this pair was not asked yet and crosses no other suspect."""
    flow = min(pair), max(pair), network
    if flow in observations.flows or not set(pair) & observations.ran:
        return False
    crossed = observations.topology.elements(flow)
    return not any(other in crossed for other in others)


def _across(topology: Topology, element: Element, network: str) -> Iterator[tuple[str, str]]:
    """Pairs of hosts across an element, spread over both its sides."""
    places: dict[str, list[str]] = defaultdict(list)
    for host in sorted(host for host, name in topology.at if name == network):
        places[topology.at[host, network].place].append(host)
    home = topology.at[element.host, network].place if element.host else element.place
    inside = [element.host] if element.host else places[home]
    outside: list[str] = []
    for place, hosts in places.items():
        if place != home and element.other in ("", place):
            outside += hosts
    if element.host:
        yield from ((element.host, peer) for peer in places[home] if peer != element.host)
    for turn in range(min(len(inside) * len(outside), SCANNED_MAX)):
        # After each common multiple both sides would be in step again: one of them takes an extra step.
        shift = turn // lcm(len(inside), len(outside))
        yield inside[turn % len(inside)], outside[(turn + shift) % len(outside)]
