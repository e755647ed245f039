# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carrying out plans for a registered host. The job of prepareHostForMaintenance ends before the host is in
maintenance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Client
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import (
    HostRecord,
    alerts_of,
    read_record,
    wait_for,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

FAILED = ("ErrorInMaintenance", "ErrorInPrepareForMaintenance")
PREPARE = "prepareHostForMaintenance"

Replan = Callable[[Optional[HostRecord]], Plan]


def carry_out(client: Client, plan: Plan, ip_address: str, seconds: float, replan: Optional[Replan] = None) -> None:
    """Apply the steps; after the request for maintenance wait until it is reached. Raises ApiError.

    `replan` makes the plan anew from a record, or None: it shows what became of a step whose answer got lost.
    """
    for change in plan:
        apply_calls(client, Plan.of([change]), replan and partial(_same_step, client, change, ip_address, replan))
        if change.data["command"] == PREPARE:
            wait_maintenance(client, ip_address, seconds)


def _same_step(client: Client, change: Change, ip_address: str, replan: Replan) -> Plan:
    """The step, if it is still to be done."""
    steps = replan(read_record(client, ip_address))
    return Plan.of(step for step in steps if step.data["command"] == change.data["command"])


def wait_maintenance(client: Client, ip_address: str, seconds: float) -> None:
    """Until all guests are gone: their migration decides how long it takes, and may fail. Raises ApiError."""
    record = wait_for(
        client, ip_address, seconds, lambda record: record.get("resourcestate") in ("Maintenance", *FAILED)
    )
    if record and record.get("resourcestate") == "Maintenance":
        return
    raise _not_reached(client, ip_address, seconds, record)


def _not_reached(client: Client, ip_address: str, seconds: float, record: Optional[dict[str, Any]]) -> ApiError:
    alerts = alerts_of(client, ip_address, record)
    observed = record.get("resourcestate") if record else "no record of this host any more"
    return ApiError(
        "the host did not reach maintenance",
        host=ip_address,
        expected=f"resource state Maintenance within {seconds:.0f} s",
        observed="; ".join([str(observed), *alerts[:2]]),
        next_step=(
            "see which guests cannot leave the host (listVirtualMachines hostid=...), move or stop them and run again;"
            " state enabled takes the host out of this state; raise maintenance_timeout if it is only slow"
        ),
    )
