# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that is asked of one peer, as a state machine: what to send when, by what was answered.

Times are seconds, the clock is the caller's.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    ARP,
    CONTROL,
    ECHO,
    LOCAL,
    NEVER,
    NO_NEIGHBOUR,
    NO_ROUTE,
    NOT_ASKED,
    PROHIBITED,
    ROUTER,
    SILENT,
    TOO_LARGE,
    UDP,
    Packet,
    Refusal,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.samples import Samples
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import Direction, Search, SizeHints
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import answer_timeout, tries_needed

# The kernel asks three times who has an address, a second apart: where this user may not ask itself it waits for that.
ARP_TIMEOUT = 3.2
BACKOFF = (1.0, 1.4, 2.0)
NEARLY_TOGETHER = 0.02  # seconds: answers to one round that come after an error
WITHOUT_ANSWER = (1, 3, 5)  # small packets with which ARP is asked for, too, as long as no echo is answered
FOR_DUPLICATES = (0, 4)  # ... and where two hosts might have the address
NO_REFUSAL = Refusal("", "")


class Settings:
    """How to ask. Seconds; `larger`, `direction` and `duplicates` are questions of their own."""

    __slots__ = ("count", "direction", "duplicates", "interval", "larger", "timeout")

    def __init__(
        self,
        count: int = 20,
        interval: float = 0.03,
        timeout: float = 1.0,
        larger: bool = False,
        direction: bool = False,
        duplicates: bool = False,
    ) -> None:
        self.count = count
        self.interval = interval
        self.timeout = timeout
        self.larger = larger
        self.direction = direction
        self.duplicates = duplicates


