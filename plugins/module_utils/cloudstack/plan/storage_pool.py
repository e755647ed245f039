# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is special about primary storage: its address is unique and its removal stops guests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import Resource
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.storage_url import normal_url, pool_url
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.resource import plan_absent
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

MAINTENANCE = "Maintenance"


def refuse_taken(name: str, url: str, pools: Iterable[Mapping[str, Any]]) -> None:
    """Refuse an address that a pool of another name has. Raises InputError; CloudStack says "already in use by another
    pod"."""
    for pool in pools:
        if pool_url(pool) == normal_url(url) and pool.get("name") != name:
            where = pool.get("clustername") or pool.get("zonename")
            raise InputError(
                "this address is primary storage already",
                expected=f"an address of its own for {name}",
                observed=f"{url} is {pool.get('name')} in {where} (id {pool.get('id')})",
                next_step="correct the address, or declare the pool under the name that it has",
            )


def plan_pool_absent(resource: Resource, name: str, current: Optional[Mapping[str, Any]], forced: bool) -> Plan:
    """What removes the pool. CloudStack wants it in maintenance, which stops every guest with a volume on it. Raises
    InputError."""
    plan = plan_absent(resource, name, current)
    if current is None or current.get("state") == MAINTENANCE:
        return plan
    if not forced:
        raise InputError(
            f"the {resource.title} {name} is in use",
            expected=f"state {MAINTENANCE}, from which alone CloudStack removes it",
            observed=f"state {current.get('state')}",
            next_step=(
                "move the volumes away and put it into maintenance, or set forced, which stops every guest with a"
                " volume on it"
            ),
        )
    call = {"command": "enableStorageMaintenance", "params": {"id": current["id"]}, "is_async": True}
    stop = Change(
        "update",
        f"{resource.title} {name}",
        before={"state": current.get("state")},
        after={"state": MAINTENANCE},
        data=call,
    )
    return Plan.of([stop, *plan])
