# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far another machine's clock is from ours, out of questions that take time. Nanoseconds since the epoch, as whole numbers: no rounding."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

COMMAND = "date +%s.%N"
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Sample:
    """One round trip: the moments by our clock at which we asked and had the answer, and the other clock's answer."""

    sent: int
    received: int
    answer: int

    @property
    def round_trip(self) -> int:
        return self.received - self.sent


@dataclass(frozen=True)
class Offset:
    """The other clock minus ours. The truth lies within `offset_s` +- `uncertainty_s`, however the round trip was split. Seconds."""

    offset_s: float
    uncertainty_s: float


def parse_date(text: str) -> int:
    """The answer to COMMAND in nanoseconds. Raises ParseError: a `date` without %N (busybox) says nothing below a second."""
    found = re.fullmatch(r"([0-9]{1,12})\.([0-9]{9})", text.strip())
    if not found:
        raise ParseError(COMMAND, "no seconds with nine decimals", line=1, text=text)
    return int(found[1]) * SECOND + int(found[2])


def measure(samples: Iterable[Sample]) -> Offset:
    """The offset by the sample with the shortest round trip (as RFC 5905, 10, filters its samples). Raises ValueError without any.

    The host looked at its clock at some moment of the round trip; taking the middle errs by half of it at most. A sample in which our own
    clock was set back does not count.
    """
    usable = [sample for sample in samples if sample.round_trip >= 0]
    if not usable:
        raise ValueError("no round trip that could be used")
    best = min(usable, key=lambda sample: sample.round_trip)
    return Offset((2 * best.answer - best.sent - best.received) / (2 * SECOND), best.round_trip / (2 * SECOND))


def is_enough(samples: Iterable[Sample], enough_s: float) -> bool:
    """Whether one of the samples is as exact as is asked for: half its round trip is the uncertainty. One of a clock set back is none."""
    return any(0 <= sample.round_trip <= 2 * enough_s * SECOND for sample in samples)
