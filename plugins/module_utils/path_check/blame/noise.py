# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens by chance: a healthy network loses a packet now and then, and a lossy one now and then all packets of a
question, so that a path looks silent or too small. Each such pair of hosts gets a cost, the negative logarithm of the
likelihood of that chance (see cover.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Element, Fault

Loss = tuple[int, int]  # Outcome.losses, of packets sent

NOISE = 2e-4  # of all echoes are lost where nothing is wrong
# Packets in a row: ARP requests until a host counts as absent, echoes until a size counts as too large (5 to 16).
UNANSWERED, UNPASSED = 6, 6
RARE = 0.01  # flows expected to fail so, below which it is not chance


@dataclass(frozen=True)
class NoiseModel:
    """`costs`: of flows that may fail by chance. Up to `at_most` that nothing else explains are not reported."""

    costs: Mapping[Flow, float] = field(default_factory=dict)
    at_most: float = inf


def background_noise(lost: Mapping[Flow, Loss]) -> NoiseModel:
    """Of a healthy network."""
    costs = {flow: gone * max(1.0, -log(NOISE * sent)) for flow, (gone, sent) in lost.items() if gone}
    return NoiseModel(costs, 2 + 3 * NOISE * sum(sent for _gone, sent in lost.values()))


def noise_of_lossy_parts(
    topology: Topology, flows: Sequence[Flow], losses: Sequence[Fault], packets: int
) -> NoiseModel:
    """For flows that cross a lossy element and lost so many `packets` in a row."""
    costs = {}
    for flow in flows if losses else ():
        rate, tested = _worst_loss(topology.elements(flow), losses)
        if tested * rate**packets >= RARE:
            costs[flow] = -packets * log(min(rate, 0.99))
    return NoiseModel(costs)


def _worst_loss(elements: Sequence[Element], losses: Sequence[Fault]) -> tuple[float, int]:
    """The highest loss (0 to 1) at any of these elements, and the most pairs tested across one."""
    rate, tested = 0.0, 0
    for fault in losses:
        if any(element in elements for element in fault.suspects):
            rate = max(rate, (fault.loss_percent or 0.0) / 100)
            tested = max(tested, fault.tested_pairs)
    return rate, tested
