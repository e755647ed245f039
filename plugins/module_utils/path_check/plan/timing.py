# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When the path check sends what: packets per second, repetitions, and the figures of round trips.

Times are seconds, the clock is the caller's.
"""

from __future__ import annotations

import math

SURE = 1e-5  # the chance that a question is lost that often on a path that carries it
FEWEST, MOST = 5, 16


class Bucket:
    """At most `rate` packets a second, and `burst` at once (a token bucket).

    A question of several packets is not torn apart; the next one waits the longer.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.filled = now

    def spend(self, packets: int, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate) - packets
        self.filled = now

    def opens(self) -> float:
        """When the next packet may be sent."""
        return self.filled + max(0.0, 1 - self.tokens) / self.rate


def tries_needed(lost: int, sent: int) -> int:
    """How often a packet must stay unanswered before its size is the cause, on a path that lost `lost` of `sent` small
    ones."""
    chance = (lost + 1) / (sent + 2)  # Laplace: a path that lost none of ten is not free of loss for sure
    return min(MOST, max(FEWEST, math.ceil(math.log(SURE) / math.log(chance))))


def answer_timeout(rtts: list[float], timeout: float) -> float:
    """How long to wait for an answer before the next step, by the round trips so far, in their order."""
    return min(timeout, 0.05 + 3 * max(rtts[1:] or rtts, default=timeout))  # the first one waited for ARP


def last_answer_timeout(rtts: list[float], timeout: float) -> float:
    """How long to wait for the last small packet's answer: with the defaults until a second after the start, when the
    other questions end, too."""
    return min(timeout, 0.4 + 5 * max(rtts, default=timeout))


def percentile(ordered: list[float], percent: float) -> float:
    """Nearest rank of a sorted, not empty sequence."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def figures(rtts: list[float]) -> dict[str, float | None]:
    """Milliseconds: rtt_min_ms, rtt_avg_ms, rtt_p99_ms; None without an answer. `rtts` in the order of the packets."""
    ordered = sorted(rtts[1:] or rtts)
    if not ordered:
        return {"rtt_min_ms": None, "rtt_avg_ms": None, "rtt_p99_ms": None}
    return {
        "rtt_min_ms": round(ordered[0] * 1000, 3),
        "rtt_avg_ms": round(sum(ordered) / len(ordered) * 1000, 3),
        "rtt_p99_ms": round(percentile(ordered, 99) * 1000, 3),
    }
