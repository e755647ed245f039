# SPDX-License-Identifier: GPL-3.0-or-later
"""How full zones, pods and clusters are (recorded/zone-ready.json, zone.json, more.json)."""

from __future__ import annotations

from collections.abc import Iterable

from .. import allocation, guests
from ..cloud import Cloud
from ..errors import ApiError
from ..records import Record
from ..registry import Arguments, command
from ..validate import page_of

TYPES = {
    "MEMORY": 0, "CPU": 1, "STORAGE": 2, "STORAGE_ALLOCATED": 3, "SECONDARY_STORAGE": 6, "LOCAL_STORAGE": 9, "GPU": 19,
    "OBJECT_STORAGE": 20,
    "CPU_CORE": 90,
}  # fmt: skip
OF_HOSTS = ("MEMORY", "CPU", "GPU", "CPU_CORE")
POOL = 1099511627776  # bytes of a pool of the simulator plug-in


def _entry(name: str, used: int, total: int) -> dict:
    share = f"{100 * used / total:.2f}".rstrip("0").rstrip(".") if total else "0"
    return {"type": TYPES[name], "name": name, "capacityused": used, "capacitytotal": total, "percentused": share}


def _of_hosts(cloud: Cloud, hosts: list[Record]) -> Iterable[dict]:
    """What hosts have, and what guests and system VMs take of it."""
    numbers = {row.number for row in hosts}
    machines = [row for row in cloud.table("systemvm") if row["host"] in numbers]
    used, total = dict.fromkeys(OF_HOSTS, 0), dict.fromkeys(OF_HOSTS, 0)
    for row in hosts:
        total["MEMORY"] += row["memorytotal"]
        total["CPU"] += row["cpunumber"] * row["cpuspeed"]
        total["CPU_CORE"] += row["cpunumber"]
        taken, there = allocation.used(cloud, row), guests.on_host(cloud, row)
        used["MEMORY"] += int(taken.memory)
        used["CPU"] += int(taken.cpu)
        used["CPU_CORE"] += sum(guests.offering_of(cloud, guest)["cpunumber"] for guest in there)
    used["CPU_CORE"] += len(machines)
    return [_entry(name, used[name], total[name]) for name in OF_HOSTS]


def _pools(cloud: Cloud, local: bool, **where: int) -> int:
    pools = [row for row in cloud.table("storagepool").where(**where) if (row["scope"] == "HOST") == local]
    return sum(row.get("capacity", POOL) for row in pools)


def of_zone(cloud: Cloud, row: Record) -> list[dict]:
    """As listZones shows it."""
    storage = _entry("STORAGE", 0, _pools(cloud, False, zone=row.number))
    hosts = cloud.table("host").where(zone=row.number)
    return [
        *(_of_hosts(cloud, hosts) if hosts else ()),
        storage,
        _entry("SECONDARY_STORAGE", 0, 0),
        _entry("OBJECT_STORAGE", 0, 0),
    ]


def of_pod(cloud: Cloud, row: Record) -> list[dict]:
    """As listPods shows it."""
    hosts = cloud.table("host").where(pod=row.number)
    return [*(_of_hosts(cloud, hosts) if hosts else ()), _entry("STORAGE", 0, _pools(cloud, False, pod=row.number))]


def of_cluster(cloud: Cloud, row: Record) -> list[dict]:
    """As listClusters shows it."""
    shared, local = (_pools(cloud, kind, cluster=row.number) for kind in (False, True))
    hosts = [
        entry for entry in _of_hosts(cloud, cloud.table("host").where(cluster=row.number)) if entry["name"] != "GPU"
    ]
    return [
        *hosts,
        _entry("STORAGE", 0, shared),
        _entry("STORAGE_ALLOCATED", 0, 2 * shared),
        _entry("LOCAL_STORAGE", 0, local),
    ]


@command("listCapacity", "sortby type zoneid")
def list_capacity(cloud: Cloud, given: Arguments) -> dict:
    rows = [row for zone in _zones(cloud, given) for row in _listed(cloud, zone)]
    if given.get("type") is not None:
        # the GPUs stand in the whole list, and are not found by their type
        rows = [row for row in rows if row["type"] == given["type"] != TYPES["GPU"]]
    if rows and given.get("sortby"):  # rows of a whole zone have no pod, which the real server forgets when it sorts
        text = 'Cannot invoke "com.cloud.dc.HostPodVO.getUuid()" because the return value of "com.cloud.api.ApiDBUtils.findPodById(java.lang.Long)" is null'  # noqa: E501
        raise ApiError(530, text)
    shown = page_of(sorted(rows, key=lambda row: row["type"]), given)
    return {"count": len(rows), "capacity": shown} if rows else {}


def _zones(cloud: Cloud, given: Arguments) -> list[Record]:
    zones = list(cloud.table("zone"))
    return zones if given.get("zoneid") is None else [row for row in zones if row.number == given["zoneid"]]


def _listed(cloud: Cloud, zone: Record) -> Iterable[dict]:
    """Rows of a zone that has hosts; memory, CPU and GPU also tell what is allocated."""
    hosts = cloud.table("host").where(zone=zone.number)
    if not hosts:
        return
    storage = [_entry("STORAGE", 0, _pools(cloud, False, zone=zone.number)), _entry("SECONDARY_STORAGE", 0, 0)]
    for entry in [*_of_hosts(cloud, hosts), *storage]:
        allocated = {"capacityallocated": entry["capacityused"]} if entry["name"] in OF_HOSTS else {}
        yield {**entry, **allocated, "zoneid": zone.uuid, "zonename": zone["name"]}
