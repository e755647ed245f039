# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do with a host, given the record that CloudStack has for its address."""

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
class DesiredHost:
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
    remove_stale: bool = False


def plan_host(wanted: DesiredHost, record: Optional[Mapping[str, Any]]) -> Plan:
    """What brings the host into its cluster. Raises InputError where it is registered elsewhere or has a record that is
    dead.

    A record that may still become Up yields an empty plan: then the caller waits, and comes back with the record it
    got.
    """
    if record is None:
        return Plan.of([_add(wanted)])
    # Also where the cluster does not exist yet: then the record is of another one.
    if record.get("clusterid") != wanted.cluster_id:
        raise _elsewhere(wanted, record)
    if record.get("state") == UP or record.get("state") in PASSING:
        return Plan.of([_retag(wanted, record)])
    return plan_stale(wanted, record)


def plan_stale(wanted: DesiredHost, record: Mapping[str, Any]) -> Plan:
    """What to do with a record that did not become Up: remove it and add the host again, or explain."""
    if not wanted.remove_stale:
        raise _stale(wanted, record)
    return Plan.of([delete(wanted.ip_address, record, forced=True), _add(wanted)])


def host_result(record: Optional[Mapping[str, Any]], wanted: DesiredHost) -> Optional[dict[str, Any]]:
    """The documented keys of a host. Parents are named as the record names them, else as they were declared."""
    if record is None:
        return None
    secured = (record.get("details") or {}).get("secured")
    return {
        "id": record.get("id"),
        "name": record.get("name"),
        "ip_address": wanted.ip_address,
        **{key: record.get(f"{key}name") or getattr(wanted, key) or None for key in ("zone", "pod", "cluster")},
        "state": record.get("state"),
        "resource_state": record.get("resourcestate"),
        "power_state": (record.get("outofbandmanagement") or {}).get("powerstate"),
        "secured": None if secured is None else secured == "true",  # CloudStack has it as text
        "version": record.get("version"),
        "host_tags": tags_of(record),
    }


def _add(wanted: DesiredHost) -> Change:
    params = {
        "zoneid": wanted.zone_id,
        "podid": wanted.pod_id,
        "clusterid": wanted.cluster_id,
        "hypervisor": wanted.hypervisor,
        "url": wanted.url,
        "username": wanted.username,
        # Always sent, also empty: without the parameter addHost answers 530 although the host comes Up.
        "password": wanted.password,
        "hosttags": list(wanted.host_tags or ()),
    }
    after = {"zone": wanted.zone, "pod": wanted.pod, "cluster": wanted.cluster, "url": wanted.url, "state": UP}
    return Change(
        "create",
        f"host {wanted.ip_address}",
        after=after,
        data={"command": "addHost", "params": params, "is_async": False},
    )


def _retag(wanted: DesiredHost, record: Mapping[str, Any]) -> Optional[Change]:
    if wanted.host_tags is None:
        return None
    current = tags_of(record)
    if current == sorted(wanted.host_tags):
        return None
    params = {"id": record["id"], "hosttags": ",".join(sorted(wanted.host_tags))}  # an empty text clears them
    return Change(
        "update",
        f"host {wanted.ip_address}",
        before={"host_tags": ", ".join(current)},
        after={"host_tags": ", ".join(sorted(wanted.host_tags))},
        data={"command": "updateHost", "params": params, "is_async": False},
    )


def tags_of(record: Mapping[str, Any]) -> list[str]:
    """The tags that were given to the host, sorted; not those that its agent reports by itself."""
    text = record.get("explicithosttags") or record.get("hosttags")
    return sorted(tag.strip() for tag in str(text or "").split(",") if tag.strip())


def _elsewhere(wanted: DesiredHost, record: Mapping[str, Any]) -> InputError:
    cluster = record.get("clustername") or record.get("clusterid")
    return InputError(
        "CloudStack has a host of this address in another cluster",
        host=wanted.ip_address,
        expected=f"none, or one in {wanted.zone}/{wanted.pod}/{wanted.cluster}",
        observed=f"host {record.get('name')} (id {record['id']}, {record.get('state')}) in cluster {cluster}",
        next_step="correct the group of the host in the inventory, or take the host out of the other cluster first",
    )


def _stale(wanted: DesiredHost, record: Mapping[str, Any]) -> InputError:
    return InputError(
        f"CloudStack has a record of this host that is {record.get('state')} and does not come Up",
        host=wanted.ip_address,
        expected=f"an Up host in {wanted.zone}/{wanted.pod}/{wanted.cluster}",
        observed=f"record {record['id']}, state {record.get('state')}, resource state {record.get('resourcestate')}",
        next_step=(
            "repair what keeps it down (alerts in CloudStack, /var/log/cloudstack/agent/agent.log on the host) and run"
            " again; for what a failed join left set host_registration_stale_host: remove, which deletes the record and"
            " joins anew"
        ),
    )
