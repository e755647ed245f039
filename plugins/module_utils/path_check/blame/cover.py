# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fewest elements of a fabric that explain which pairs of hosts fail.

This is Boolean network tomography: a pair that works clears what it crosses, the rest is a minimum set cover, solved greedily by the
price per explained pair (NetDiagnoser: Dhamdhere et al., CoNEXT 2007; NetBouncer: Tan et al., NSDI 2019). Nobody tells us which leg of a
bond or which of several parallel links a pair takes (as in 007: Arzani et al., NSDI 2018), so an element may also fail for a part
of its pairs, at the price of their surprise: the nats it takes to say which of its pairs failed. A set of culprits costs

    sum of (CULPRIT + ln(hosts) + surprise), plus LONER more for each pair that is left unexplained (price.py),

the negative logarithm of its likelihood. A pair that may fail by chance (luck.py) costs less. Another element that
explains as much for at most MARGIN more is a tie and is reported as such: at 10 the odds are about 1 : 20,000 against it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.ambiguity import contains, narrowest, rank
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cost import WHOLE, Flows, Prices
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import Chance, Loss
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import PAIR, Element

MARGIN = 10.0  # nats
SECOND_LOOK_MAX = 8  # culprits up to which each is put to the test of an explanation without it
SECOND_LOOK_MARGIN = 5.0  # allows for one more culprit among seven hosts or less
ROUNDS_MAX = 5  # of second thoughts
NO_CHANCE = Chance()


@dataclass(frozen=True)
class Share:
    """What a culprit explains: `candidates` (several: a tie), the flows that failed, and how many were asked across the first one."""

    candidates: tuple[Element, ...]
    bad: tuple[Flow, ...]
    asked: int


def explain(
    topology: Topology,
    bad: Sequence[Flow],
    good: Sequence[Flow],
    *,
    chance: Chance = NO_CHANCE,
    lost: Optional[Mapping[Flow, Loss]] = None,
    suspects: Collection[str] = (),
) -> list[Share]:
    """The culprits behind `bad`, largest first. `lost`: packets lost and sent, by flow, where the question is loss: then a flow may be
    good by luck. `suspects`: hosts that are likelier culprits than others, because they did not answer the controller either."""
    return _Cover(topology, Prices(topology, bad, good, chance, lost, suspects), chance.at_most).shares() if bad else []


