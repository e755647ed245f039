# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to blame an element, in nats: the negative logarithm of how likely it is to be at fault and to fail just these pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import log
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import NOISE, Chance, Loss
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Tally, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import FABRIC, PLACE, Element

CULPRIT, SUSPECT, LONER = 3.0, 1.0, 8.0
PARTLY, WHOLE_PARTLY = 2.0, 9.0  # for failing in part: as a bond or a bundle of links may, and as a switch should not: one of three hosts is no tie
WITNESSES_MIN = 2  # pairs that must fail before anything but the pair itself is suspected
WHOLE = (PLACE, FABRIC)

Flows = frozenset[int]  # by their place in the list of those that failed


class Prices:
    """Of the elements that `covers` names, with the bad flows across each; `goods` counts the good ones. `alone`: of each bad flow by itself."""

    def __init__(
        self,
        topology: Topology,
        bad: Sequence[Flow],
        good: Sequence[Flow],
        chance: Chance,
        lost: Optional[Mapping[Flow, Loss]],
        suspects: Collection[str],
    ) -> None:
        self.bad, self.lost, self.suspects = sorted(bad), lost, suspects
        covers: dict[Element, list[int]] = defaultdict(list)
        for place, flow in enumerate(self.bad):
            for element in topology.elements(flow):
                covers[element].append(place)
        tally = Tally(topology, dict.fromkeys(good, 1))
        self.goods = {element: tally[element] for element in covers}
        self.clean = Tally(topology, {flow: lost[flow][1] for flow in good} if lost else {})
        self.covers: dict[Element, Flows] = {
            element: frozenset(covered) for element, covered in covers.items() if len(covered) >= WITNESSES_MIN or element.host in suspects
        }
        self.culprit = CULPRIT + log(len(topology.of_host))
        self.loner = self.culprit + LONER
        self.alone = [min(self.loner, chance.prices.get(flow, self.loner)) for flow in self.bad]  # the price of each flow by itself
        for element in [each for each in self.covers if lost and self._is_faint(each)]:
            del self.covers[element]

    def of(self, element: Element, count: int) -> float:
        """Of an element that explains `count` flows: nothing but itself if all flows across it fail."""
        good, base = self.goods[element], SUSPECT if element.host in self.suspects else self.culprit
        if not good or not count:
            return base
        surprise = count * log((count + good) / count) + good * log((count + good) / good)
        if element.kind not in WHOLE:
            return base + PARTLY + surprise
        return base + (min(WHOLE_PARTLY + surprise, self._luck(element)) if self.lost else WHOLE_PARTLY + surprise)

    def _luck(self, element: Element) -> float:
        """It takes for all packets of the good flows to pass where nothing is parallel, so that all of them run the same risk."""
        gone, sent = self._losses(element)
        return self.clean[element] * log(sent / (sent - gone)) if gone < sent else self.loner * self.goods[element]

    def worth(self, places: Iterable[int]) -> float:
        """What it costs to explain each of these flows by itself."""
        return sum(self.alone[place] for place in places)

    def _is_faint(self, element: Element) -> bool:
        """Whether it loses no more than what is lost everywhere."""
        gone, sent = self._losses(element)
        return gone <= 2 * NOISE * (sent + self.clean[element])

    def _losses(self, element: Element) -> Loss:
        """Of its bad flows."""
        pairs = [self.lost[self.bad[place]] for place in self.covers[element]] if self.lost else []
        return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
