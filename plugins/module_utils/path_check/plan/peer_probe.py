# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that is asked of one peer, as a state machine: what to send when, by what was answered. Times are seconds, the clock is the caller's."""

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
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import Direction, SizeHints, Search
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import patience, tries

ARP_PATIENCE = 3.2  # the kernel asks three times who has an address, a second apart; where we may not ask ourselves we wait for that
BACKOFF = (1.0, 1.4, 2.0)


class Settings:
    """How to ask. Seconds; `larger`, `direction` and `duplicates` are questions of their own."""

    __slots__ = ("count", "direction", "duplicates", "interval", "larger", "timeout")

    def __init__(
        self, count: int = 20, interval: float = 0.03, timeout: float = 1.0, larger: bool = False, direction: bool = False, duplicates: bool = False
    ) -> None:
        self.count = count
        self.interval = interval
        self.timeout = timeout
        self.larger = larger
        self.direction = direction
        self.duplicates = duplicates


class PeerProbe:
    """One peer. `due` is the time at which `take` wants to be called next; NEVER when all is said."""

    def __init__(self, peer: int, v6: bool, size: int, mtu: int, settings: Settings, hints: SizeHints, arp: bool | None) -> None:
        """`peer`: its place in the list. `mtu`: of the own device. `arp`: whether we may ask who has the address; None if there is a router."""
        self.peer = peer
        self.control = min(CONTROL[v6], size)
        self.size = size
        self.mtu = mtu
        self.settings = settings
        self.hints = hints
        self.arp = arp
        self.samples = Samples(settings.count, settings.interval, settings.timeout, max(settings.timeout, ARP_PATIENCE) if arp is False else settings.timeout)
        self.search: Search | None = None
        self.beyond: Search | None = None  # whether more than the required size passes
        self.direction: Direction | None = None
        self.refusals: dict[bool, Refusal] = {}  # by "a small packet"
        self.fragmented = False
        self.macs: list[str] = []
        self.stopped = False
        self._waits = 0
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
            if self._who_has(number):
                packets.append(Packet(self.peer, ARP, 0, number))
        if self._ask <= now:
            packets += self._further(now)
        return packets

    def _who_has(self, number: int) -> bool:
        """Ask it ourselves where nobody answers (the kernel repeats a lost request after a full second only), or where two might."""
        wanted = number in (1, 3, 5) and not self.samples.rtts or self.settings.duplicates and number in (0, 4)
        return bool(self.arp) and wanted

    def _further(self, now: float) -> list[Packet]:
        """Sizes, then directions."""
        wait = patience(list(self.samples.rtts.values()), self.settings.timeout)
        search = self.beyond or self.search
        enough = tries(*self.samples.lost(now, wait))
        sizes = search.round(enough) if search else []
        if sizes:
            self._waits = self._waits + 1 if len(sizes) == 1 else 0
            self._ask = now + min(self.settings.timeout, wait * BACKOFF[min(self._waits, len(BACKOFF) - 1)])
            return [Packet(self.peer, ECHO, size, search.tried[size] if search else 0) for size in sizes]
        if search is self.search and self._go_on():
            return self._further(now)
        steps = self.direction.round() if self.direction else []
        self._ask = now + wait if steps else NEVER
        return [Packet(self.peer, UDP, size, self.direction.sent - 1) for size in steps if self.direction]

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
        search = self.beyond or self.search
        if kind == ECHO and size != self.control and search and refusal.failure in (LOCAL, ROUTER):
            search.refuse(size, refusal.mtu)
            self._ask = min(self._ask, at + 0.02)  # the other answers of this round are on their way
        if kind == ECHO:
            self.refusals[size == self.control] = refusal
            if size == self.control and refusal.failure == NOT_ASKED:
                self.samples.keep()

    def neighbour(self, mac: str) -> None:
        """Somebody answered for the peer's address."""
        if mac not in self.macs:
            self.macs.append(mac)

    # --- what is known ---

    def stop(self) -> None:
        """No time is left."""
        self.stopped = self.due < NEVER
        self.samples.due = self._ask = NEVER

    def outcome(self, now: float) -> dict[str, object]:
        """The fields of path_check/model/path.py's Outcome that the questions gave; who has the address is not known here."""
        control = bool(self.samples.rtts)
        return {
            "control": control,
            **self.samples.figures(now, self.settings.timeout if self.stopped else 0),
            **(self._size_outcome() if control else self._silence()),
            "fragmented": self.fragmented,
            "forward": self.direction.forward if self.direction else None,
        }

    def _silence(self) -> dict[str, object]:
        refusal = self.refusals.get(True)
        told = refusal.failure if refusal and refusal.failure in (PROHIBITED, NO_ROUTE, NO_NEIGHBOUR, NOT_ASKED) else SILENT
        return {
            "passed": None,
            "path_mtu": None,
            "failure": NOT_ASKED if self.stopped else told,
            "router": refusal.by if refusal else "",
            "text": refusal.text if refusal else "",
        }

    def _size_outcome(self) -> dict[str, object]:
        if self.size > self.mtu:
            return {"passed": False, "path_mtu": self.mtu, "failure": LOCAL, "router": "", "text": ""}
        search, refusal = self.search, self.refusals.get(False)
        if search is None or (self.stopped and not search.passed and self.direction is None):
            return {"passed": None, "path_mtu": None, "failure": NOT_ASKED, "router": "", "text": ""}
        if search.passed:
            mtu = self.beyond.low if self.beyond else search.low
            return {"passed": True, "path_mtu": mtu, "failure": "", "router": "", "text": ""}
        blamed = refusal if refusal and refusal.failure in (LOCAL, ROUTER, PROHIBITED) else Refusal(TOO_LARGE, "")
        failure = blamed.failure if blamed.failure in (LOCAL, ROUTER) else TOO_LARGE
        return {"passed": False, "path_mtu": search.low, "failure": failure, "router": blamed.by, "text": blamed.text}
