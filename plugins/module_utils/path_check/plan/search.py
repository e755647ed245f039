# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The largest packet that a path carries, found by several sizes at once: few waits for answers that do not come."""

from __future__ import annotations

# What MTUs are in practice: minima, tunnels (VXLAN, GRE, IPsec, PPPoE, WireGuard), Ethernet, jumbo frames.
COMMON = (1280, 1400, 1420, 1442, 1450, 1476, 1492, 1496, 1500, 1504, 1550, 1600, 4470, 8950, 9000)
WIDTH = 16  # sizes at once where none of these is it
HINTS = 3
PILOTS = 3


class SizeHints:
    """What was found for other peers on the same network: a wrong MTU seldom comes alone.

    Until then only a few (pilots) search, and the others wait.
    """

    def __init__(self) -> None:
        self._count: dict[int, int] = {}
        self._pilots: list[Search] = []

    def add(self, mtu: int) -> None:
        self._count[mtu] = self._count.get(mtu, 0) + 1

    def best(self) -> list[int]:
        """Most frequent first."""
        return sorted(self._count, key=lambda mtu: -self._count[mtu])[:HINTS]

    def pilot(self, search: Search) -> bool:
        """Whether this search need not wait for what others find."""
        if search in self._pilots:
            return True
        searching = sum(not each.passed for each in self._pilots)
        if not self._count and searching >= PILOTS:
            return False
        self._pilots.append(search)
        return True


class Search:
    """Between `low`, which is answered, and `wanted`.

    If a size is answered, all smaller ones pass; then one that is not answered bounds the search from above as long as
    nothing larger is answered. So a bound may rest on one lost packet while the search closes in on it; only the last
    one, `low` + 1, must stay unanswered often enough. A size that was refused by an ICMP error needs no repetition.
    """

    def __init__(self, low: int, wanted: int, hints: SizeHints) -> None:
        self.low = low
        self.wanted = wanted
        self.hints = hints
        self.tried: dict[int, int] = {}
        self.refused: set[int] = set()
        self.named: set[int] = set()  # MTUs out of ICMP errors
        self._spread = False
        self._hinted = False

    @property
    def passed(self) -> bool:
        return self.low >= self.wanted

    def round(self, enough: int) -> list[int]:
        """The sizes to send now, each once; none when it is decided.

        `enough`: how many unanswered tries prove that a size does not pass.
        """
        sizes = self._round(enough)
        for size in sizes:
            self.tried[size] = self.tried.get(size, 0) + 1
        return sizes

    def _round(self, enough: int) -> list[int]:
        """`edge`: the smallest size without an answer, so the MTU is from `low` to `edge` - 1."""
        if self.passed:
            return []
        edge = min((size for size in self.tried if size > self.low), default=0)
        if not edge:
            return [self.wanted]
        gone = edge in self.refused or self.tried[edge] >= enough
        if edge - self.low == 1:
            if not self._hinted:
                self._hinted = True
                self.hints.add(self.low)
            return [] if gone else [edge]
        if not gone and not self.hints.pilot(self):
            return [edge]
        return self._between(edge) + ([] if gone else [edge])

    def _between(self, edge: int) -> list[int]:
        for known in (sorted(self.named), self.hints.best()):
            found = self._inside(known, edge)
            if found:
                return found
        if not self._spread:
            self._spread = True
            found = self._inside(COMMON, edge)
            if found:
                return found
        gap = edge - self.low
        steps = min(WIDTH, gap - 1)
        return sorted({self.low + gap * step // (steps + 1) for step in range(1, steps + 1)} - {self.low})

    def _inside(self, mtus: tuple[int, ...] | list[int], edge: int) -> list[int]:
        """Each MTU and the next size, which prove it together."""
        sizes = {size for mtu in mtus for size in (mtu, mtu + 1)}
        return sorted(size for size in sizes if self.low < size < edge and size not in self.tried)

    def answered(self, size: int) -> None:
        self.low = max(self.low, size)

    def refuse(self, size: int, mtu: int) -> None:
        """An ICMP error or the kernel said that `size` is too large, and that `mtu` (0: not said) is not."""
        self.refused.add(size)
        if mtu:
            self.named.add(mtu)


class Direction:
    """Which direction loses the large packets: UDP to a closed port is answered by an ICMP error that is small in any
    case.

    The peer's kernel may limit such errors (Linux: one a second for each destination, six at once), so there are six in
    all, and only a small one that was answered after two large ones were not is a proof.
    """

    def __init__(self, small: int, large: int) -> None:
        self.steps = [large, small] * 3
        self.small = small
        self.sent = 0
        self.forward: bool | None = None
        self._late = False

    def round(self) -> list[int]:
        """The size to send now; none when it is decided."""
        if self.forward is not None or self.sent == len(self.steps):
            if self.forward is None and self._late:
                self.forward = False
            return []
        self.sent += 1
        return [self.steps[self.sent - 1]]

    def answered(self, size: int, number: int) -> None:
        """`number`: of the datagram among all of them, from 0."""
        if size != self.small:
            self.forward = True
        elif number >= 3:
            self._late = True
