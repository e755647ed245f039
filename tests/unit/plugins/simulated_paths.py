# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths without a network: what a peer's probe sends is answered, lost or refused as a table says, on a clock that only
moves when somebody waits."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    ARP,
    ECHO,
    ROUTER,
    UDP,
    Packet,
    Refusal,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peer_probe import PeerProbe, Settings
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_schedule import ProbeSchedule
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import SizeHints


@dataclass
class Path:
    """The way to a peer and back. `drops`: by number of the small packet. `router`: he says what he cannot carry, and
    which MTU (0: does not say)."""

    mtu: int = 1500
    back: int = 65535
    loss: float = 0.0
    rtt: float = 0.0005
    router: Optional[int] = None
    icmp_errors: bool = True
    mac: str = "02:00:00:00:00:01"
    fragments: bool = False
    drops: Callable[[int], bool] = lambda _number: False


@dataclass
class World:
    """What happened: when it was over, what was sent when, and the outcomes in the order of the paths."""

    now: float = 0.0
    log: list[tuple[float, Packet]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    peer_probes: list[PeerProbe] = field(default_factory=list)

    def sizes(self, kind: str = ECHO) -> list[int]:
        return [packet.size for _when, packet in self.log if packet.kind == kind]


def ask(
    paths: Sequence[Path],
    size: int = 1500,
    *,
    own: int = 0,
    v6: bool = False,
    seed: int = 1,
    rate: float = 1000,
    limit: float = 30,
    **options: Any,
) -> World:
    """Ask about `size` along all paths at once, from a device with MTU `own`."""
    arp = options.pop("arp", True)
    settings, hints, rng = Settings(**options), SizeHints(), random.Random(seed)
    world = World()
    world.peer_probes = [PeerProbe(number, v6, size, own or size, settings, hints, arp) for number in range(len(paths))]
    schedule = ProbeSchedule(world.peer_probes, rate, limit, 0.0)
    flying: list[tuple[float, int, Packet]] = []
    while world.now < schedule.ends:
        while schedule.next() <= world.now:
            for packet in schedule.take(world.now):
                world.log.append((world.now, packet))
                if _arrives(paths[packet.peer], packet, rng):
                    heapq.heappush(
                        flying, (world.now + paths[packet.peer].rtt * (1 + rng.random()), len(world.log), packet)
                    )
        due = min(schedule.next(), flying[0][0] if flying else math.inf)
        if due == math.inf:
            break
        world.now = max(world.now, min(due, schedule.ends))
        while flying and flying[0][0] <= world.now:
            _answer(schedule, paths, *heapq.heappop(flying))
    schedule.stop()
    world.outcomes = [peer_probe.outcome(world.now) for peer_probe in world.peer_probes]
    return world


def _arrives(path: Path, packet: Packet, rng: random.Random) -> bool:
    """Whether there will be an answer of any kind."""
    if packet.kind == ARP:
        return bool(path.mac)
    lost = rng.random() < path.loss or (packet.size <= 104 and path.drops(packet.number))
    if packet.kind == UDP:
        return path.icmp_errors and not lost and packet.size <= path.mtu
    return not lost and (
        packet.size <= min(path.mtu, path.back) or (path.router is not None and packet.size > path.mtu)
    )


def _answer(schedule: ProbeSchedule, paths: Sequence[Path], at: float, _number: int, packet: Packet) -> None:
    path = paths[packet.peer]
    if packet.kind == ARP:
        schedule.neighbour(packet.peer, path.mac)
    elif packet.kind == ECHO and packet.size > path.mtu:
        refusal = Refusal(ROUTER, f"192.0.2.1: fragmentation needed, MTU {path.router}", "192.0.2.1", path.router or 0)
        schedule.refused(packet.peer, ECHO, packet.size, refusal, at)
    else:
        schedule.answered(
            packet.peer, packet.kind, packet.size, packet.number, at, path.fragments and packet.size > 104
        )
