# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted state, row) -> plan for a host that is registered: into service, out of it, into maintenance, away.

CloudStack allows few ways: a Disabled host cannot go into maintenance, one in maintenance cannot be disabled, and only one in
maintenance (or Degraded) can be deleted without force. Each step here is one that it allows after the step before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

Row = Mapping[str, Any]
MAINTENANCE = ("Maintenance", "PrepareForMaintenance", "ErrorInMaintenance", "ErrorInPrepareForMaintenance")
DELETABLE = ("Maintenance", "Degraded")
STATES = ("enabled", "disabled", "maintenance")


def plan_state(wanted: str, ip_address: str, row: Row) -> Plan:
    """What brings the host into `wanted`, one of STATES. Raises InputError where CloudStack would refuse."""
    steps = {"enabled": _to_enabled, "disabled": _to_disabled, "maintenance": _to_maintenance}[wanted]
    return Plan.of(steps(ip_address, row))


def plan_absent(ip_address: str, row: Row | None, forced: bool) -> Plan:
    """What takes the host out of CloudStack: through maintenance, so that its guests move away, or by force."""
    if row is None:
        return Plan()
    if forced:
        return Plan.of([delete(ip_address, row, forced=True)])
    before = [] if row.get("resourcestate") in DELETABLE else _to_maintenance(ip_address, row)
    return Plan.of([*before, delete(ip_address, row, forced=False)])


def delete(ip_address: str, row: Row, forced: bool) -> Change:
    """deleteHost; with force its guests are stopped or lost."""
    params = {"id": row["id"], **({"forced": True} if forced else {})}
    before = {"name": row.get("name"), "state": row.get("state"), "cluster": row.get("clustername") or row.get("clusterid")}
    return Change("delete", f"host {ip_address}", before=before, data={"command": "deleteHost", "params": params, "is_async": False})


def _to_enabled(ip_address: str, row: Row) -> list[Change]:
    state = row.get("resourcestate")
    if state == "Enabled":
        return []
    if state in MAINTENANCE:  # works at any point of it, and yields Enabled
        return [_step(ip_address, row, "cancelHostMaintenance", "Enabled")]
    if state == "Degraded":
        return [_step(ip_address, row, "cancelHostAsDegraded", "Enabled")]
    return [_step(ip_address, row, "updateHost", "Enabled", allocationstate="Enable")]


def _to_disabled(ip_address: str, row: Row) -> list[Change]:
    state = row.get("resourcestate")
    if state == "Disabled":
        return []
    before = [] if state == "Enabled" else _to_enabled(ip_address, row)
    now = {**row, "resourcestate": "Enabled"}
    return [*before, _step(ip_address, now, "updateHost", "Disabled", allocationstate="Disable")]


def _to_maintenance(ip_address: str, row: Row) -> list[Change]:
    state = row.get("resourcestate")
    if state in ("Maintenance", "PrepareForMaintenance"):  # the second: on its way, the caller waits
        return []
    if row.get("state") != "Up":
        raise _not_up(ip_address, row)
    before = [] if state == "Enabled" else _to_enabled(ip_address, row)
    now = {**row, "resourcestate": "Enabled"}
    return [*before, _step(ip_address, now, "prepareHostForMaintenance", "Maintenance")]


def _step(ip_address: str, row: Row, command: str, after: str, **params: str) -> Change:
    return Change(
        "update",
        f"host {ip_address}",
        before={"resource_state": row.get("resourcestate")},
        after={"resource_state": after},
        data={"command": command, "params": {"id": row["id"], **params}, "is_async": command != "updateHost"},
    )


def _not_up(ip_address: str, row: Row) -> InputError:
    return InputError(
        "CloudStack puts only a host that is Up into maintenance",
        host=ip_address,
        expected="state Up",
        observed=f"state {row.get('state')}, resource state {row.get('resourcestate')}",
        next_step="bring its agent back (journalctl -u cloudstack-agent), or remove the host with forced: true if it is lost",
    )
