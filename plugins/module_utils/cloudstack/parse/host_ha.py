# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries of listHosts, listZones, listClusters and listStoragePools into what decides about host HA."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import DISABLED, HaHost, Scope

Entry = Mapping[str, Any]
# Details of a zone or cluster. Where one is missing, it is on (HAManagerImpl, OutOfBandManagementServiceImpl).
HA_DETAIL, OOBM_DETAIL = "resourceHAEnabled", "outOfBandManagementEnabled"
SHARED = ("CLUSTER", "ZONE")  # scopes of primary storage that every host of a cluster mounts


def scope_of(kind: str, entry: Entry) -> Scope:
    """A zone or cluster from its entry of listZones or listClusters."""
    details = entry.get("resourcedetails") or {}
    return Scope(
        kind,
        str(entry.get("name") or ""),
        ha=_is_on(details.get(HA_DETAIL)),
        oobm=_is_on(details.get(OOBM_DETAIL)),
        guests=entry.get("allocationstate", "Enabled") == "Enabled",
    )


def ha_host(record: Entry, zone: Entry, cluster: Entry, hosts: Iterable[Entry], pools: Iterable[Entry]) -> HaHost:
    """A host from its entry of listHosts; `hosts` and `pools` may be those of more than its cluster."""
    ha, oobm = record.get("hostha") or {}, record.get("outofbandmanagement") or {}
    return HaHost(
        address=str(record.get("ipaddress") or ""),
        hypervisor=str(record.get("hypervisor") or ""),
        state=str(record.get("state") or ""),
        resource_state=str(record.get("resourcestate") or ""),
        enabled=bool(ha.get("haenable")),
        ha_state=str(ha.get("hastate") or DISABLED),
        provider=str(ha.get("haprovider") or ""),
        oobm_driver=str(oobm.get("driver") or ""),
        oobm_enabled=bool(oobm.get("enabled")),
        power_state=str(oobm.get("powerstate") or DISABLED),
        neighbours=sum(_is_neighbour(record, each) for each in hosts),
        zone=scope_of("zone", zone),
        cluster=scope_of("cluster", cluster),
        pools=tuple(sorted(_pool(each) for each in pools if _is_mounted_by(record, each))),
        id=str(record.get("id") or ""),
        name=str(record.get("name") or ""),
    )


def _is_on(detail: Any) -> bool:
    """As Java's Boolean.valueOf reads it."""
    return detail in (None, "") or str(detail).lower() == "true"


def _is_neighbour(record: Entry, other: Entry) -> bool:
    same = all(record.get(key) == other.get(key) for key in ("clusterid", "hypervisor"))
    return same and other.get("id") != record.get("id") and other.get("state") == "Up"


def _is_mounted_by(record: Entry, pool: Entry) -> bool:
    if pool.get("scope") not in SHARED or pool.get("zoneid") != record.get("zoneid"):
        return False
    if pool["scope"] == "ZONE":
        return pool.get("hypervisor") in (None, "Any", record.get("hypervisor"))
    return pool.get("clusterid") == record.get("clusterid")


def _pool(entry: Entry) -> tuple[str, str, str]:
    return str(entry.get("name") or ""), str(entry.get("type") or ""), str(entry.get("state") or "")
