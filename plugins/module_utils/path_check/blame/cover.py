# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fewest elements of a fabric that explain which pairs of hosts fail.

This is Boolean network tomography: a pair that works clears what it crosses, the rest is a minimum set cover, solved
greedily by the cost per explained pair (NetDiagnoser: Dhamdhere et al., CoNEXT 2007; NetBouncer: Tan et al., NSDI
2019). It is unknown which leg of a bond or which of several parallel links a pair takes (as in 007: Arzani et al., NSDI
2018), so an element may also fail for some of its pairs only, at the cost of their surprise: the log-likelihood of just
these pairs failing. A set of elements costs

    sum of (FAULT + ln(hosts) + surprise), plus UNEXPLAINED_PAIR more for each pair that is left (cost.py),

the negative logarithm of its likelihood. A pair that may fail by chance (noise.py) costs less. Another element that
explains as much for at most MARGIN more is a tie and is reported as such: at 10 the odds are about 1 : 20,000 against
it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.ambiguity import (
    contains,
    most_specific,
    specificity,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cost import WHOLE, Costs, Flows
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import Loss, NoiseModel
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import PAIR, Element

MARGIN = 10.0  # in units of log-likelihood
SECOND_LOOK_MAX = 8  # elements up to which each is put to the test of an explanation without it
SECOND_LOOK_MARGIN = 5.0  # allows for one more element among seven hosts or less
ROUNDS_MAX = 5  # of second thoughts
NO_NOISE = NoiseModel()


@dataclass(frozen=True)
class Explanation:
    """What one fault explains: `suspects` (several: a tie), the flows that failed, and how many were tested across the
    first suspect."""

    suspects: tuple[Element, ...]
    failed: tuple[Flow, ...]
    tested: int

    @property
    def partial(self) -> bool:
        """Whether other flows across the same element pass."""
        return len(self.failed) < self.tested


def smallest_cover(
    topology: Topology,
    failed: Sequence[Flow],
    passed: Sequence[Flow],
    *,
    noise: NoiseModel = NO_NOISE,
    lost: Optional[Mapping[Flow, Loss]] = None,
    absent: Collection[str] = (),
) -> list[Explanation]:
    """What explains the `failed` flows, largest first. `lost`: packets lost and sent, by flow, where the question is
    loss: then a flow may pass by chance. `absent`: hosts that are likelier at fault than others, because they did not
    answer the controller either."""
    if not failed:
        return []
    return _Cover(topology, Costs(topology, failed, passed, noise, lost, absent), noise.at_most).explanations()


class _Cover:
    """One minimum set cover. Flows are named by their index in `failed`."""

    def __init__(self, topology: Topology, costs: Costs, at_most: float) -> None:
        self.topology, self.costs, self.at_most = topology, costs, at_most
        self.failed, self.covers, self.passed = costs.failed, costs.covers, costs.passed

    def explanations(self) -> list[Explanation]:
        chosen = self._solved(frozenset())
        found = []
        uncovered = set(range(len(self.failed)))
        for element in sorted(chosen, key=self._most_precise_first):
            covered = uncovered & self.covers[element]
            uncovered -= covered
            if covered:
                found.append(self._explanation(self._suspects(chosen, element), covered))
        found += [self._unexplained_pair(index) for index in sorted(self._remarkable(uncovered))]
        return sorted(found, key=lambda each: (-len(each.failed), each.suspects))

    def _explanation(self, suspects: tuple[Element, ...], covered: Iterable[int]) -> Explanation:
        flows = tuple(self.failed[index] for index in sorted(covered))
        tested = len(self.covers[suspects[0]]) + self.passed[suspects[0]]
        return Explanation(suspects, flows, tested)

    def _unexplained_pair(self, index: int) -> Explanation:
        """A flow that fails while nothing it crosses fails elsewhere: all of that may be the cause."""
        crossed = {}
        for element in self.topology.elements(self.failed[index]):
            if element.kind not in WHOLE or not self.passed[element]:
                crossed[element] = (frozenset((index,)), self.passed[element])
        suspects = sorted(most_specific(crossed), key=specificity)
        return Explanation((*suspects, self._pair(index)), (self.failed[index],), 1)

    def _remarkable(self, indexes: Collection[int]) -> list[int]:
        """Without those that may fail by chance, if these are not too many."""
        sure = [index for index in indexes if self.costs.alone[index] == self.costs.unexplained_pair]
        return sure if len(indexes) - len(sure) <= self.at_most else list(indexes)

    def _pair(self, index: int) -> Element:
        host, peer, network = self.failed[index]
        return Element(PAIR, host=host, other=peer, network=network)

    def _most_precise_first(self, element: Element) -> tuple[float, Element]:
        """Sorts by precision: which part of the flows across an element it explains as failures."""
        failed = len(self.covers[element])
        return -failed / (failed + self.passed[element]), element

    def _total(self, chosen: Iterable[Element]) -> float:
        """Each flow counts for the most precise element that it crosses."""
        uncovered, cost = set(range(len(self.failed))), 0.0
        for element in sorted(chosen, key=self._most_precise_first):
            covered = uncovered & self.covers[element]
            uncovered -= covered
            cost += self.costs.of(element, len(covered))
        return cost + self.costs.of_flows(uncovered)

    def _solved(self, without: frozenset[Element]) -> list[Element]:
        """The cheapest cover that does without these elements."""
        chosen = self._settled(self._greedy(without), without)
        return self._settled(self._merged(chosen, without), without)

    def _greedy(self, without: frozenset[Element]) -> list[Element]:
        """The cheapest per explained flow first. Costs only rise as flows get explained: old ones are lower bounds."""
        uncovered = set(range(len(self.failed)))
        heap: list[tuple[float, tuple[int, bool], Element]] = []
        for element, flows in self.covers.items():
            if element not in without:
                heappush(heap, (self._cost_per_flow(element, flows), specificity(element), element))
        chosen = []
        while heap and uncovered:
            _cost, width, element = heappop(heap)
            cost = self._cost_per_flow(element, uncovered & self.covers[element])
            if cost >= 1:  # the flows are cheaper by themselves
                continue
            if heap and (cost, width) > heap[0][:2]:
                heappush(heap, (cost, width, element))
                continue
            chosen.append(element)
            uncovered -= self.covers[element]
        return chosen

    def _cost_per_flow(self, element: Element, covered: Collection[int]) -> float:
        """As a part of what the flows cost by themselves."""
        return self.costs.of(element, len(covered)) / self.costs.of_flows(covered) if covered else 1.0

    def _merged(self, chosen: list[Element], without: frozenset[Element]) -> list[Element]:
        """One wide element for several: greed takes the worst uplinks first where the spine behind them is at fault."""
        cost = self._total(chosen)
        for element in self._wide(chosen, without):
            covers = self.covers[element]
            hidden = {each for each in chosen if len(covers & self.covers[each]) * 2 >= len(self.covers[each])}
            if element in hidden or len(hidden) <= 1:
                continue
            merged = self._trimmed([element, *chosen], hidden)
            if len(merged) < len(chosen):
                merged_cost = self._total(merged)
                if merged_cost < cost:
                    chosen, cost = merged, merged_cost
        return chosen

    def _wide(self, chosen: Sequence[Element], without: frozenset[Element]) -> list[Element]:
        """The elements that may stand for two of the chosen ones, each at least by half; the widest first."""
        if len(chosen) <= 1:
            return []
        least = sum(sorted(len(self.covers[each]) for each in chosen)[:2]) / 2
        wide = [each for each, flows in self.covers.items() if len(flows) >= least and each not in without]
        return sorted(wide, key=lambda each: (-specificity(each)[0], each))

    def _trimmed(self, chosen: Sequence[Element], spare: Collection[Element]) -> list[Element]:
        """Without those of the `spare` elements that cost more than what they explain beside the others."""
        depth = self._depth(chosen)
        kept = []
        for element in chosen:
            rest = self._rest(depth, element)
            if element in spare and self.costs.of(element, len(rest)) >= self.costs.of_flows(rest):
                depth.subtract(self.covers[element])
            else:
                kept.append(element)
        return kept

    def _settled(self, chosen: list[Element], without: frozenset[Element]) -> list[Element]:
        """Drop what is not needed any more, and prefer a cheaper element: greed has no second look."""
        for _round in range(ROUNDS_MAX):
            before, chosen = chosen, []
            depth = self._depth(before)
            for element in before:
                rest = self._rest(depth, element)
                costs = self._rivals(element, rest)
                allowed = [each for each in costs if each not in without]
                best = min(allowed, key=lambda each: (costs[each], specificity(each), each), default=element)
                if rest and costs[best] < self.costs.of_flows(rest) and best not in chosen:
                    chosen.append(best)
                    depth.update(self.covers[best])
                depth.subtract(self.covers[element])
            if chosen == before:
                break
        return chosen

    def _depth(self, chosen: Iterable[Element]) -> Counter[int]:
        """How many elements explain each flow."""
        return Counter(index for element in chosen for index in self.covers[element])

    def _rest(self, depth: Mapping[int, int], element: Element) -> Flows:
        """The flows that this element explains and no other one does."""
        return frozenset(index for index in self.covers[element] if depth[index] == 1)

    def _rivals(self, element: Element, rest: Flows) -> dict[Element, float]:
        """Elements that explain `rest` at about the same cost, and their costs: what they do not explain costs by
        itself."""
        limit = self.costs.of(element, len(rest)) + MARGIN
        shared: Counter[Element] = Counter()
        worth: dict[Element, float] = defaultdict(float)
        for index in rest:
            for other in self.topology.elements(self.failed[index]):
                shared[other] += 1
                worth[other] += self.costs.alone[index]
        whole = self.costs.of_flows(rest)
        found = {}
        for other, count in shared.items():
            if other in self.covers:
                cost = self.costs.of(other, count) + whole - worth[other]
                if cost <= limit:
                    found[other] = cost
        return found

    def _suspects(self, chosen: list[Element], element: Element) -> tuple[Element, ...]:
        """The element, its rivals, and what explains its flows in the best cover without it."""
        rest = self._rest(self._depth(chosen), element)
        found = dict.fromkeys(self._ties(element, rest))
        if len(chosen) <= SECOND_LOOK_MAX:
            found.update(dict.fromkeys(self._second_look(chosen, element, rest)))
        if self.costs.of_flows(rest) <= self.costs.of(element, len(rest)) + MARGIN:
            found[self._pair(min(rest))] = None
        return tuple(found)

    def _second_look(self, chosen: list[Element], element: Element, rest: Flows) -> list[Element]:
        """What explains `rest` in the best cover without the element, if that is not much worse."""
        other = self._solved(frozenset(each for each in self.covers if self._are_nested(element, each)))
        if self._total(other) > self._total(chosen) + SECOND_LOOK_MARGIN:
            return []
        depth = self._depth(other)
        found: list[Element] = []
        for each in other:
            if self.covers[each] & rest:
                found += self._ties(each, self._rest(depth, each))
        return found

    def _are_nested(self, one: Element, other: Element) -> bool:
        same = (self.covers[one], self.passed[one]) == (self.covers[other], self.passed[other])
        return contains(one, other, same) or contains(other, one, same)

    def _ties(self, element: Element, rest: Flows) -> list[Element]:
        costs = self._rivals(element, rest)
        close = {rival: (rest & self.covers[rival], self.passed[rival]) for rival in costs}
        return sorted(most_specific(close), key=lambda rival: (costs[rival], specificity(rival), rival))
