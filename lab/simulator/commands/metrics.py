# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of hosts, clusters and zones (recorded/host-simulator.json, misc.json): what the lists show, with sums beside
it."""

from __future__ import annotations

from collections.abc import Callable

from .. import guests, hosts
from ..cloud import Cloud
from ..records import Record
from ..registry import Arguments, command
from . import cluster, zone
from .common import by_id, listing

GIGABYTE = 1073741824
COLLECTED = 60  # seconds after a host came until the collector has been there
THRESHOLDS = ("threshold", "disablethreshold", "allocatedthreshold", "allocateddisablethreshold")


def _sums(rows: list[Record]) -> tuple[str, str]:
    """(CPU, memory) of hosts as figures show them."""
    cpu, memory = sum(row["cpunumber"] * row["cpuspeed"] for row in rows), sum(row["memorytotal"] for row in rows)
    return f"{cpu / 1000:.2f} Ghz", f"{memory / GIGABYTE:.2f} GB"


def _instances(cloud: Cloud, row: Record) -> str:
    there = guests.on_host(cloud, row)
    return _share(there, lambda guest: guest["state"] == "Running")


def _host(cloud: Cloud, row: Record) -> dict:
    cpu, memory = _sums([row])
    since = cloud.clock.now() - row.get("added", 0)
    used = (
        {"cpuusedghz": "0.00 Ghz", "memoryusedgb": "0.00 GB", "networkread": "0.03 GB", "networkwrite": "0.02 GB"}
        if since >= COLLECTED
        else {}
    )
    limits = THRESHOLDS if used else THRESHOLDS[2:]
    return {
        **hosts.view(cloud, row), "powerstate": hosts.oobm_view(row)["powerstate"], "instances": _instances(cloud, row),
        "systeminstances": "0 / 0",
        "cputotalghz": cpu, "cpuallocatedghz": "0.00 Ghz", "memorytotalgb": memory, "memoryallocatedgb": "0.00 GB",
        **used,
        **{f"{what}{limit}": False for what in ("cpu", "memory") for limit in limits},
    }  # fmt: skip


def _group(cloud: Cloud, row: Record, members: str) -> dict:
    """What clusters and zones have in common. `members`: how many of their parts are Up or Enabled, of how many."""
    cpu, memory = _sums(cloud.table("host").where(**{row.table: row.number}))
    return {
        "state": row["allocationstate"], members.split()[0]: members.partition(" ")[2], "cputotal": cpu,
        "cpuallocated": "0.00%",
        "memorytotal": memory, "memoryallocated": "0.00%",
        **{f"{what}{limit}": False for what in ("cpu", "memory") for limit in THRESHOLDS},
    }  # fmt: skip


def _share(rows: list[Record], good: Callable[[Record], bool]) -> str:
    return f"{sum(good(row) for row in rows)} / {len(rows)}"


def _cluster(cloud: Cloud, row: Record) -> dict:
    up = _share(cloud.table("host").where(cluster=row.number), lambda host: host["state"] == "Up")
    return {**cluster.view(cloud, row), **_group(cloud, row, f"hosts {up}"), "drsimbalance": "0.00%"}


def _zone(cloud: Cloud, row: Record) -> dict:
    enabled = _share(cloud.table("cluster").where(zone=row.number), lambda part: part["allocationstate"] == "Enabled")
    return {**zone.view(cloud, row), **_group(cloud, row, f"clusters {enabled}")}


def _register(name: str, table: str, view: Callable[[Cloud, Record], dict], filters: dict[str, str]) -> None:
    @command(name, f"id keyword name {' '.join(filters)}")
    def list_metrics(cloud: Cloud, given: Arguments) -> dict:
        return listing(table, by_id(cloud.table(table), given, **filters), lambda row: view(cloud, row), given)


_register("listHostsMetrics", "host", _host, {"zoneid": "zone", "podid": "pod", "clusterid": "cluster"})
_register("listClustersMetrics", "cluster", _cluster, {"zoneid": "zone", "podid": "pod"})
_register("listZonesMetrics", "zone", _zone, {})
