# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which direction a culprit fails: what enters it, what leaves it, or both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import Share
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Seen
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.predicates import BAD, GOOD
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import BOTH, IN, LOSS, MTU, ONE_WAY, OUT, Element, Outcome, Probe

ONE_SIDED = 0.1  # of the losses may look as if they went the other way, before both ways are at fault
SURE = 5  # datagrams that should have failed and did not, before a direction is cleared where only a part of the ways is bad
Weights = tuple[float, float]  # good, bad


def direction_of(seen: Seen, share: Share, outcomes: Sequence[Outcome], kind: str) -> str:
    """OUT or IN where one is proven bad and the other one good, BOTH where both are bad, else ""."""
    part = len(share.bad) < share.asked
    found: dict[tuple[str, bool], float] = defaultdict(float)
    for outcome in outcomes:
        way = _orientation(seen.topology, share.candidates[0], outcome.probe)
        there, back = _each_way(seen, outcome, kind, part)
        for side, weights in ((way, there), (OUT if way == IN else IN, back)):
            found[side, GOOD] += weights[0] if way else 0
            found[side, BAD] += weights[1] if way else 0
    worse, better = sorted((OUT, IN), key=lambda side: -found[side, BAD])
    if found[better, BAD] > ONE_SIDED * found[worse, BAD]:
        return BOTH
    if not found[worse, BAD] or not found[better, GOOD]:
        return ""
    rate = found[worse, BAD] / (found[worse, BAD] + found[worse, GOOD])
    return worse if kind != MTU or not part or rate * found[better, GOOD] >= SURE else ""


def _each_way(seen: Seen, outcome: Outcome, kind: str, part: bool) -> tuple[Weights, Weights]:
    """(good, bad) for the way there and the way back.

    Where only a part of the ways is bad, the datagram may have taken a good one that the echo did not take: then it clears no echo.
    """
    probe = outcome.probe
    ear = seen.heard.get((probe.network, probe.host, probe.peer))
    if kind == MTU and outcome.forward is not None:
        return ((1, 0), (0, 0 if part else 1)) if outcome.forward else ((0, 1), (0, 0))
    if kind == ONE_WAY and ear:
        return (1, 0), (0, 1)
    if kind == LOSS and ear:
        span = ear.last - ear.first + 1
        gaps = span - ear.count
        # What was sent before the first or after the last one heard may have been lost, or the peer did not listen yet.
        back = max(0, outcome.lost - gaps - max(0, outcome.sent - span))
        return (ear.count, gaps), (max(0, outcome.sent - outcome.lost), back)
    return (0, 0), (0, 0)


def _orientation(topology: Topology, element: Element, probe: Probe) -> str:
    """Whether the question leaves the element (OUT) or enters it (IN), "" if that has no meaning."""
    if element.host:
        return OUT if probe.host == element.host else IN
    ends = [topology.at[host, probe.network].place == element.place for host in (probe.host, probe.peer)]
    if not element.place or ends[0] == ends[1]:
        return ""
    return OUT if ends[0] else IN
