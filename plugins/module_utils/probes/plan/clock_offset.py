# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far another machine's clock is from ours, out of questions that take time. Nanoseconds since the epoch, as whole
numbers: no rounding."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

COMMAND = "date +%s.%N"
SECOND = 1_000_000_000
MARK = "cloudstack.kvm-clock="  # no other output has it
PATIENCE = 15  # seconds; a host whose answers take longer is not asked again: the next one takes as long
_DATE = re.compile(r"([0-9]{1,12})\.([0-9]{9})")


@dataclass(frozen=True)
class Sample:
    """One round trip: the moments by our clock at which we asked and had the answer, and by the other clock the moments
    at which the question came and the answer left. What the other machine did in between costs no exactness."""

    sent: int
    received: int
    came: int
    left: int

    @property
    def most(self) -> int:
        """The offset is at most this: the question took time to come."""
        return self.came - self.sent

    @property
    def least(self) -> int:
        """The offset is at least this: the answer took time to arrive."""
        return self.left - self.received

    @property
    def round_trip(self) -> int:
        """The time on the way, there and back: RFC 5905, 8, calls it delta."""
        return self.most - self.least

    @property
    def is_usable(self) -> bool:
        """Whether neither clock was seen to go back."""
        return self.round_trip >= 0 and self.left >= self.came


@dataclass(frozen=True)
class Offset:
    """The other clock minus ours. The truth lies within `offset_s` +- `uncertainty_s`, however the round trip was
    split. Seconds."""

    offset_s: float
    uncertainty_s: float


def parse_date(text: str) -> int:
    """The answer to COMMAND in nanoseconds. Raises ParseError: a `date` without %N (busybox) says nothing below a
    second."""
    found = _DATE.fullmatch(text.strip())
    if not found:
        raise ParseError(COMMAND, "no seconds with nine decimals", line=1, text=text)
    return int(found[1]) * SECOND + int(found[2])


def measure(samples: Iterable[Sample]) -> Offset:
    """The middle of what all samples leave possible, as the way there of one may be short and the way back of another.
    Raises ValueError without any.

    A sample in which a clock was set back does not count. Where a clock was set between two samples, which then exclude
    each other, the one with the shortest way counts (as RFC 5905, 10, filters its samples)."""
    usable = [sample for sample in samples if sample.is_usable]
    if not usable:
        raise ValueError("no round trip that could be used")
    least, most = max(each.least for each in usable), min(each.most for each in usable)
    if least > most:
        best = min(usable, key=lambda sample: sample.round_trip)
        least, most = best.least, best.most
    return Offset((least + most) / (2 * SECOND), (most - least) / (2 * SECOND))


def is_enough(samples: Collection[Sample], enough_s: float) -> bool:
    """Whether the samples are as exact as is asked for, or were on their way for longer than PATIENCE. Those of a clock
    that was set back are not exact."""
    if sum(sample.round_trip for sample in samples if sample.is_usable) > PATIENCE * SECOND:
        return True
    try:
        return measure(samples).uncertainty_s <= enough_s
    except ValueError:
        return False


def between_dates(command: str) -> str:
    """A shell command that asks for the time before and after `command`, with whose status it ends."""
    date = f"date +{MARK}%s.%N"
    return f"{date}; {command}; status=$?; echo; {date}; (exit $status)"


def take_dates(text: str) -> tuple[tuple[str, ...], str]:
    """What `date` said before and after, out of the output of a command of `between_dates`, and what the command itself
    printed. Without both dates the output is left as it is."""
    head, mark, rest = text.partition(MARK)
    first, _end, rest = rest.partition("\n")
    output, last_mark, last = rest.rpartition(f"\n{MARK}")
    return ((first.strip(), last.strip()), head + output) if mark and last_mark else ((), text)
