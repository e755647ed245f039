# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts probe which in the path check: every pair up to a bound, above it a set whose coverage is known.

Up to `all_pairs` hosts on a network every host probes every other one, both ways. Above it each pair is probed by one
end only (an echo crosses the path in both directions anyway), in two parts, as Pingmesh (Guo et al., SIGCOMM 2015) does
with its graphs within and between racks: a ring with chords within each place (rack or leaf switch), and pairs between
the places, dealt out in rounds, so that each round gives every two places one more pair of hosts and no host a second
task before its neighbours had one.

Guaranteed, per network (n hosts, k `peers`), tested in test_pairs.py:
- every host is in at least min(k, its place's other hosts) pairs within its place, and in k pairs in all where the
  network has k others to give (fewer only for hosts of large places that are alone or nearly so between very small
  ones);
- every two places share min(k, all) pairs of different hosts, as long as no place spends more than SHARE * k pairs per
  host on it, which is so up to SHARE * (hosts per place) + 1 places; with more places each one meets as many of the
  others as that allows;
- no host is in more than (SHARE + 1) * k + 1 pairs, so there are O(n * k) in all.
It follows that one fault that stops or shrinks all packets of a host, of its NIC or bridge, of a place's uplinks or of
the path between two places that share pairs is always seen, and so are any two of them, unless one hides behind the
other (everything that a dead host would show is hidden by the dead switch in front of it).

May be missed: what harms only a part of the flows. A bad leg of a bond with l legs, or one of l parallel links between
switches, stays unseen with probability (1 - 1/l) ** (flows across it): for a leg the host's pairs, for an uplink the
place's; the leg that an active-backup bond does not use is never seen. Loss is seen by chance too: 1 - (1 - rate) **
(packets across). A filter between two given hosts is seen only if this pair is probed.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment, Probe

ALL_PAIRS = 64  # hosts on a network up to which every host probes every other one
PEERS = 8  # k
SHARE = 4  # pairs between places, per host, in units of k

GOLDEN = 0.6180339887498949  # the golden ratio's multiples modulo 1 are spread evenly

Pair = tuple[str, str]
Meeting = tuple[int, int]


def plan_probes(
    attachments: Iterable[Attachment], sizes: Mapping[str, int], *, peers: int = PEERS, all_pairs: int = ALL_PAIRS
) -> list[Probe]:
    """The probes of the first round, sorted. `sizes`: bytes that must pass, by network; others are not probed."""
    networks: dict[str, dict[str, Attachment]] = defaultdict(dict)
    for each in attachments:
        if each.network in sizes:
            networks[each.network][each.host] = each
    plans: dict[tuple[tuple[str, str], ...], list[Pair]] = {}  # networks of the same hosts have the same plan
    probes = []
    for network, members in networks.items():
        places = tuple((host, members[host].place) for host in sorted(members))
        if places not in plans:
            plans[places] = pairs(dict(places), peers, all_pairs)
        for host, peer in plans[places]:
            probes.append(Probe(host, network, peer, members[peer].address, sizes[network]))
    return sorted(probes, key=lambda probe: (probe.host, probe.network, probe.peer))


def pairs(places: Mapping[str, str], peers: int = PEERS, all_pairs: int = ALL_PAIRS) -> list[Pair]:
    """(who probes, who is probed) on one network, `places` by host."""
    hosts = sorted(places)
    if len(hosts) <= all_pairs:
        return [(host, peer) for host in hosts for peer in hosts if host != peer]
    by_place: dict[str, list[str]] = defaultdict(list)
    for host in hosts:
        by_place[places[host]].append(host)
    groups = [group for _place, group in sorted(by_place.items())]
    found: list[Pair] = []
    for group in groups:
        found += _within(group, peers)
    return found + _between(groups, peers)


def _within(hosts: Sequence[str], peers: int) -> list[Pair]:
    """Every host with `peers` others: a ring with chords. Their lengths grow geometrically, so that neighbours by name,
    which often share a switch that is not declared, do not only probe each other."""
    count, half = len(hosts), (peers + 1) // 2
    if count <= 2 * half + 1:  # so few that it is all pairs, half of them asked by the second host
        return [pair if index % 2 else pair[::-1] for index, pair in enumerate(combinations(hosts, 2))]
    chords: list[int] = []
    for step in range(half):
        longest = (count - 1) // 2 - (half - 1 - step)  # leaves room for the chords to come
        wanted = max([int((count / 2) ** (step / half)), *(chord + 1 for chord in chords)])
        chords.append(min(longest, wanted))
    return [(hosts[index], hosts[(index + chord) % count]) for chord in chords for index in range(count)]


def _between(groups: Sequence[Sequence[str]], peers: int) -> list[Pair]:
    """Pairs of hosts of different places, one per two places in each round: `peers` rounds as far as the places' shares
    go, and more until each host of both has `peers` of them."""
    found: dict[Pair, None] = {}  # ordered
    used: Counter[int] = Counter()  # pairs by place
    asked: Counter[str] = Counter()
    queues = [deque(hosts) for hosts in groups]
    served: dict[Meeting, set[str]] = defaultdict(set)
    meetings, turn = _meetings(len(groups), SHARE * peers * max(map(len, groups))), 0
    while meetings:
        share = SHARE * peers if turn < peers else peers
        left = []
        for one, other in meetings:
            room = all(used[place] < share * len(groups[place]) for place in (one, other))
            if room and turn < len(groups[one]) * len(groups[other]):
                host, peer = _meeting(queues[one], queues[other], served[one, other], found)
                if asked[peer] < asked[host]:
                    host, peer = peer, host
                asked[host] += 1
                found[host, peer] = None
                used.update((one, other))
                left.append((one, other))
        meetings, turn = left, turn + 1
    return list(found)


def _meetings(places: int, enough: int) -> list[Meeting]:
    """Every two places, by their distance round a circle, near and far in turns: where there are too many places for
    all to meet (`enough` distances), the first ones give each place the same number of others."""
    found: dict[Meeting, None] = {}  # ordered
    for distance in sorted(range(1, places // 2 + 1), key=lambda distance: distance * GOLDEN % 1)[:enough]:
        for place in range(places):
            other = (place + distance) % places
            found[min(place, other), max(place, other)] = None
    return list(found)


def _meeting(hosts: deque[str], peers: deque[str], served: set[str], found: Mapping[Pair, None]) -> Pair:
    """A pair that has not met, of those that waited longest; no host meets the same place twice before all of its own
    place did once."""
    while True:
        for side in (hosts, peers):
            if served.issuperset(side):
                served.difference_update(side)
        for host, peer in product(hosts, peers):
            if not {host, peer} & served and (host, peer) not in found and (peer, host) not in found:
                for side, name in ((hosts, host), (peers, peer)):
                    side.remove(name)
                    side.append(name)
                served.update((host, peer))
                return host, peer
        served.clear()
