# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance and degradation of hosts (recorded/maintenance.json, host-lifecycle.json)."""

from __future__ import annotations

from .. import evacuation, hosts
from ..cloud import Cloud
from ..errors import ApiError, bad_parameter, failed
from ..records import Record
from ..registry import Arguments, Work, command

MAINTENANCE = ("Maintenance", "PrepareForMaintenance", "ErrorInMaintenance", "ErrorInPrepareForMaintenance")


def no_next_state(row: Record, event: str) -> str:
    """The text of an event that the state machine does not know."""
    return f"No next resource state found for current state = {row['resourcestate']} event = {event}"


@command("prepareHostForMaintenance")
def prepare(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.table("host").find(given["id"])
    if row is None:  # a number that nobody has: noticed inside the job
        return Work(
            lambda: _refuse(f"Unable to find host with ID: {given['id']}. Please specify a valid host ID."),
            ("Host", None),
        )

    def work() -> dict:
        reason = None
        if row["resourcestate"] in MAINTENANCE:
            reason = f"Host is already in state {row['resourcestate']}. Cannot recall for maintenance until resolved."
        elif row["state"] != "Up":
            reason = f"Unable to prepare for maintenance host {row}"
        elif row["resourcestate"] != "Enabled":
            reason = f"Cannot transit resource state of {row} to Maintenance{no_next_state(row, 'AdminAskMaintenance')}"
        elif others := _preparing(cloud, row):
            reason = others
        if reason:
            _refuse(reason)
        row["resourcestate"] = "PrepareForMaintenance"
        row["maintenance_from"] = evacuation.until_ping(cloud)
        return {"host": hosts.view(cloud, row)}

    return Work(work, ("Host", row.uuid))


def _refuse(reason: str) -> None:
    raise failed(f"Failed to prepare host for maintenance due to: {reason}")


def _preparing(cloud: Cloud, row: Record) -> str:
    """Only one host of a cluster at a time may move its guests away."""
    states = ("PrepareForMaintenance", "ErrorInPrepareForMaintenance")
    if not any(other["resourcestate"] in states for other in cloud.table("host").where(cluster=row["cluster"])):
        return ""
    return (
        "There are other servers attempting migrations for maintenance. Found hosts in PrepareForMaintenance OR "
        "ErrorInPrepareForMaintenance STATUS in"
        f" cluster {cloud.table('cluster').find(row['cluster'])}"
    )


@command("cancelHostMaintenance")
def cancel(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["id"])

    def work() -> dict:
        if row["resourcestate"] not in MAINTENANCE:
            raise failed(f"Cannot perform cancelMaintenance when resource state is {row['resourcestate']}, host: {row}")
        row["resourcestate"] = "Enabled"
        return {"host": hosts.view(cloud, row)}

    return Work(work, ("Host", row.uuid))


@command("declareHostAsDegraded")
def declare_degraded(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["id"])

    def work() -> dict:
        if row["resourcestate"] == "Degraded":
            raise failed(f"Failed to declare host as Degraded due to: Host ({row}) was already marked as Degraded.")
        if row["state"] not in ("Alert", "Disconnected"):
            raise bad_parameter(
                f"Cannot perform declare host ({row}) as 'Degraded' when host is in {row['state']} status"
            )
        row["resourcestate"] = "Degraded"
        return {"host": hosts.view(cloud, row)}

    return Work(work, ("Host", row.uuid))


@command("cancelHostAsDegraded")
def cancel_degraded(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["id"])

    def work() -> dict:
        if row["resourcestate"] != "Degraded":
            raise ApiError(
                530,
                "Failed to Cancel host from Degraded status due to: Cannot perform cancelHostAsDegraded on host"
                f" ({row}) when host is in {row['resourcestate']} state",
            )
        row["resourcestate"] = "Enabled"
        return {"host": hosts.view(cloud, row)}

    return Work(work, ("Host", row.uuid))
