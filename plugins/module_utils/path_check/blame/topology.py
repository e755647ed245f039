# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which elements of a fabric the packets between two hosts cross, as far as inventory and LLDP tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    CORE,
    FABRIC,
    HOST,
    HOST_KINDS,
    LINK,
    NIC,
    PLACE,
    PORT,
    UPLINK,
    Attachment,
    Element,
)

Flow = tuple[str, str, str]  # two hosts, in order, and the network


class Topology:
    """Which elements a flow crosses."""

    def __init__(self, attachments: Iterable[Attachment]) -> None:
        self.at = {(each.host, each.network): each for each in attachments}
        self.networks = sorted({network for _host, network in self.at})
        self.of_host: dict[str, list[str]] = defaultdict(list)
        for host, network in sorted(self.at):
            self.of_host[host].append(network)
        self._ends: dict[tuple[str, str], list[Element]] = {}
        self._ways: dict[tuple[str, str, str], list[Element]] = {}

    def elements(self, flow: Flow) -> list[Element]:
        host, peer, network = flow
        way = self.way(flow)
        if way not in self._ways:
            self._ways[way] = list(self._between(*way))
        return self._end(host, network) + self._end(peer, network) + self._ways[way]

    def way(self, flow: Flow) -> tuple[str, str, str]:
        """The two places, in order, and the network."""
        one, other = sorted((self.at[flow[0], flow[2]].place, self.at[flow[1], flow[2]].place))
        return one, other, flow[2]

    def scope(self, element: Element) -> list[str]:
        """The networks that an element carries."""
        if element.network:
            return [element.network]
        names = self.of_host[element.host] if element.host else self.networks
        return [name for name in names if element.kind != NIC or self.at[element.host, name].nic == element.nic]

    def _end(self, host: str, network: str) -> list[Element]:
        if (host, network) not in self._ends:
            found = [Element(PORT, host=host, network=network)]
            nic = self.at[host, network].nic
            if nic and 1 < sum(self.at[host, name].nic == nic for name in self.of_host[host]) < len(self.of_host[host]):
                found.append(Element(NIC, host=host, nic=nic))
            if len(self.of_host[host]) > 1:
                found.append(Element(HOST, host=host))
            self._ends[host, network] = found
        return self._ends[host, network]

    def _between(self, one: str, other: str, network: str) -> Iterator[Element]:
        for name in (network, "") if len(self.networks) > 1 else (network,):
            for place in {one, other} - {""}:
                yield Element(PLACE, place=place, network=name)
                if one != other:
                    yield Element(UPLINK, place=place, network=name)
            if one != other and one and other:
                yield Element(LINK, place=one, other=other, network=name)
                yield Element(CORE, network=name)
            yield Element(FABRIC, network=name)


class Tally:
    """How many flows cross an element, or how much they weigh together."""

    def __init__(self, topology: Topology, flows: Mapping[Flow, int]) -> None:
        self._topology = topology
        self._ends: Counter[tuple[str, str]] = Counter()
        self._ways: Counter[tuple[str, str, str]] = Counter()
        for flow, weight in flows.items():
            self._ends[flow[0], flow[2]] += weight
            self._ends[flow[1], flow[2]] += weight
            self._ways[topology.way(flow)] += weight
        self._parts: Counter[tuple[str, str, str]] = Counter()
        for (one, other, network), count in self._ways.items():
            self._parts[FABRIC, "", network] += count
            for place in sorted({one, other}):
                self._parts[PLACE, place, network] += count
            if one != other:
                self._parts[UPLINK, one, network] += count
                self._parts[UPLINK, other, network] += count
                self._parts[CORE, "", network] += count if one else 0

    def __getitem__(self, element: Element) -> int:
        networks = self._topology.scope(element)
        if element.kind in HOST_KINDS:
            return sum(self._ends[element.host, network] for network in networks)
        if element.kind == LINK:
            return sum(self._ways[element.place, element.other, network] for network in networks)
        return sum(self._parts[element.kind, element.place, network] for network in networks)


def with_islands(topology: Topology, good: Iterable[Flow]) -> Topology:
    """Where nobody told the places of a network, hosts that reach each other but not the rest show them: each such island gets a name.

    An island has two hosts at least; one host alone is told from the switch in front of it by nobody.
    """
    known = {each.network for each in topology.at.values() if each.place}
    island = {(host, network): {host} for host, network in topology.at if network not in known}
    for host, peer, network in good:
        one, other = island.get((host, network)), island.get((peer, network))
        if one is not None and other is not None and one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            island.update(dict.fromkeys(((each, network) for each in small), large))
    split = Counter(network for network, _name in {(network, min(hosts)) for (_host, network), hosts in island.items() if len(hosts) > 1})
    if not any(count > 1 for count in split.values()):
        return topology
    names = {end: f"the side of {min(hosts)}" for end, hosts in island.items() if len(hosts) > 1 and split[end[1]] > 1}
    return Topology(replace(each, place=names.get(end, each.place)) for end, each in topology.at.items())
