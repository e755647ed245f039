# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do with a host, given the rows that CloudStack has for its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_state import delete
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

UP = "Up"
# States that may become Up by themselves. Alert too: a refused host flaps between Connecting and Alert.
PASSING = ("Creating", "Connecting", "Rebalancing", "Alert", "Disconnected")


@dataclass(frozen=True)
class Target:
    """Where a host belongs and how CloudStack logs in. Ids are None for a parent that the same run would make first."""

    ip_address: str
    zone: str
    pod: str
    cluster: str
    zone_id: Optional[str]
    pod_id: Optional[str]
    cluster_id: Optional[str]
    url: str = ""
    username: str = "root"
    password: str = ""
    hypervisor: str = "KVM"
    host_tags: Optional[tuple[str, ...]] = None
    remove_leftover: bool = False


def plan_host(target: Target, row: Optional[Mapping[str, Any]]) -> Plan:
    """What brings the host into its cluster. Raises InputError where it is registered elsewhere or stands in a dead row.

    A row that may still become Up yields an empty plan: then the caller waits, and comes back with the row it got.
    """
    if row is None:
        return Plan.of([_add(target)])
    if row.get("clusterid") != target.cluster_id:  # also where the cluster does not exist yet: then it is another one
        raise _elsewhere(target, row)
    if row.get("state") == UP or row.get("state") in PASSING:
        return Plan.of([_retag(target, row)])
    return plan_leftover(target, row)


def plan_leftover(target: Target, row: Mapping[str, Any]) -> Plan:
    """What to do with a row that did not become Up: remove it and add the host again, or explain."""
    if not target.remove_leftover:
        raise _leftover(target, row)
    return Plan.of([delete(target.ip_address, row, forced=True), _add(target)])


def describe(row: Optional[Mapping[str, Any]], target: Target) -> Optional[dict[str, Any]]:
    """The documented keys of a host. Parents are named as the row names them, else as they were declared."""
    if row is None:
        return None
    secured = (row.get("details") or {}).get("secured")
    return {
        "id": row.get("id"),
        "name": row.get("name"),
        "ip_address": target.ip_address,
        **{key: row.get(f"{key}name") or getattr(target, key) or None for key in ("zone", "pod", "cluster")},
        "state": row.get("state"),
        "resource_state": row.get("resourcestate"),
        "power_state": (row.get("outofbandmanagement") or {}).get("powerstate"),
        "secured": None if secured is None else secured == "true",  # CloudStack has it as text
        "version": row.get("version"),
        "host_tags": tags_of(row),
    }


def _add(target: Target) -> Change:
    params = {
        "zoneid": target.zone_id,
        "podid": target.pod_id,
        "clusterid": target.cluster_id,
        "hypervisor": target.hypervisor,
        "url": target.url,
        "username": target.username,
        # Always sent, also empty: without the parameter addHost answers 530 although the host comes Up.
        "password": target.password,
        "hosttags": list(target.host_tags or ()),
    }
    after = {"zone": target.zone, "pod": target.pod, "cluster": target.cluster, "url": target.url, "state": UP}
    return Change("create", f"host {target.ip_address}", after=after, data={"command": "addHost", "params": params, "is_async": False})


def _retag(target: Target, row: Mapping[str, Any]) -> Optional[Change]:
    if target.host_tags is None:
        return None
    current = tags_of(row)
    if current == sorted(target.host_tags):
        return None
    params = {"id": row["id"], "hosttags": ",".join(sorted(target.host_tags))}  # an empty text clears them
    return Change(
        "update",
        f"host {target.ip_address}",
        before={"host_tags": ", ".join(current)},
        after={"host_tags": ", ".join(sorted(target.host_tags))},
        data={"command": "updateHost", "params": params, "is_async": False},
    )


def tags_of(row: Mapping[str, Any]) -> list[str]:
    """The tags that were given to the host, sorted; not those that its agent reports by itself."""
    text = row.get("explicithosttags") or row.get("hosttags")
    return sorted(tag.strip() for tag in str(text or "").split(",") if tag.strip())


def _elsewhere(target: Target, row: Mapping[str, Any]) -> InputError:
    return InputError(
        "CloudStack has a host of this address in another cluster",
        host=target.ip_address,
        expected=f"none, or one in {target.zone}/{target.pod}/{target.cluster}",
        observed=f"host {row.get('name')} (id {row['id']}, {row.get('state')}) in cluster {row.get('clustername') or row.get('clusterid')}",
        next_step="correct the group of the host in the inventory, or take the host out of the other cluster first",
    )


def _leftover(target: Target, row: Mapping[str, Any]) -> InputError:
    return InputError(
        f"CloudStack has a row of this host that is {row.get('state')} and does not come Up",
        host=target.ip_address,
        expected=f"an Up host in {target.zone}/{target.pod}/{target.cluster}",
        observed=f"row {row['id']}, state {row.get('state')}, resource state {row.get('resourcestate')}",
        next_step=(
            "repair what keeps it down (alerts in CloudStack, /var/log/cloudstack/agent/agent.log on the host) and run again;"
            " for a leftover of a failed join set host_registration_leftover: remove, which deletes the row and joins anew"
        ),
    )
