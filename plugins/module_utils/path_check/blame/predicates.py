# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the outcomes of one pair of hosts say in each question: GOOD, BAD, or nothing (None). A pair was asked by one end or by both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.mtu import TAG
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Outcome

GOOD, BAD = True, False
Judge = Callable[[Sequence[Outcome]], Optional[bool]]


def answering(flow: Sequence[Outcome]) -> Optional[bool]:
    return all(outcome.control for outcome in flow)


def otherwise(flow: Sequence[Outcome]) -> bool:
    """Whether something else than ICMP passes, or ICMP does if the other end asks (unless that was luck: most of it is lost)."""
    return any(outcome.tcp or (outcome.control and outcome.lost * 2 < outcome.sent) for outcome in flow)


def losing_more_than(percent: float) -> Judge:
    def judge(flow: Sequence[Outcome]) -> Optional[bool]:
        counted = [outcome for outcome in flow if outcome.control and outcome.sent]
        return not any(outcome.loss_percent > percent for outcome in counted) if counted else None

    return judge


def in_fragments(flow: Sequence[Outcome]) -> Optional[bool]:
    tried = [outcome for outcome in flow if outcome.passed]
    return not any(outcome.fragmented for outcome in tried) if tried else None


def sizes_that_pass(outcomes: Iterable[Outcome]) -> list[tuple[int, int]]:
    """(least, most) of the sizes that pass where the required one does not, those together that one fault explains: a device that leaves
    room for a VLAN tag carries untagged packets that are larger by as much, often in one direction only."""
    found: list[tuple[int, int]] = []
    for mtu in sorted({path_mtu(outcome) for outcome in outcomes if too_large(outcome)}):
        if found and mtu - found[-1][0] <= TAG:
            found[-1] = (found[-1][0], mtu)
        else:
            found.append((mtu, mtu))
    return found


def smaller_than(least_mtu: int, most_mtu: int) -> Judge:
    """Whether that is what passes: less is somebody else's fault, and a pass of no more than that clears nobody."""

    def judge(flow: Sequence[Outcome]) -> Optional[bool]:
        sizes = [path_mtu(outcome) if too_large(outcome) else outcome.probe.size for outcome in flow if outcome.control and outcome.passed is not None]
        failed = any(too_large(outcome) for outcome in flow)
        if not sizes or min(sizes) < least_mtu or (min(sizes) <= most_mtu and not failed):
            return None
        return min(sizes) > most_mtu

    return judge


def too_large(outcome: Outcome) -> bool:
    return outcome.control and outcome.passed is False


def path_mtu(outcome: Outcome) -> int:
    return outcome.path_mtu or 0  # not found: any


def least(outcomes: Iterable[Outcome]) -> Optional[int]:
    return min((outcome.path_mtu for outcome in outcomes if outcome.path_mtu), default=None)
