# SPDX-License-Identifier: GPL-3.0-or-later
"""Host HA: configuration, switches, which hosts are eligible, and their states (recorded/ha.json, ha-race.json,
kvm-host-ha.json; KVMHAProvider.java:49-57)."""

from __future__ import annotations

from collections.abc import Callable

from .. import ha_look, ha_states, ha_work, hosts
from ..cloud import Cloud
from ..errors import bad_parameter, failed, not_understood
from ..records import Record
from ..registry import Arguments, Work, command, switch
from . import oobm
from .common import listing

PROVIDERS = {"KVM": "KVMHAProvider", "Simulator": "SimulatorHAProvider"}
COMES_BACK = 20.0  # seconds from a recovery to the pass that finds it Up again (ha.json: 22)
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
        old = row.get("ha") or _new(cloud)
        row["ha"] = {**old, "provider": name}
        return {"hostha": {"hostid": row.uuid, "haprovider": name, "status": True}}

    return Work(work)


def _new(cloud: Cloud) -> dict:
    """Of a host that was not configured before."""
    known = {"enabled": False, "state": "Disabled", "fresh": True, "configured": cloud.clock.now()}
    return {**known, **ha_states.counters()}


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
            ha.update(ha_states.counters(), state="Disabled")
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
        _look_at(cloud, row)
        if row.get("ha_back") and cloud.clock.now() >= row["ha_back"]:
            row["ha_back"] = None
            hosts.set_state(cloud, row, "Up")


def hear(cloud: Cloud) -> None:
    """Between two polls: a health check that has failed makes its host Suspect at once
    (HealthCheckTask.processResult())."""
    for row in cloud.table("host"):
        if row.get("ha") and row["ha"]["state"] == "Available" and ha_look.is_told(cloud, row):
            _look_at(cloud, row)


def _look_at(cloud: Cloud, row: Record) -> None:
    """What one pass makes of a host's state."""
    ha = row["ha"]
    if not ha["enabled"] or any(_off(cloud, row, level) for level in ("cluster", "zone")):
        ha["state"] = "Disabled"
    elif not eligible(cloud, row):
        # Fenced knows no event Ineligible: the real server logs a warning in each pass, and leaves it (kvm-host-ha)
        ha["state"] = "Fenced" if ha["state"] == "Fenced" else "Ineligible"
    else:
        for before, event, after in ha_states.step(ha, _look(cloud, row), _timers(cloud, row), cloud.clock.now()):
            _note(cloud, row, before, event, after)


def _note(cloud: Cloud, row: Record, before: str, event: str, after: str) -> None:
    """The transition where the simulator plug-in lists it (each twice, but for a retry), and its event."""
    if "ha_transitions" in row.data:
        shown = {
            "hastate": after.lower(), "prevhastate": before.lower(), "event": event.lower(),
            "activitycounter": row["ha"]["checks"], "recoverycounter": row["ha"]["recoveries"],
        }  # fmt: skip
        row["ha_transitions"] += [shown] * (1 if before == after else 2)
    text = f"Transitioned host HA state from: {before} to: {after} due to event:{event}"
    cloud.event("HA.STATE.TRANSITION", f"{text} for the host {row} with id: {row.number}", row, "system")
    if after == "Fenced":
        cloud.alert(30, "ALERT.HA.ACTION", f"HA Fencing of host id={row.number}, in dc id={row['zone']} performed")


def _timers(cloud: Cloud, row: Record) -> ha_states.Timers:
    """Those of the host's provider; of KVM's the settings of its cluster."""
    if row["hypervisor"] == "Simulator":
        return ha_states.SIMULATOR

    def setting(name: str) -> float:
        return float(cloud.settings.get(f"kvm.ha.{name}", ("cluster", row["cluster"])) or 0)

    return ha_states.Timers(
        interval=setting("activity.check.interval"),
        attempts=int(setting("activity.check.max.attempts")),
        ratio=setting("activity.check.failure.ratio"),
        degraded=setting("degraded.max.period"),
        recover_wait=setting("recover.wait.period"),
        threshold=int(setting("recover.failure.threshold")),
    )


def _look(cloud: Cloud, row: Record) -> ha_states.Look:
    """What the provider sees of the host, and does to it. Either action that works takes the host down."""
    staged = row.get("ha_staged")

    def recover() -> bool | None:
        worked = staged["recover"] if staged else ha_look.power(cloud, row, "RESET")
        if worked:
            ha_work.take_down(cloud, row)
            row["ha_back"] = cloud.clock.now() + COMES_BACK if staged else None
        return worked

    def fence() -> bool | None:
        worked = staged["fence"] if staged else ha_look.power(cloud, row, "OFF")
        if worked:
            ha_work.take_down(cloud, row)
            row["resourcestate"], row["ha_back"] = "Maintenance", None
        return worked

    if staged:
        return ha_states.Look(staged["health"], lambda: staged["activity"], recover, fence)
    return ha_states.Look(ha_look.healthy(cloud, row), lambda: ha_look.active(cloud, row), recover, fence)


def _off(cloud: Cloud, row: Record, level: str) -> bool:
    return bool(cloud.table(level).find(row[level]).get("ha_off"))


def eligible(cloud: Cloud, row: Record) -> bool:
    """Whether HA can guard the host: power control is enabled at all levels, the host is in service, and a neighbour is
    Up that can be asked. The simulator's provider wants no more than service and to be told how the host is."""
    if row["resourcestate"] != "Enabled":
        return False
    if row["hypervisor"] == "Simulator":
        return row.get("ha_staged") is not None
    oobm_row = row.get("oobm") or {}
    if not oobm_row.get("enabled") or oobm.off_above(cloud, row):
        return False
    neighbours = cloud.table("host").where(cluster=row["cluster"], hypervisor="KVM", state="Up")
    return any(other is not row for other in neighbours)


@command("configureSimulatorHAProviderState")
def stage(cloud: Cloud, given: Arguments) -> dict:
    """Of CloudStack's own simulator plug-in: how its provider finds a host, and whether its actions work."""
    row = cloud.get("host", given["hostid"])
    row["ha_staged"] = {name: given[name] for name in ("health", "activity", "recover", "fence")}
    row["ha_transitions"] = []
    if row.get("ha"):
        row["ha"].update(ha_states.counters())
    return {"success": True}


@command("listSimulatorHAStateTransitions")
def list_transitions(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("host", given["hostid"])
    return listing("hastatetransition", row.get("ha_transitions") or [], dict, given)


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
