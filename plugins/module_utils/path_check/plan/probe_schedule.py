# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All peers of one host at once: which one is asked next, within so many packets a second and so much time.

Times are seconds, the clock is the caller's.
"""

from __future__ import annotations

import heapq

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    NEVER,
    Asking,
    Packet,
    Refusal,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peer_probe import PeerProbe
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import Bucket

# Seconds' worth of packets that may leave at once: a busy host gets its turn late and must catch up.
BURST = 0.1


class ProbeSchedule(Asking):
    """The peers' probes, in the order in which they begin."""

    def __init__(self, peer_probes: list[PeerProbe], rate: float, time_limit: float, now: float) -> None:
        self.peer_probes = peer_probes
        self.bucket = Bucket(rate, max(1.0, rate * BURST), now)
        self.ends = now + time_limit
        self.sent = 0
        self._indexes = {each.peer: index for index, each in enumerate(peer_probes)}
        # (due, index); what an answer has made due at another time is in it twice.
        self._queue: list[tuple[float, int]] = []
        for index in range(len(self.peer_probes)):
            self._wake(index)

    def _wake(self, index: int) -> None:
        due = self.peer_probes[index].due
        if due < NEVER:
            heapq.heappush(self._queue, (due, index))

    def next(self) -> float:
        first = self._first()
        if first == NEVER:
            return NEVER
        return max(first, self.bucket.opens())

    def take(self, now: float) -> list[Packet]:
        _due, index = heapq.heappop(self._queue)
        packets = self.peer_probes[index].take(now)
        self._wake(index)
        self.bucket.spend(len(packets), now)
        self.sent += len(packets)
        return packets

    def _first(self) -> float:
        """When the next one is due."""
        while self._queue and self._queue[0][0] != self.peer_probes[self._queue[0][1]].due:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else NEVER

    def stop(self) -> None:
        """Everything that is not decided stays so."""
        for peer_probe in self.peer_probes:
            peer_probe.stop()

    def answered(self, peer: int, kind: str, size: int, number: int, at: float, fragmented: bool = False) -> None:
        """As PeerProbe.answered. What belongs to no peer is ignored."""
        index = self._indexes.get(peer)
        if index is not None:
            before = self.peer_probes[index].due
            self.peer_probes[index].answered(kind, size, number, at, fragmented)
            self._changed(index, before)

    def refused(self, peer: int, kind: str, size: int, refusal: Refusal, at: float) -> None:
        """As PeerProbe.refused."""
        index = self._indexes.get(peer)
        if index is not None:
            before = self.peer_probes[index].due
            self.peer_probes[index].refused(kind, size, refusal, at)
            self._changed(index, before)

    def neighbour(self, peer: int, mac: str) -> None:
        """As PeerProbe.neighbour."""
        index = self._indexes.get(peer)
        if index is not None:
            self.peer_probes[index].neighbour(mac)

    def _changed(self, index: int, before: float) -> None:
        if self.peer_probes[index].due != before:
            self._wake(index)
