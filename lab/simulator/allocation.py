# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a guest can run: what DeploymentPlanningManagerImpl, FirstFitPlanner and FirstFitAllocator leave over. The real
server chooses among these at random (setting vm.allocation.algorithm), here the first one by its number is taken."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from .cloud import Cloud
from .guests import MIB, offering_of, on_host, volume_of
from .records import Record

IN_DISABLED = "allow.admin.vm.on.disabled.resources"
SHARE = "cluster.{}.allocated.capacity.disablethreshold"


class Room(NamedTuple):
    """MHz and bytes."""

    cpu: float
    memory: float

    def plus(self, other: Room) -> Room:
        """Both together."""
        return Room(self.cpu + other.cpu, self.memory + other.memory)


class Place(NamedTuple):
    """A host, and the pool for the root volume."""

    host: Record
    pool: Record


def needed(cloud: Cloud, guest: Record) -> Room:
    """What a guest takes of its host."""
    offering = offering_of(cloud, guest)
    return Room(offering["cpunumber"] * offering["cpuspeed"], offering["memory"] * MIB)


def used(cloud: Cloud, host: Record) -> Room:
    """What guests and system VMs take of a host."""
    total = Room(0, 0)
    for guest in on_host(cloud, host):
        total = total.plus(needed(cloud, guest))
    for machine in cloud.table("systemvm").where(host=host.number):
        total = total.plus(Room(machine["cpuspeed"], machine["memory"] * MIB))
    return total


def capacity(cloud: Cloud, host: Record) -> Room:
    """What the scheduler counts a host for."""
    cpu, memory = (_setting(cloud, host, f"{what}.overprovisioning.factor") for what in ("cpu", "mem"))
    return Room(host["cpunumber"] * host["cpuspeed"] * cpu, host["memorytotal"] * memory)


def _setting(cloud: Cloud, host: Record, name: str) -> float:
    return float(cloud.settings.get(name, ("cluster", host["cluster"])) or 0)


def place_for(
    cloud: Cloud, guest: Record, wanted: Record | None = None, avoid: Container[int] = (), ha: bool = False
) -> Place | None:
    """A place for a guest that is to start; None: there is no destination. `wanted`: the caller has named the host;
    `ha`: after the death of its host, which prefers the hosts with ha.tag and takes a cluster that is nearly full."""
    hosts = [wanted] if wanted else _ordered(cloud, guest)
    for host in hosts:
        if host.number in avoid or not suits(cloud, guest, host, ha):
            continue
        if not wanted and not ha and _nearly_full(cloud, guest, host):
            continue
        pool = pool_for(cloud, guest, host)
        if pool is not None:
            return Place(host, pool)
    return None


def _ordered(cloud: Cloud, guest: Record) -> list[Record]:
    """The hosts of the zone, the one that the guest was on last first."""
    rows = cloud.table("host").where(zone=guest["zone"], type="Routing")
    return sorted(rows, key=lambda row: (row.number != guest["lasthost"], row.number))


def suits(cloud: Cloud, guest: Record, host: Record, ha: bool = False) -> bool:
    """Whether the guest may and can run there."""
    template = cloud.table("template").any(guest["template"])
    if (host["state"], host["resourcestate"], host["hypervisor"]) != ("Up", "Enabled", template["hypervisor"]):
        return False
    return not _disabled(cloud, host) and _tagged(cloud, guest, host, ha) and fits(cloud, guest, host)


def _disabled(cloud: Cloud, host: Record) -> bool:
    """A disabled zone, pod or cluster takes no guest, not even the administrator's."""
    if cloud.settings.get(IN_DISABLED) == "true":
        return False
    return any(
        cloud.table(name).find(host[name])["allocationstate"] != "Enabled" for name in ("zone", "pod", "cluster")
    )


def _tagged(cloud: Cloud, guest: Record, host: Record, ha: bool) -> bool:
    """All tags of the offering. Guests whose host has died go to hosts with ha.tag alone, and others go there only by
    a tag of their offering (FirstFitAllocator)."""
    tags, wanted = set(host.get("tags") or ()), _words(offering_of(cloud, guest).get("hosttags"))
    tag = cloud.settings.get("ha.tag")
    if tag and tag != "None" and (tag in tags) != ha and (ha or not wanted):
        return False
    return wanted <= tags


def _words(text: Any) -> set[str]:
    return {word.strip() for word in str(text or "").split(",") if word.strip()}


def fits(cloud: Cloud, guest: Record, host: Record) -> bool:
    """CPU and memory. The guest itself does not count where it is there already."""
    taken = used(cloud, host)
    if guest["host"] != host.number:
        taken = taken.plus(needed(cloud, guest))
    room = capacity(cloud, host)
    return taken.cpu <= room.cpu and taken.memory <= room.memory


def _nearly_full(cloud: Cloud, guest: Record, host: Record) -> bool:
    """Whether the guest would take its cluster over the thresholds (FirstFitPlanner)."""
    members = cloud.table("host").where(cluster=host["cluster"], state="Up", resourcestate="Enabled")
    taken, room = needed(cloud, guest), Room(0, 0)
    for member in members:
        taken, room = taken.plus(used(cloud, member)), room.plus(capacity(cloud, member))
    cpu, memory = (_setting(cloud, host, SHARE.format(what)) for what in ("cpu", "memory"))
    return taken.cpu > cpu * room.cpu or taken.memory > memory * room.memory


def pool_for(cloud: Cloud, guest: Record, host: Record) -> Record | None:
    """The pool of the guest's volume if the host has it; for a volume that is nowhere yet the first one that would
    do."""
    pools = [pool for pool in cloud.table("storagepool").where(zone=guest["zone"], state="Up") if _reaches(host, pool)]
    bound = volume_of(cloud, guest)["pool"]
    if bound is not None:
        return next((pool for pool in pools if pool.number == bound), None)
    local = offering_of(cloud, guest)["storagetype"] == "local"
    return next((pool for pool in pools if (pool["scope"] == "HOST") == local), None)


def _reaches(host: Record, pool: Record) -> bool:
    """Whether a host has a pool."""
    if pool["scope"] == "HOST":
        return pool.get("host") == host.number
    if pool["hypervisor"] not in (None, host["hypervisor"]):
        return False
    return pool["scope"] == "ZONE" or pool.get("cluster") == host["cluster"]
