# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The small packets to one peer: does anything pass, how much of it is lost, how long is a round trip.

Times are seconds, the clock is the caller's.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NEVER
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import figures, last_answer_timeout

# Until the first answer: shares of the timeout, close together at first. On a path that loses every third packet all of
# them are lost once in 6,000 times; waiting for each in turn would take eight timeouts.
GREETING = (0.0, 0.04, 0.1, 0.18, 0.28, 0.4, 0.55, 0.75)

BURST = 5  # packets; with the defaults 0.15 s, in which a switch learns an address anew, or a busy host catches up


class Samples:
    """Repeats the first packet until there is an answer or `first_timeout` is over, then sends the rest of `count`, one
    each `interval`."""

    def __init__(self, count: int, interval: float, timeout: float, first_timeout: float) -> None:
        self.count = count
        self.interval = interval
        self.timeout = timeout
        self.first_timeout = first_timeout
        self.sent: list[float] = []  # by number
        self.rtts: dict[int, float] = {}  # of those that were answered
        self.kept: set[int] = set()  # those that never left this host
        self.due = 0.0
        self.silent = False

    def take(self, now: float) -> bool:
        """Whether to send one now. Called when it is due."""
        more = len(self.sent) < (self.count if self.rtts else len(GREETING))
        if more and not self.silent:
            self.sent.append(now)
            self.due = self._next(now)
            return True
        self.silent = not self.rtts
        self.due = NEVER
        return False

    def _next(self, now: float) -> float:
        if self.rtts:
            return now + self._pause()
        number = len(self.sent)
        if number < len(GREETING):
            return self.sent[0] + self.first_timeout * GREETING[number]
        # The last one's answer gets its time, too.
        return max(self.sent[0], now - self.first_timeout * GREETING[-1]) + self.first_timeout

    def _pause(self) -> float:
        if len(self.sent) < self.count:
            return self.interval
        return last_answer_timeout(list(self.rtts.values()), self.timeout)

    def hear(self, number: int, at: float) -> bool:
        """An answer that came in `at`; whether it was the first one."""
        if number >= len(self.sent) or number in self.rtts:
            return False
        first = not self.rtts
        self.rtts[number] = max(0.0, at - self.sent[number])
        if first and not self.silent:
            self.due = min(self.due, at + self._pause())
        if len(self.rtts) == len(self.sent) >= self.count:
            self.due = NEVER
        return first

    def keep(self) -> None:
        """The last one could not be sent: the network did not lose it."""
        self.kept.add(len(self.sent) - 1)

    def lost(self, now: float, waited: float) -> tuple[int, int]:
        """(lost, sent) of those that were answered or sent `waited` seconds ago or earlier."""
        gone = sum(self._is_lost(number, now, waited) for number in range(len(self.sent)))
        return gone, gone + len(self.rtts)

    def _is_lost(self, number: int, now: float, waited: float) -> bool:
        return number not in self.rtts and number not in self.kept and now - self.sent[number] >= waited

    def bursts(self, now: float, waited: float) -> int:
        """How often some of them were lost in a row; of a longer row each BURST count."""
        found = row = 0
        for number in range(len(self.sent)):
            if number in self.rtts:
                row = 0
            elif self._is_lost(number, now, waited):
                found += row % BURST == 0
                row += 1
        return found

    def figures(self, now: float, waited: float) -> dict[str, float | int | None]:
        """sent, lost, bursts and the round trips, as in path_check/model/path.py."""
        lost, sent = self.lost(now, waited)
        rtts = [self.rtts[number] for number in sorted(self.rtts)]
        return {"sent": sent, "lost": lost, "bursts": self.bursts(now, waited), **figures(rtts)}
