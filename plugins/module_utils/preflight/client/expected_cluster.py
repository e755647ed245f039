# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads from CloudStack what a cluster is meant to be, and who is in it. Only list calls."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Client
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import find
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import (
    CLUSTER,
    PHYSICAL_NETWORK,
    POD,
    TRAFFIC_TYPE,
    ZONE,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import CLOUDSTACK, Cluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import (
    isolation_of,
    labels_of,
    pools_of,
    registered_of,
    vlan_ranges_of,
)

Record = dict[str, Any]
# Whether a cluster may have a value of its own (recorded/settings-table.json)
SETTINGS = {
    "host": False,
    "add.host.on.service.restart.kvm": False,
    "ca.framework.cert.automatic.renewal": True,
    "ca.plugin.root.auth.strictness": False,
    "management.network.cidr": False,
    "control.cidr": False,
    "mem.overprovisioning.factor": True,
}


def read(client: Client, zone: str, pod: str, name: str) -> tuple[Cluster, dict[str, bool]]:
    """The cluster, and which of zone, pod and cluster exist. What does not exist yet has told nothing: its fields are
    empty.

    Without a name of the pod the cluster is looked for in all pods of the zone.
    """
    zone_record = find(client, ZONE, zone)
    pod_id, record = _pod_and_cluster(client, zone_record, pod, name)
    cluster = Cluster(
        zone=zone,
        pod=pod,
        name=name,
        source=CLOUDSTACK,
        arch=(record or {}).get("arch"),
        cluster_allocation_state=(record or {}).get("allocationstate"),
        storage_vlans=_storage_vlans(client, pod_id),
        management_version=_version(client.call("listCapabilities").get("capability")),
        settings=_settings(client, record),
        registered=registered_of(client.list("listHosts", "host", type="Routing", details="all")),
        **_of_zone(client, zone_record, record),
    )
    return cluster, {"zone": zone_record is not None, "pod": pod_id is not None, "cluster": record is not None}


def _pod_and_cluster(
    client: Client, zone: Optional[Record], pod: str, name: str
) -> tuple[Optional[str], Optional[Record]]:
    """The id of the pod and the record of the cluster, None for what does not exist. The cluster may tell its pod."""
    if not zone:
        return None, None
    pod_record = find(client, POD, pod, zoneid=zone["id"]) if pod else None
    if pod and not pod_record:
        return None, None
    pod_id = pod_record["id"] if pod_record else None
    record = find(client, CLUSTER, name, zoneid=zone["id"], podid=pod_id)
    return pod_id or (record["podid"] if record else None), record


def _of_zone(client: Client, zone: Optional[Record], cluster: Optional[Record]) -> dict[str, Any]:
    if not zone:
        return {}
    networks = client.list(PHYSICAL_NETWORK.listing, PHYSICAL_NETWORK.kind, zoneid=zone["id"])
    traffic_types = [
        record
        for network in networks
        for record in client.list(TRAFFIC_TYPE.listing, TRAFFIC_TYPE.kind, physicalnetworkid=network["id"])
    ]
    return {
        "labels": labels_of(traffic_types),
        "isolation": isolation_of(networks),
        "vlan_ranges": vlan_ranges_of(networks),
        "security_groups": zone.get("securitygroupsenabled"),
        "pools": pools_of(client.list("listStoragePools", "storagepool", zoneid=zone["id"]), cluster),
        "zone_allocation_state": zone.get("allocationstate"),
    }


def _version(capability: Any) -> Optional[str]:
    version = capability.get("cloudstackversion") if isinstance(capability, dict) else None
    return version if isinstance(version, str) else None


def _storage_vlans(client: Client, pod_id: Optional[str]) -> tuple[str, ...]:
    records = client.list("listStorageNetworkIpRange", "storagenetworkiprange", podid=pod_id) if pod_id else []
    return tuple(dict.fromkeys(str(record["vlan"]) for record in records if record.get("vlan") is not None))


def _settings(client: Client, cluster: Optional[Record]) -> dict[str, str]:
    """The settings as they hold for the cluster; one that has no value is empty, one that the server does not have is
    missing.
    """
    found = {}
    for name, of_cluster in SETTINGS.items():
        record = _setting(client, name, clusterid=cluster["id"]) if cluster and of_cluster else None
        record = record or _setting(client, name)  # a scope that the setting lacks gives an empty list
        if record:
            found[name] = str(record.get("value") or "")
    return found


def _setting(client: Client, name: str, **scope: str) -> Optional[Record]:
    """The server's own filter is a substring match."""
    return next(
        (
            record
            for record in client.list("listConfigurations", "configuration", name=name, **scope)
            if record.get("name") == name
        ),
        None,
    )
