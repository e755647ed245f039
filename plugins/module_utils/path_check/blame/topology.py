# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which elements of a fabric the packets between two hosts cross, as far as inventory and LLDP show."""

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
        if element.kind == NIC:
            return self._on_nic(element.host, element.nic)
        return self.of_host[element.host] if element.host else self.networks

    def _on_nic(self, host: str, nic: str) -> list[str]:
        return [network for network in self.of_host[host] if self.at[host, network].nic == nic]

    def _end(self, host: str, network: str) -> list[Element]:
        """The parts of a host that a flow crosses: a NIC where it carries some of the networks, neither one nor all."""
        if (host, network) not in self._ends:
            found = [Element(PORT, host=host, network=network)]
            nic = self.at[host, network].nic
            if nic and 1 < len(self._on_nic(host, nic)) < len(self.of_host[host]):
                found.append(Element(NIC, host=host, nic=nic))
            if len(self.of_host[host]) > 1:
                found.append(Element(HOST, host=host))
            self._ends[host, network] = found
        return self._ends[host, network]

    def _between(self, one: str, other: str, network: str) -> Iterator[Element]:
        """What lies between two places, on this network and (network "") on all of them."""
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
                if one:
                    self._parts[CORE, "", network] += count

    def __getitem__(self, element: Element) -> int:
        networks = self._topology.scope(element)
        if element.kind in HOST_KINDS:
            return sum(self._ends[element.host, network] for network in networks)
        if element.kind == LINK:
            return sum(self._ways[element.place, element.other, network] for network in networks)
        return sum(self._parts[element.kind, element.place, network] for network in networks)


def with_islands(topology: Topology, passed: Iterable[Flow]) -> Topology:
    """Where the places of a network are unknown, hosts that reach each other but not the rest show them: each such
    island gets a name.

    An island has two hosts at least; one host alone cannot be told from the switch in front of it.
    """
    known = {each.network for each in topology.at.values() if each.place}
    # Host and network -> the hosts of its island. Islands that reach each other become one set (union-find by size).
    island = {(host, network): {host} for host, network in topology.at if network not in known}
    for host, peer, network in passed:
        one, other = island.get((host, network)), island.get((peer, network))
        if one is not None and other is not None and one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            for name in small:
                island[name, network] = large
    names = {end: f"the side of {min(hosts)}" for end, hosts in island.items() if len(hosts) > 1}
    sides: dict[str, set[str]] = defaultdict(set)
    for (_host, network), name in names.items():
        sides[network].add(name)
    if not any(len(found) > 1 for found in sides.values()):
        return topology
    attachments = []
    for (host, network), each in topology.at.items():
        split = len(sides[network]) > 1 and (host, network) in names
        attachments.append(replace(each, place=names[host, network]) if split else each)
    return Topology(attachments)
