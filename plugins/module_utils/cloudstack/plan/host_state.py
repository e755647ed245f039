# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted state, record) -> plan for a host that is registered: into service, out of it, into maintenance, away.

CloudStack allows few ways: a Disabled host cannot go into maintenance, one in maintenance cannot be disabled, and only
one in maintenance (or Degraded) can be deleted without force. Each step here is one that it allows after the step
before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

HostRecord = Mapping[str, Any]
MAINTENANCE = ("Maintenance", "PrepareForMaintenance", "ErrorInMaintenance", "ErrorInPrepareForMaintenance")
DELETABLE = ("Maintenance", "Degraded")
STATES = ("enabled", "disabled", "maintenance")


def plan_state(wanted: str, ip_address: str, record: HostRecord) -> Plan:
    """What brings the host into `wanted`, one of STATES. Raises InputError where CloudStack would refuse."""
    steps = {"enabled": _to_enabled, "disabled": _to_disabled, "maintenance": _to_maintenance}[wanted]
    return Plan.of(steps(ip_address, record))


def plan_absent(ip_address: str, record: HostRecord | None, forced: bool) -> Plan:
    """What takes the host out of CloudStack: through maintenance, so that its guests move away, or by force."""
    if record is None:
        return Plan()
    if forced:
        return Plan.of([delete(ip_address, record, forced=True)])
    before = [] if record.get("resourcestate") in DELETABLE else _to_maintenance(ip_address, record)
    return Plan.of([*before, delete(ip_address, record, forced=False)])


def delete(ip_address: str, record: HostRecord, forced: bool) -> Change:
    """deleteHost; with force its guests are stopped or lost."""
    params = {"id": record["id"], **({"forced": True} if forced else {})}
    before = {
        "name": record.get("name"),
        "state": record.get("state"),
        "cluster": record.get("clustername") or record.get("clusterid"),
    }
    return Change(
        "delete",
        f"host {ip_address}",
        before=before,
        data={"command": "deleteHost", "params": params, "is_async": False},
    )


def _to_enabled(ip_address: str, record: HostRecord) -> list[Change]:
    state = record.get("resourcestate")
    if state == "Enabled":
        return []
    if state in MAINTENANCE:  # works at any point of it, and yields Enabled
        return [_step(ip_address, record, "cancelHostMaintenance", "Enabled")]
    if state == "Degraded":
        return [_step(ip_address, record, "cancelHostAsDegraded", "Enabled")]
    return [_step(ip_address, record, "updateHost", "Enabled", allocationstate="Enable")]


def _to_disabled(ip_address: str, record: HostRecord) -> list[Change]:
    state = record.get("resourcestate")
    if state == "Disabled":
        return []
    before = [] if state == "Enabled" else _to_enabled(ip_address, record)
    now = {**record, "resourcestate": "Enabled"}
    return [*before, _step(ip_address, now, "updateHost", "Disabled", allocationstate="Disable")]


def _to_maintenance(ip_address: str, record: HostRecord) -> list[Change]:
    state = record.get("resourcestate")
    if state in ("Maintenance", "PrepareForMaintenance"):  # the second: on its way, the caller waits
        return []
    if record.get("state") != "Up":
        raise _not_up(ip_address, record)
    before = [] if state == "Enabled" else _to_enabled(ip_address, record)
    now = {**record, "resourcestate": "Enabled"}
    return [*before, _step(ip_address, now, "prepareHostForMaintenance", "Maintenance")]


def _step(ip_address: str, record: HostRecord, command: str, after: str, **params: str) -> Change:
    return Change(
        "update",
        f"host {ip_address}",
        before={"resource_state": record.get("resourcestate")},
        after={"resource_state": after},
        data={"command": command, "params": {"id": record["id"], **params}, "is_async": command != "updateHost"},
    )


def _not_up(ip_address: str, record: HostRecord) -> InputError:
    return InputError(
        "CloudStack puts only a host that is Up into maintenance",
        host=ip_address,
        expected="state Up",
        observed=f"state {record.get('state')}, resource state {record.get('resourcestate')}",
        next_step=(
            "bring its agent back (journalctl -u cloudstack-agent), or remove the host with forced: true if it is lost"
        ),
    )
