# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which direction an element fails: what enters it, what leaves it, or both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import Explanation
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Observations
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    BOTH,
    IN,
    LOSS,
    MTU,
    ONE_WAY,
    OUT,
    Element,
    Heard,
    Outcome,
    Probe,
)

ONE_SIDED = 0.1  # of the losses may look as if they went the other way, before both directions are at fault
# Datagrams that should have failed and did not, before a direction is cleared where only some of the flows fail.
SURE = 5
Weights = tuple[float, float]  # how much speaks for this direction, and how much against it
NOTHING: Weights = (0, 0)


def direction_of(observations: Observations, explanation: Explanation, outcomes: Sequence[Outcome], kind: str) -> str:
    """OUT or IN where one is proven bad and the other one good, BOTH where both are bad, else ""."""
    partial = explanation.partial
    good: dict[str, float] = defaultdict(float)
    bad: dict[str, float] = defaultdict(float)
    for outcome in outcomes:
        side = _orientation(observations.topology, explanation.suspects[0], outcome.probe)
        if side:
            there, back = _each_direction(observations, outcome, kind, partial)
            for name, weights in ((side, there), (_opposite(side), back)):
                good[name] += weights[0]
                bad[name] += weights[1]
    worse, better = sorted((OUT, IN), key=lambda name: -bad[name])
    if bad[better] > ONE_SIDED * bad[worse]:
        return BOTH
    if not bad[worse] or not good[better]:
        return ""
    rate = bad[worse] / (bad[worse] + good[worse])
    sure = kind != MTU or not partial or rate * good[better] >= SURE
    return worse if sure else ""


def _opposite(side: str) -> str:
    return OUT if side == IN else IN


def _each_direction(observations: Observations, outcome: Outcome, kind: str, partial: bool) -> tuple[Weights, Weights]:
    """What one outcome says of the direction of the probe, and of the way back."""
    probe = outcome.probe
    heard = observations.heard_by.get((probe.network, probe.host, probe.peer))
    if kind == MTU and outcome.forward is not None:
        return _by_datagram(outcome.forward, partial)
    if kind == ONE_WAY and heard:
        return (1, 0), (0, 1)
    if kind == LOSS and heard:
        return _by_count(outcome, heard)
    return NOTHING, NOTHING


def _by_datagram(arrived: bool, partial: bool) -> tuple[Weights, Weights]:
    """By a large UDP datagram: where only some of the flows fail it may have taken a good leg or link that the echo did
    not take, so it says nothing of the way back."""
    if not arrived:
        return (0, 1), NOTHING
    return (1, 0), NOTHING if partial else (0, 1)


def _by_count(outcome: Outcome, heard: Heard) -> tuple[Weights, Weights]:
    """By how many of the requests the peer heard."""
    span = heard.last - heard.first + 1
    gaps = span - heard.count
    # What was sent before the first or after the last one heard may have been lost, or the peer did not listen yet.
    back = max(0, outcome.lost - gaps - max(0, outcome.sent - span))
    return (heard.count, gaps), (max(0, outcome.sent - outcome.lost), back)


def _orientation(topology: Topology, element: Element, probe: Probe) -> str:
    """Whether the probe leaves the element (OUT) or enters it (IN), "" if that has no meaning."""
    if element.host:
        return OUT if probe.host == element.host else IN
    starts_here = topology.at[probe.host, probe.network].place == element.place
    ends_here = topology.at[probe.peer, probe.network].place == element.place
    if not element.place or starts_here == ends_here:
        return ""
    return OUT if starts_here else IN
