# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens by chance: a healthy network loses a packet now and then, and a lossy one now and then all packets of a question, so that
a path looks silent or too small. Each such pair of hosts gets a price in nats, minus the logarithm of the chance (see cover.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Culprit

Loss = tuple[int, int]  # Outcome.losses, of packets sent

NOISE = 2e-4  # of all echoes are lost where nothing is wrong
UNANSWERED, UNPASSED = 6, 6  # packets in a row: ARP requests until a host counts as absent, echoes until a size counts as too large (5 to 16)
RARE = 0.01  # flows expected to fail so, below which it is no chance


@dataclass(frozen=True)
class Chance:
    """`prices`: of flows that may fail by chance. Up to `at_most` of them that nothing else explains are not worth a word."""

    prices: Mapping[Flow, float] = field(default_factory=dict)
    at_most: float = inf


def of_noise(lost: Mapping[Flow, Loss]) -> Chance:
    prices = {flow: gone * max(1.0, -log(NOISE * sent)) for flow, (gone, sent) in lost.items() if gone}
    return Chance(prices, 2 + 3 * NOISE * sum(sent for _gone, sent in lost.values()))


def of_loss(topology: Topology, flows: Sequence[Flow], losses: Sequence[Culprit], packets: int) -> Chance:
    """For flows that cross a lossy element and lost so many `packets` in a row."""
    prices = {}
    for flow in flows if losses else ():
        elements = topology.elements(flow)
        rate, asked = 0.0, 0
        for culprit in losses:
            if any(element in elements for element in culprit.candidates):
                rate, asked = max(rate, (culprit.loss_percent or 0.0) / 100), max(asked, culprit.asked)
        if asked * rate**packets >= RARE:
            prices[flow] = -packets * log(min(rate, 0.99))
    return Chance(prices)
