# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the outcomes of one pair of hosts say on each question: GOOD, BAD, or nothing (None).

A pair was asked by one end or by both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.mtu import TAG
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Outcome

GOOD, BAD = True, False
Classify = Callable[[Sequence[Outcome]], Optional[bool]]


def answering(flow: Sequence[Outcome]) -> Optional[bool]:
    return all(outcome.control for outcome in flow)


def passes_otherwise(flow: Sequence[Outcome]) -> bool:
    """Whether something else than ICMP passes, or ICMP does if the other end asks (unless most of it is lost, so that
    the answer was chance)."""
    return any(outcome.tcp or (outcome.control and outcome.lost * 2 < outcome.sent) for outcome in flow)


def losing_more_than(percent: float) -> Classify:
    def classify(flow: Sequence[Outcome]) -> Optional[bool]:
        counted = [outcome for outcome in flow if outcome.control and outcome.sent]
        if not counted:
            return None
        return not any(outcome.loss_percent > percent for outcome in counted)

    return classify


def in_fragments(flow: Sequence[Outcome]) -> Optional[bool]:
    arrived = [outcome for outcome in flow if outcome.passed]
    if not arrived:
        return None
    return not any(outcome.fragmented for outcome in arrived)


def sizes_that_pass(outcomes: Iterable[Outcome]) -> list[tuple[int, int]]:
    """(least, most) of the sizes that pass where the required one does not, in groups that one fault explains.

    A device that leaves room for a VLAN tag carries untagged packets that are larger by as much, often in one
    direction only.
    """
    found: list[tuple[int, int]] = []
    for mtu in sorted({path_mtu(outcome) for outcome in outcomes if too_large(outcome)}):
        if found and mtu - found[-1][0] <= TAG:
            found[-1] = (found[-1][0], mtu)
        else:
            found.append((mtu, mtu))
    return found


def smaller_than(least_mtu: int, most_mtu: int) -> Classify:
    """Whether that is what passes: less is another fault, and a pass of no more than that clears no element."""

    def classify(flow: Sequence[Outcome]) -> Optional[bool]:
        tried = [outcome for outcome in flow if outcome.control and outcome.passed is not None]
        smallest = min((size_that_passes(outcome) for outcome in tried), default=0)
        failed = any(too_large(outcome) for outcome in flow)
        if not tried or smallest < least_mtu or (smallest <= most_mtu and not failed):
            return None
        return smallest > most_mtu

    return classify


def size_that_passes(outcome: Outcome) -> int:
    return path_mtu(outcome) if too_large(outcome) else outcome.probe.size


def too_large(outcome: Outcome) -> bool:
    return outcome.control and outcome.passed is False


def path_mtu(outcome: Outcome) -> int:
    return outcome.path_mtu or 0  # not found: any


def least(outcomes: Iterable[Outcome]) -> Optional[int]:
    return min((outcome.path_mtu for outcome in outcomes if outcome.path_mtu), default=None)
