# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""If this host dies now: which guests come back, where there is room for them, and which do not and why.

The rules are those of HighAvailabilityManagerImpl.scheduleRestartForVmsOnHost() and restart() of CloudStack 4.22, and
of its deployment planner. Whether the guests fit is tried as a careful planner would: those with the fewest hosts to go
to first, then the largest, each on the host with the most free memory. CloudStack takes them in no such order, so what
fits only in a cleverer one is not safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.fencing import obstacles
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.consequence import (
    ALONE,
    DISABLED,
    HA_OFF,
    LOCAL_STORAGE,
    NO_HA,
    NO_ROOM,
    NOT_FENCED,
    NOWHERE,
    POOL_DOWN,
    Consequence,
    Loss,
    Placement,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import full
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import (
    LOCAL,
    STRICT_APART,
    STRICT_TOGETHER,
    UP,
    Guest,
    HaHost,
    Site,
)


@dataclass
class _Room:
    """A host that guests may be started on, while they are placed."""

    host: HaHost
    cpu: int
    memory: int
    gpus: int
    groups: set[str] = field(default_factory=set)

    def fits(self, guest: Guest) -> bool:
        return guest.cpu <= self.cpu and guest.memory <= self.memory and guest.gpus <= self.gpus

    def take(self, guest: Guest) -> None:
        self.cpu -= guest.cpu
        self.memory -= guest.memory
        self.gpus -= guest.gpus
        self.groups |= {name for name, _type in guest.groups}


def consequences(site: Site) -> tuple[Consequence, ...]:
    """One for each host, by name."""
    return tuple(if_dies(site, host) for host in sorted(site.hosts, key=lambda each: each.name))


def if_dies(site: Site, host: HaHost) -> Consequence:
    """What follows if this host dies now.

    A host without a guest is not fenced: there is no volume whose activity could be missed (F63). That is no loss.
    """
    guests = site.on(host.name)
    because = "; ".join(f"{each.observed} ({each.check})" for each in obstacles(site, host))
    losses = [loss for loss in (_never(site, guest) for guest in guests) if loss]
    lost = {loss.guest for loss in losses}
    placed, unplaced = _place(site, host, [guest for guest in guests if guest.name not in lost])
    if because:
        told = f"its host would not be fenced: {because}"
        unplaced += [Loss(each.guest, NOT_FENCED, told) for each in placed]
        placed = []
    elif not guests:
        because = "it has no guest, so that no activity can be missed (HAV017)"
    stays = tuple(sorted([*losses, *unplaced], key=lambda loss: loss.guest))
    return Consequence(host.name, not because, because, tuple(placed), stays)


def _never(site: Site, guest: Guest) -> Optional[Loss]:
    """Why a guest is not restarted at all, wherever there is room."""
    settings = full(site.settings)
    pools = [(name, site.pool(name)) for name in guest.pools]
    local = [name for name, pool in pools if pool and pool.scope == LOCAL]
    down = [f"{name} is {pool.state}" for name, pool in pools if pool and pool.scope != LOCAL and not pool.in_use]
    if local:
        return Loss(guest.name, LOCAL_STORAGE, f"a volume is on the local storage {', '.join(local)}")
    if not (guest.ha or guest.system or settings["force.ha"]):
        return Loss(guest.name, NO_HA, f"HA is off for it (offerha of its offering {guest.offering or 'not told'})")
    if not settings["vm.ha.enabled"]:
        return Loss(guest.name, HA_OFF, f"vm.ha.enabled is false for the zone {site.zone}")
    if down:
        return Loss(guest.name, POOL_DOWN, f"the pool {', '.join(down)}")
    if site.disabled:
        return Loss(guest.name, DISABLED, f"the {site.disabled}: no guest is started in it")
    return None


def _place(site: Site, dead: HaHost, guests: Iterable[Guest]) -> tuple[list[Placement], list[Loss]]:
    rooms = _rooms(site, dead)
    placed, losses = [], []
    waiting = [(guest, [room for room in rooms if _allowed(site, room, guest)]) for guest in guests]
    for guest, allowed in sorted(waiting, key=lambda each: (len(each[1]), -each[0].memory, -each[0].cpu, each[0].name)):
        # What was placed before may have taken the place of an affinity group.
        fitting = [room for room in allowed if room.fits(guest) and _apart(room, guest)]
        if fitting:
            room = max(fitting, key=lambda each: (each.memory, each.cpu, each.host.name))
            room.take(guest)
            placed.append(Placement(guest.name, room.host.name))
        else:
            losses.append(_unplaced(site, dead, guest, allowed))
    return sorted(placed, key=lambda each: each.guest), losses


def _rooms(site: Site, dead: HaHost) -> list[_Room]:
    rooms = []
    for host in site.hosts:
        if host.name == dead.name or not host.usable:
            continue
        groups = {name for guest in site.on(host.name) for name, _type in guest.groups}
        rooms.append(
            _Room(
                host,
                host.cpu - host.cpu_used,
                host.memory - host.memory_used,
                host.gpus - host.gpus_used,
                groups,
            )
        )
    return rooms


def _allowed(site: Site, room: _Room, guest: Guest) -> bool:
    """Whether the guest may run there at all, however much room there is."""
    tag = str(full(site.settings)["ha.tag"])
    if tag and tag not in room.host.tags:
        return False
    if not set(guest.tags) <= set(room.host.tags):
        return False
    return _apart(room, guest) and _together(site, room, guest)


def _apart(room: _Room, guest: Guest) -> bool:
    return not any(kind == STRICT_APART and name in room.groups for name, kind in guest.groups)


def _together(site: Site, room: _Room, guest: Guest) -> bool:
    """Guests of a strict affinity group go to where the group's other guests are; if all of them are on the dead host,
    anywhere.
    """
    for name, kind in guest.groups:
        elsewhere = {
            each.host
            for each in site.guests
            if each.host != guest.host and name in {group for group, _kind in each.groups}
        }
        if kind == STRICT_TOGETHER and elsewhere and room.host.name not in elsewhere:
            return False
    return True


def _unplaced(site: Site, dead: HaHost, guest: Guest, allowed: list[_Room]) -> Loss:
    if allowed:
        free = "; ".join(f"{room.host.name} has {room.memory // 2**20} MiB and {room.cpu} MHz left" for room in allowed)
        needs = f"{guest.memory // 2**20} MiB and {guest.cpu} MHz"
        needs += f" and {guest.gpus} GPUs" if guest.gpus else ""
        return Loss(guest.name, NO_ROOM, f"it needs {needs}, and after the other guests {free}")
    others = [host for host in site.hosts if host.name != dead.name]
    usable = [host.name for host in others if host.usable]
    if not usable:
        states = ", ".join(f"{host.name} is {host.state} and {host.resource_state}" for host in others)
        reason = NO_ROOM if any(host.state == UP for host in others) else ALONE
        return Loss(guest.name, reason, f"no other host of the cluster is Up and Enabled: {states or 'there is none'}")
    wants = [f"the host tags {', '.join(guest.tags)}"] if guest.tags else []
    wants += [f"the affinity group {name} ({kind})" for name, kind in guest.groups]
    tag = full(site.settings)["ha.tag"]
    wants += [f"ha.tag {tag}"] if tag else []
    return Loss(guest.name, NOWHERE, f"{' and '.join(wants)} leave it none of {', '.join(usable)}")
