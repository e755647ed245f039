# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch, plan, apply for one object of CloudStack: what the modules zone, pod, cluster ... have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Client, patiently
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls, find
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import Resource
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.resource import (
    plan_absent,
    plan_present,
    predict,
    resource_result,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

# Parents by which the list calls can filter; the others only go into the creation.
FILTERS = ("zoneid", "podid", "clusterid", "physicalnetworkid")

PlanRemoval = Callable[[Resource, str, Optional[Mapping[str, Any]]], Plan]


def converge(
    client: Client,
    resource: Resource,
    desired: Mapping[str, Any],
    *,
    name: str,
    parents: Optional[Mapping[str, str]],
    check_mode: bool,
    plan_removal: PlanRemoval = plan_absent,
) -> tuple[Plan, Optional[dict[str, Any]]]:
    """Bring one object into `desired["state"]`; returns the plan, and the object after it (in check mode as predicted).

    `parents` of None means that a parent does not exist: in check mode the same run would make it first.
    """
    within = {key: value for key, value in (parents or {}).items() if key in FILTERS}
    current = None if parents is None else find(client, resource, name, **within)
    absent = desired["state"] == "absent"

    def plan_for(now: Optional[dict[str, Any]]) -> Plan:
        if absent:
            return plan_removal(resource, name, now)
        return plan_present(resource, name, desired, now, parents or {})

    plan = plan_for(current)
    if plan and check_mode:
        return plan, None if absent else predict(resource, name, desired, current)
    if plan:
        apply_calls(client, plan, lambda: plan_for(find(client, resource, name, **within)))
        current = patiently(client, lambda: find(client, resource, name, **within))
    return plan, resource_result(resource, name, current)
