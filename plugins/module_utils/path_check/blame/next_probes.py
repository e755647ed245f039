# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to ask in the next round: what tells the candidates of a tie apart, and what tells directions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, combinations, islice
from math import lcm

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Seen
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import FABRIC, HOST_KINDS, LOSS, MTU, ONE_WAY, PAIR, Culprit, Element, Probe

MORE, MORE_PER_HOST = 16, 32  # further pairs across each candidate of a tie, further questions to each host
SCANNED_MAX = 2000  # pairs looked at to find them


def more(seen: Seen, culprits: Sequence[Culprit]) -> list[Probe]:
    """What to ask in the next round, no host more than MORE_PER_HOST questions: what tells candidates apart, and what tells directions."""
    found: dict[Probe, None] = {}
    asked: Counter[str] = Counter()
    guilty = {culprit.candidates[0].host for culprit in culprits if culprit.decided} - {""}
    apart = (probe for culprit in culprits if not culprit.decided for probe in _apart(seen, culprit, guilty))
    for probe in chain(_each_other(seen, culprits), apart, (probe for culprit in culprits for probe in _directions(seen, culprit))):
        if probe not in found and asked[probe.host] < MORE_PER_HOST:
            found[probe] = None
            asked[probe.host] += 1
    return sorted(found)


def _each_other(seen: Seen, culprits: Sequence[Culprit]) -> Iterator[Probe]:
    """Guilty hosts of a network whose places nobody told ask each other: if they get along, it is the switch that they share."""
    known = {each.network for each in seen.topology.at.values() if each.place}
    groups: dict[tuple[str, tuple[str, ...]], list[Culprit]] = defaultdict(list)
    for culprit in culprits:
        network = culprit.evidence[0].network
        if culprit.candidates[0].kind in HOST_KINDS and culprit.candidates[0].host in seen.ran and not culprit.own and network not in known:
            groups[network, culprit.kinds].append(culprit)
    for (network, _kinds), group in sorted(groups.items()):
        hosts = sorted({culprit.candidates[0].host for culprit in group})
        for host, peer in combinations(hosts, 2) if len(hosts) <= MORE else zip(hosts, hosts[1:] + hosts[:1]):
            if (host, peer, network) not in seen.flows and (peer, host, network) not in seen.flows:
                yield Probe(host, network, peer, seen.topology.at[peer, network].address, group[0].evidence[0].size)


def _directions(seen: Seen, culprit: Culprit) -> Iterator[Probe]:
    """The same questions once more, from both ends: this time the hosts look for the direction."""
    if culprit.direction or culprit.own or not {MTU, LOSS, ONE_WAY} & set(culprit.kinds):
        return
    for probe in culprit.evidence:
        back = seen.topology.at[probe.host, probe.network].address
        yield from (each for each in (probe, Probe(probe.peer, probe.network, probe.host, back, probe.size)) if each.host in seen.ran)


def _apart(seen: Seen, culprit: Culprit, guilty: Collection[str]) -> Iterator[Probe]:
    """Pairs that cross one candidate of a tie and none of the others, by hosts that are not guilty of anything else; for loss any pairs,
    and the same once more, because it takes many packets to see little loss."""
    network, size = culprit.evidence[0].network, culprit.evidence[0].size
    suspects = [element for element in culprit.candidates if element.kind not in (PAIR, FABRIC)]
    for element in suspects:
        fresh = (pair for pair in _across(seen.topology, element, network) if not set(pair) & set(guilty))
        for host, peer in islice((pair for pair in fresh if LOSS in culprit.kinds or _tells(seen, suspects, element, pair, network)), MORE):
            asker, asked = (host, peer) if host in seen.ran else (peer, host)
            yield Probe(asker, network, asked, seen.topology.at[asked, network].address, size)


def _tells(seen: Seen, suspects: Sequence[Element], element: Element, pair: tuple[str, str], network: str) -> bool:
    """Whether this pair was not asked yet and crosses no other suspect."""
    flow = min(pair), max(pair), network
    if flow in seen.flows or not set(pair) & seen.ran:
        return False
    crossed = seen.topology.elements(flow)
    return not any(other in crossed for other in suspects if other != element)


def _across(topology: Topology, element: Element, network: str) -> Iterator[tuple[str, str]]:
    """Pairs of hosts across an element, spread over both its sides."""
    places: dict[str, list[str]] = defaultdict(list)
    for host in sorted(host for host, name in topology.at if name == network):
        places[topology.at[host, network].place].append(host)
    home = topology.at[element.host, network].place if element.host else element.place
    inside = [element.host] if element.host else places[home]
    outside = [host for place, hosts in places.items() for host in hosts if place != home and element.other in ("", place)]
    if element.host:
        yield from ((element.host, peer) for peer in places[home] if peer != element.host)
    for turn in range(min(len(inside) * len(outside), SCANNED_MAX)):
        yield inside[turn % len(inside)], outside[(turn + turn // lcm(len(inside), len(outside))) % len(outside)]