class _Cover:
    """One minimum set cover."""

    def __init__(self, topology: Topology, prices: Prices, at_most: float) -> None:
        self.topology, self.prices, self.at_most = topology, prices, at_most
        self.bad, self.covers, self.goods = prices.bad, prices.covers, prices.goods

    def shares(self) -> list[Share]:
        chosen = self._solved(frozenset())
        found, left = [], set(range(len(self.bad)))
        for element in sorted(chosen, key=self._purity):
            mine = left & self.covers[element]
            left -= mine
            if mine:
                found.append(self._share(self._candidates(chosen, element), mine))
        found += [self._loner(place) for place in sorted(self._remarkable(left))]
        return sorted(found, key=lambda share: (-len(share.bad), share.candidates))

    def _share(self, candidates: tuple[Element, ...], mine: Iterable[int]) -> Share:
        flows = tuple(self.bad[place] for place in sorted(mine))
        return Share(candidates, flows, len(self.covers[candidates[0]]) + self.goods[candidates[0]])

    def _loner(self, place: int) -> Share:
        """A flow that fails while nothing it crosses fails elsewhere: all of that may be the cause."""
        on_it = [element for element in self.topology.elements(self.bad[place]) if element.kind not in WHOLE or not self.goods[element]]
        candidates = narrowest({element: (frozenset((place,)), self.goods[element]) for element in on_it})
        return Share((*sorted(candidates, key=rank), self._pair(place)), (self.bad[place],), 1)

    def _remarkable(self, places: Collection[int]) -> list[int]:
        """Without those that may fail by chance, if these are not too many."""
        sure = [place for place in places if self.prices.alone[place] == self.prices.loner]
        return sure if len(places) - len(sure) <= self.at_most else list(places)

    def _pair(self, place: int) -> Element:
        host, peer, network = self.bad[place]
        return Element(PAIR, host=host, other=peer, network=network)

    def _purity(self, element: Element) -> tuple[float, Element]:
        bad = len(self.covers[element])
        return -bad / (bad + self.goods[element]), element

    def _total(self, chosen: Iterable[Element]) -> float:
        """Each flow counts for the purest culprit that it crosses."""
        left, cost = set(range(len(self.bad))), 0.0
        for element in sorted(chosen, key=self._purity):
            mine = left & self.covers[element]
            left -= mine
            cost += self.prices.of(element, len(mine))
        return cost + self.prices.worth(left)

    def _solved(self, without: frozenset[Element]) -> list[Element]:
        return self._settled(self._merged(self._settled(self._greedy(without), without), without), without)

    def _greedy(self, without: frozenset[Element]) -> list[Element]:
        """The cheapest per explained flow first. Prices only rise as flows get explained, so an old price is a lower bound."""
        left = set(range(len(self.bad)))
        heap = [(self.prices.of(each, len(flows)) / self.prices.worth(flows), rank(each), each) for each, flows in self.covers.items() if each not in without]
        heapify(heap)
        chosen = []
        while heap and left:
            _price, width, element = heappop(heap)
            mine = left & self.covers[element]
            price = self.prices.of(element, len(mine)) / self.prices.worth(mine) if mine else 1.0
            if price >= 1:
                continue
            if heap and (price, width) > heap[0][:2]:
                heappush(heap, (price, width, element))
                continue
            chosen.append(element)
            left -= self.covers[element]
        return chosen

    def _merged(self, chosen: list[Element], without: frozenset[Element]) -> list[Element]:
        """One wide element instead of several: greed takes the worst uplinks first where the spine behind all of them is at fault."""
        cost = self._total(chosen)
        least = sum(sorted(len(self.covers[each]) for each in chosen)[:2]) / 2  # it has to stand for two of them, each at least by half
        wide = [each for each, flows in self.covers.items() if len(flows) >= least and each not in without] if len(chosen) > 1 else []
        for element in sorted(wide, key=lambda each: (-rank(each)[0], each)):
            hidden = {other for other in chosen if len(self.covers[element] & self.covers[other]) * 2 >= len(self.covers[other])}
            if element in hidden or len(hidden) <= 1:
                continue
            merged = self._trimmed([element, *chosen], hidden)
            price = self._total(merged) if len(merged) < len(chosen) else cost
            chosen, cost = (merged, price) if price < cost else (chosen, cost)
        return chosen

    def _trimmed(self, chosen: Sequence[Element], spare: Collection[Element]) -> list[Element]:
        """Without those of the `spare` elements that cost more than what they explain beside the others."""
        depth = self._depth(chosen)
        kept = []
        for element in chosen:
            rest = self._rest(depth, element)
            if element in spare and self.prices.of(element, len(rest)) >= self.prices.worth(rest):
                depth.subtract(self.covers[element])
            else:
                kept.append(element)
        return kept

    def _settled(self, chosen: list[Element], without: frozenset[Element]) -> list[Element]:
        """Drop what is not needed any more, and take a cheaper element instead where there is one: greed has no second look."""
        for _round in range(ROUNDS_MAX):
            before, chosen = chosen, []
            depth = self._depth(before)
            for element in before:
                rest = self._rest(depth, element)
                prices = {each: price for each, price in self._rivals(element, rest).items() if each not in without}
                best = min(prices, key=lambda each: (prices[each], rank(each), each), default=element)
                if rest and prices[best] < self.prices.worth(rest) and best not in chosen:
                    chosen.append(best)
                    depth.update(self.covers[best])
                depth.subtract(self.covers[element])
            if chosen == before:
                break
        return chosen

    def _depth(self, chosen: Iterable[Element]) -> Counter[int]:
        """How many culprits explain each flow."""
        return Counter(place for element in chosen for place in self.covers[element])

    def _rest(self, depth: Mapping[int, int], element: Element) -> Flows:
        """The flows that this culprit explains and no other one does."""
        return frozenset(place for place in self.covers[element] if depth[place] == 1)

    def _rivals(self, element: Element, rest: Flows) -> dict[Element, float]:
        """Elements that explain `rest` at about the same price, the flows that they do not explain each by itself, and their prices."""
        limit = self.prices.of(element, len(rest)) + MARGIN
        shared: Counter[Element] = Counter()
        worth: dict[Element, float] = defaultdict(float)
        for place in rest:
            for other in self.topology.elements(self.bad[place]):
                shared[other] += 1
                worth[other] += self.prices.alone[place]
        whole = self.prices.worth(rest)
        prices = {other: self.prices.of(other, count) + whole - worth[other] for other, count in shared.items() if other in self.covers}
        return {other: price for other, price in prices.items() if price <= limit}

    def _candidates(self, chosen: list[Element], element: Element) -> tuple[Element, ...]:
        """The element, its rivals, and what explains its flows in the best explanation that does without it, if that is not much worse."""
        rest = self._rest(self._depth(chosen), element)
        found = dict.fromkeys(self._ties(element, rest))
        if len(chosen) <= SECOND_LOOK_MAX:
            other = self._solved(frozenset(each for each in self.covers if self._are_nested(element, each)))
            if self._total(other) <= self._total(chosen) + SECOND_LOOK_MARGIN:
                depth = self._depth(other)
                for each in other:
                    found.update(dict.fromkeys(self._ties(each, self._rest(depth, each)) if self.covers[each] & rest else ()))
        if self.prices.worth(rest) <= self.prices.of(element, len(rest)) + MARGIN:
            found[self._pair(min(rest))] = None
        return tuple(found)

    def _are_nested(self, one: Element, other: Element) -> bool:
        same = (self.covers[one], self.goods[one]) == (self.covers[other], self.goods[other])
        return contains(one, other, same) or contains(other, one, same)

    def _ties(self, element: Element, rest: Flows) -> tuple[Element, ...]:
        prices = self._rivals(element, rest)
        close = {rival: (rest & self.covers[rival], self.goods[rival]) for rival in prices}
        return tuple(sorted(narrowest(close), key=lambda rival: (prices[rival], rank(rival), rival)))
