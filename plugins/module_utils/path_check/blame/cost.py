# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to blame an element: the negative logarithm of the likelihood that it is at fault and fails these
pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import log
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import NOISE, Loss, NoiseModel
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Tally, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import FABRIC, PLACE, Element

FAULT = 3.0  # of any element
ABSENT_HOST = 1.0  # of a host that did not answer the controller either: so much likelier
UNEXPLAINED_PAIR = 8.0  # more than FAULT, for a pair that no element explains
# For failing in part: as a bond or a bundle of links may, and as a switch should not. One of three hosts is not a tie.
PARTIAL, WHOLE_PARTIAL = 2.0, 9.0
FAILURES_MIN = 2  # pairs that must fail before anything but the pair itself is suspected
WHOLE = (PLACE, FABRIC)

Flows = frozenset[int]  # by their index in the list of those that failed


class Costs:
    """Of the elements that `covers` names, with the failed flows across each; `passed` counts the others.

    `alone`: the cost of each failed flow if nothing but itself explains it.
    """

    def __init__(
        self,
        topology: Topology,
        failed: Sequence[Flow],
        passed: Sequence[Flow],
        noise: NoiseModel,
        lost: Optional[Mapping[Flow, Loss]],
        absent: Collection[str],
    ) -> None:
        self.failed, self.lost, self.absent = sorted(failed), lost, absent
        self.fault = FAULT + log(len(topology.of_host))
        self.unexplained_pair = self.fault + UNEXPLAINED_PAIR
        self.alone = [min(self.unexplained_pair, noise.costs.get(flow, self.unexplained_pair)) for flow in self.failed]
        crossed = self._crossed(topology)
        tally = Tally(topology, dict.fromkeys(passed, 1))
        self.passed = {element: tally[element] for element in crossed}
        self.packets = Tally(topology, {flow: lost[flow][1] for flow in passed} if lost else {})
        self.covers: dict[Element, Flows] = {}
        for element, flows in crossed.items():
            if len(flows) >= FAILURES_MIN or element.host in absent:
                self.covers[element] = frozenset(flows)
        if lost:
            for element in [each for each in self.covers if self._is_faint(each)]:
                del self.covers[element]

    def _crossed(self, topology: Topology) -> dict[Element, list[int]]:
        """Element -> the failed flows across it."""
        crossed: dict[Element, list[int]] = defaultdict(list)
        for index, flow in enumerate(self.failed):
            for element in topology.elements(flow):
                crossed[element].append(index)
        return crossed

    def of(self, element: Element, count: int) -> float:
        """Of an element that explains `count` flows: nothing but itself if all flows across it fail."""
        passed = self.passed[element]
        cost = ABSENT_HOST if element.host in self.absent else self.fault
        if not passed or not count:
            return cost
        # The entropy of which flows failed: what it takes to say that just these did.
        surprise = count * log((count + passed) / count) + passed * log((count + passed) / passed)
        if element.kind not in WHOLE:
            return cost + PARTIAL + surprise
        if not self.lost:
            return cost + (WHOLE_PARTIAL + surprise)
        return cost + min(WHOLE_PARTIAL + surprise, self._all_passed_by_chance(element))

    def _all_passed_by_chance(self, element: Element) -> float:
        """That all packets of the other flows pass where nothing is parallel, so that all of them run the same risk."""
        gone, sent = self._losses(element)
        if gone >= sent:
            return self.unexplained_pair * self.passed[element]
        return self.packets[element] * log(sent / (sent - gone))

    def of_flows(self, indexes: Iterable[int]) -> float:
        """What it costs to explain each of these flows by itself."""
        return sum(self.alone[index] for index in indexes)

    def _is_faint(self, element: Element) -> bool:
        """Whether it loses no more than what is lost everywhere."""
        gone, sent = self._losses(element)
        return gone <= 2 * NOISE * (sent + self.packets[element])

    def _losses(self, element: Element) -> Loss:
        """Of its failed flows."""
        gone = total = 0
        if self.lost:
            for index in self.covers[element]:
                lost, sent = self.lost[self.failed[index]]
                gone, total = gone + lost, total + sent
        return gone, total
