# SPDX-License-Identifier: GPL-3.0-or-later
"""Host HA: configuration and switches, and which hosts are eligible (recorded/ha.json, ha-race.json;
KVMHAProvider.java:49-57)."""

from __future__ import annotations

from collections.abc import Callable

from ..cloud import Cloud
from ..errors import bad_parameter, failed, not_understood
from ..records import Record
from ..registry import Arguments, Work, command, switch
from .common import listing

PROVIDERS = {"KVM": "KVMHAProvider", "Simulator": "SimulatorHAProvider"}
UNSUPPORTED = "Invalid or unsupported host hypervisor type provided. Supported types are: [KVM, Simulator, Unknown]"


def view(row: Record) -> dict:
    """Host HA of a host, as the calls of its own show it."""
    ha = row["ha"]
    return {"hostid": row.uuid, "haenable": ha["enabled"], "hastate": ha["state"], "haprovider": ha["provider"]}


@command("listHostHAProviders")
def list_providers(cloud: Cloud, given: Arguments) -> dict:
    name = PROVIDERS.get(given["hypervisor"])
    if name is None:
        raise not_understood(UNSUPPORTED)
    return {"count": 1, "haprovider": [{"haprovider": name}]}


@command("listHostHAResources", "hostid")
def list_resources(cloud: Cloud, given: Arguments) -> dict:
    rows = [row for row in cloud.table("host") if row.get("ha") and given.get("hostid", row.number) == row.number]
    return listing("hostha", rows, view, given)


@command("configureHAForHost")
def configure(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["hostid"])

    def work() -> dict:
        known = {name.lower(): kind for kind, name in PROVIDERS.items()}
        name = given["provider"].lower()
        if name not in known:
            raise failed(f"Given HA provider [{given['provider']}] does not exist.")
        if known[name] != row["hypervisor"]:
            raise bad_parameter(
                f"Incompatible haprovider provided [{known[name]}] for the resource [{row.uuid}] of hypervisor type: "
                f"[{row['hypervisor']}]."
            )
        old = row.get("ha") or {"enabled": False, "state": "Disabled", "fresh": True, "configured": cloud.clock.now()}
        row["ha"] = {**old, "provider": name}
        return {"hostha": {"hostid": row.uuid, "haprovider": name, "status": True}}

    return Work(work)


def _switch(cloud: Cloud, given: Arguments, on: bool) -> Work:
    row = cloud.get("host", given["hostid"])

    def work() -> dict:
        ha = row.get("ha")
        if not ha:
            raise bad_parameter(f"HAProvider is not provided for the resource [{row.number}], failing configuration.")
        if cloud.clock.now() - ha["configured"] >= interval(cloud):
            ha["fresh"] = False  # a poll has come by since the row was made
        ha["enabled"] = on
        if not on:
            ha["state"] = "Disabled"
        return {"hostha": {"hostid": row.uuid, "haenable": on, "status": True}}

    return Work(work)


switch("HAForHost", _switch)


def interval(cloud: Cloud) -> float:
    """Seconds between two polls."""
    return cloud.settings.number("outofbandmanagement.background.task.execution.interval") or 4


def tick(cloud: Cloud) -> None:
    """One poll. It switches HA off on a row that it never saw before, also when that was enabled meanwhile
    (recorded/ha-race.json)."""
    for row in cloud.table("host"):
        ha = row.get("ha")
        if not ha:
            continue
        if ha["fresh"]:
            ha["fresh"], ha["enabled"] = False, False
        ha["state"] = _next_state(cloud, row)


def _next_state(cloud: Cloud, row: Record) -> str:
    ha = row["ha"]
    if not ha["enabled"] or any(_off(cloud, row, level) for level in ("cluster", "zone")):
        return "Disabled"
    return "Available" if eligible(cloud, row) else "Ineligible"


def _off(cloud: Cloud, row: Record, level: str) -> bool:
    return bool(cloud.table(level).find(row[level]).get("ha_off"))


def eligible(cloud: Cloud, row: Record) -> bool:
    """Whether HA can guard the host: power control works, it is enabled, and a neighbour is Up that can be asked."""
    oobm = row.get("oobm") or {}
    if row["hypervisor"] != "KVM" or not oobm.get("enabled") or row["resourcestate"] != "Enabled":
        return False
    neighbours = cloud.table("host").where(cluster=row["cluster"], hypervisor="KVM", state="Up")
    return any(other is not row for other in neighbours)


def _switch_group(table: str) -> Callable[[Cloud, Arguments, bool], Work]:
    def handler(cloud: Cloud, given: Arguments, on: bool) -> Work:
        row = cloud.get(table, given[f"{table}id"])

        def work() -> dict:
            row["ha_off"] = not on
            row["details"] = {**(row.get("details") or {}), "resourceHAEnabled": str(on).lower()}
            return {"success": on}  # the job of disable succeeds and says false

        return Work(work)

    return handler


switch("HAForCluster", _switch_group("cluster"))
switch("HAForZone", _switch_group("zone"))
