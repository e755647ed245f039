# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All peers of one host at once: who is due, within so many packets a second and so much time. Times are seconds, the clock is the caller's."""

from __future__ import annotations

import heapq

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NEVER, Asking, Packet, Refusal
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peer_probe import PeerProbe
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import Bucket

BURST = 0.1  # seconds' worth of packets that may leave at once: a busy host gets its turn late and must catch up


class ProbeSchedule(Asking):
    """The dialogues, in the order in which they shall begin."""

    def __init__(self, peer_probes: list[PeerProbe], rate: float, time_limit: float, now: float) -> None:
        self.peer_probes = peer_probes
        self.bucket = Bucket(rate, max(1.0, rate * BURST), now)
        self.ends = now + time_limit
        self.sent = 0
        self._places = {each.peer: place for place, each in enumerate(peer_probes)}
        self._queue: list[tuple[float, int]] = []  # (due, place); what an answer has made due at another time is in it twice
        for place in range(len(self.peer_probes)):
            self._wake(place)

    def _wake(self, place: int) -> None:
        due = self.peer_probes[place].due
        if due < NEVER:
            heapq.heappush(self._queue, (due, place))

    def next(self) -> float:
        first = self._first()
        return first if first == NEVER else max(first, self.bucket.opens())

    def take(self, now: float) -> list[Packet]:
        _due, place = heapq.heappop(self._queue)
        packets = self.peer_probes[place].take(now)
        self._wake(place)
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
        """As Dialogue.answered. What belongs to no peer is passed over."""
        place = self._places.get(peer)
        if place is not None:
            before = self.peer_probes[place].due
            self.peer_probes[place].answered(kind, size, number, at, fragmented)
            self._changed(place, before)

    def refused(self, peer: int, kind: str, size: int, refusal: Refusal, at: float) -> None:
        """As Dialogue.refused."""
        place = self._places.get(peer)
        if place is not None:
            before = self.peer_probes[place].due
            self.peer_probes[place].refused(kind, size, refusal, at)
            self._changed(place, before)

    def neighbour(self, peer: int, mac: str) -> None:
        """As Dialogue.neighbour."""
        place = self._places.get(peer)
        if place is not None:
            self.peer_probes[place].neighbour(mac)

    def _changed(self, place: int, before: float) -> None:
        if self.peer_probes[place].due != before:
            self._wake(place)