class PeerProbe:
    """One peer. `due` is the time at which `take` wants to be called next; NEVER when all is asked."""

    def __init__(
        self, peer: int, v6: bool, size: int, mtu: int, settings: Settings, hints: SizeHints, arp: bool | None
    ) -> None:
        """`peer`: its index in the list. `mtu`: of the own device. `arp`: whether this user may ask who has the
        address; None if there is a router."""
        self.peer = peer
        self.control = min(CONTROL[v6], size)
        self.size = size
        self.mtu = mtu
        self.settings = settings
        self.hints = hints
        self.arp = arp
        first_timeout = max(settings.timeout, ARP_TIMEOUT) if arp is False else settings.timeout
        self.samples = Samples(settings.count, settings.interval, settings.timeout, first_timeout)
        self.search: Search | None = None
        self.beyond: Search | None = None  # whether more than the required size passes
        self.direction: Direction | None = None
        self.refusals: dict[bool, Refusal] = {}  # by "a small packet"
        self.fragmented = False
        self.macs: list[str] = []
        self.stopped = False
        self._waits = 0  # rounds in a row in which the same size was sent again
        self._ask = NEVER  # when the next question after the small packets is due

    @property
    def due(self) -> float:
        return min(self.samples.due, self._ask)

    # --- what to send ---

    def take(self, now: float) -> list[Packet]:
        """What to send now."""
        packets: list[Packet] = []
        if self.samples.due <= now and self.samples.take(now):
            number = len(self.samples.sent) - 1
            packets.append(Packet(self.peer, ECHO, self.control, number))
            if self.arp and self._needs_arp(number):
                packets.append(Packet(self.peer, ARP, 0, number))
        if self._ask <= now:
            packets += self._further(now)
        return packets

    def _needs_arp(self, number: int) -> bool:
        """Where no host answers (the kernel repeats a lost request after a full second only), or where two might."""
        if number in WITHOUT_ANSWER and not self.samples.rtts:
            return True
        return self.settings.duplicates and number in FOR_DUPLICATES

    def _further(self, now: float) -> list[Packet]:
        """Sizes, then directions."""
        wait = answer_timeout(list(self.samples.rtts.values()), self.settings.timeout)
        search = self.beyond or self.search
        if search:
            sizes = search.round(tries_needed(*self.samples.lost(now, wait)))
            if sizes:
                self._wait_for_sizes(now, wait, sizes)
                return [Packet(self.peer, ECHO, size, search.tried[size]) for size in sizes]
        if search is self.search and self._go_on():
            return self._further(now)
        return self._datagram(now + wait)

    def _wait_for_sizes(self, now: float, wait: float, sizes: list[int]) -> None:
        """The next round is due when these are answered; later and later where one size is sent again and again."""
        self._waits = self._waits + 1 if len(sizes) == 1 else 0
        factor = BACKOFF[min(self._waits, len(BACKOFF) - 1)]
        self._ask = now + min(self.settings.timeout, wait * factor)

    def _datagram(self, answered_by: float) -> list[Packet]:
        """The next question about the direction; none if it is decided."""
        self._ask = NEVER
        if self.direction is None:
            return []
        sizes = self.direction.round()
        if sizes:
            self._ask = answered_by
        return [Packet(self.peer, UDP, size, self.direction.sent - 1) for size in sizes]

    def _go_on(self) -> bool:
        """The path's MTU is known up to the required size. Whether there is more to ask about sizes."""
        if self.search and self.search.passed:
            if self.settings.larger and self.mtu > self.size and not self.beyond:
                self.beyond = Search(self.size, self.mtu, self.hints)
                return True
        elif self.settings.direction and not self.direction and self.size <= self.mtu:
            self.direction = Direction(self.control, self.size)
        return False

    # --- what came back ---

    def answered(self, kind: str, size: int, number: int, at: float, fragmented: bool) -> None:
        """An answer that came in `at`."""
        if kind == UDP:
            if self.direction:
                self.direction.answered(size, number)
                self._ask = at if self.direction.forward else self._ask
        elif size == self.control:
            if self.samples.hear(number, at):
                self._begin(at)
        elif self.search:
            self._passes(size, at, fragmented)

    def _begin(self, at: float) -> None:
        """The first answer."""
        if self.size > self.mtu:
            return  # the own device is the limit: there is nothing to send
        self.search = Search(self.control, self.size, self.hints)
        self._ask = at

    def _passes(self, size: int, at: float, fragmented: bool) -> None:
        was = self.search and self.search.passed
        for search in (self.search, self.beyond):
            if search:
                search.answered(size)
        if size == self.size:
            self.fragmented |= fragmented
        if self.search and self.search.passed and not was:
            self._ask = at

    def refused(self, kind: str, size: int, refusal: Refusal, at: float) -> None:
        """An error that came in `at`, or the kernel's refusal to send."""
        if kind != ECHO:
            return
        small = size == self.control
        search = self.beyond or self.search
        if not small and search and refusal.failure in (LOCAL, ROUTER):
            search.refuse(size, refusal.mtu)
            self._ask = min(self._ask, at + NEARLY_TOGETHER)
        self.refusals[small] = refusal
        if small and refusal.failure == NOT_ASKED:
            self.samples.keep()

    def neighbour(self, mac: str) -> None:
        """A host answered for the peer's address."""
        if mac not in self.macs:
            self.macs.append(mac)

    # --- what is known ---

    def stop(self) -> None:
        """No time is left."""
        self.stopped = self.due < NEVER
        self.samples.due = self._ask = NEVER

    def outcome(self, now: float) -> dict[str, object]:
        """The fields of path_check/model/path.py's Outcome that the answers gave; who has the address is not known
        here."""
        control = bool(self.samples.rtts)
        found: dict[str, object] = {"control": control}
        found.update(self.samples.figures(now, self.settings.timeout if self.stopped else 0))
        found.update(self._size_outcome() if control else self._silence())
        found["fragmented"] = self.fragmented
        found["forward"] = self.direction.forward if self.direction else None
        return found

    def _silence(self) -> dict[str, object]:
        refusal = self.refusals.get(True) or Refusal(SILENT, "")
        failure = SILENT
        if self.stopped:
            failure = NOT_ASKED
        elif refusal.failure in (PROHIBITED, NO_ROUTE, NO_NEIGHBOUR, NOT_ASKED):
            failure = refusal.failure
        return _result(None, None, failure, refusal)

    def _size_outcome(self) -> dict[str, object]:
        if self.size > self.mtu:
            return _result(False, self.mtu, LOCAL)
        search = self.search
        if search is None or (self.stopped and not search.passed and self.direction is None):
            return _result(None, None, NOT_ASKED)
        if search.passed:
            return _result(True, self.beyond.low if self.beyond else search.low, "")
        refusal = self.refusals.get(False)
        if refusal is None or refusal.failure not in (LOCAL, ROUTER, PROHIBITED):
            refusal = Refusal(TOO_LARGE, "")
        failure = TOO_LARGE if refusal.failure == PROHIBITED else refusal.failure
        return _result(False, search.low, failure, refusal)


def _result(
    passed: bool | None, path_mtu: int | None, failure: str, refusal: Refusal = NO_REFUSAL
) -> dict[str, object]:
    return {
        "passed": passed,
        "path_mtu": path_mtu,
        "failure": failure,
        "router": refusal.by,
        "text": refusal.text,
    }
