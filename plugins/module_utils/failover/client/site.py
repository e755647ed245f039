# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads from CloudStack what decides a failover of a cluster. Only list calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Client
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import require
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import Scope
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import CLUSTER, POD, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.host_ha import scope_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import read_value
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import SETTINGS, Value
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Guest, Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.site import guests_of, hosts_of, pools_of

Record = dict[str, Any]
# An administrator sees guests of all accounts with listall, and those of projects only where it asks for them.
EVERYBODY: tuple[dict[str, str], ...] = ({"listall": "true"}, {"listall": "true", "projectid": "-1"})


def find_place(client: Client, zone: str, pod: str, cluster: str) -> tuple[Record, Record]:
    """The records of zone and cluster. Raises InputError for one that does not exist. `pod` may be empty."""
    of_zone = require(client, ZONE, zone)
    pod_id = require(client, POD, pod, zoneid=of_zone["id"])["id"] if pod else None
    return of_zone, require(client, CLUSTER, cluster, zoneid=of_zone["id"], podid=pod_id)


def read_site(client: Client, zone: Record, cluster: Record, privileges: Mapping[str, str]) -> Site:
    """The cluster as it is now. Raises ApiError, and ParseError for what cannot be understood."""
    pods = client.list("listPods", "pod", id=cluster["podid"])
    listed = client.list("listHosts", "host", type="Routing", clusterid=cluster["id"], details="all")
    hosts = hosts_of(listed, privileges)
    names, pools = pools_of(client.list("listStoragePools", "storagepool", zoneid=zone["id"]), cluster)
    settings, invalid = usable(read_settings(client, zone["id"], cluster["id"]))
    return Site(
        zone=str(zone["name"]),
        name=str(cluster["name"]),
        zone_allocation_state=str(zone.get("allocationstate")),
        cluster_allocation_state=str(cluster.get("allocationstate")),
        pod_allocation_state=str(pods[0].get("allocationstate") if pods else None),
        hosts=hosts,
        guests=_guests(client, str(zone["id"]), names, {host.id: host.name for host in hosts}),
        pools=pools,
        settings=settings,
        invalid=invalid,
        oobm_off=tuple(f"{scope.kind} {scope.name}" for scope in _scopes(zone, cluster) if not scope.oobm),
        ha_off=tuple(f"{scope.kind} {scope.name}" for scope in _scopes(zone, cluster) if not scope.ha),
    )


def _guests(client: Client, zone_id: str, pools: Mapping[str, str], hosts: Mapping[str, str]) -> tuple[Guest, ...]:
    return guests_of(
        _of_everybody(client, "listVirtualMachines", "virtualmachine", zone_id),
        [
            *client.list("listSystemVms", "systemvm", zoneid=zone_id),
            *_of_everybody(client, "listRouters", "router", zone_id),
        ],
        _of_everybody(client, "listVolumes", "volume", zone_id, listsystemvms="true"),
        [
            *client.list("listServiceOfferings", "serviceoffering"),
            *client.list("listServiceOfferings", "serviceoffering", issystem="true"),
        ],
        pools,
        hosts,
    )


def _scopes(zone: Record, cluster: Record) -> tuple[Scope, Scope]:
    return scope_of("zone", zone), scope_of("cluster", cluster)


def read_settings(client: Client, zone_id: str, cluster_id: str) -> dict[str, Record]:
    """The settings of the failover as they count for the cluster, by name; one that the server does not have is
    missing.
    """
    found = {}
    for name, setting in SETTINGS.items():
        record = _setting(client, name, parameter_of(setting.counts, zone_id, cluster_id))
        if record is not None:
            found[name] = record
    return found


def parameter_of(counts: str, zone_id: str, cluster_id: str) -> dict[str, str]:
    """The parameter for the scope in which a setting counts."""
    return {"zone": {"zoneid": zone_id}, "cluster": {"clusterid": cluster_id}}.get(counts, {})


def usable(records: Mapping[str, Record]) -> tuple[dict[str, Value], dict[str, str]]:
    """The values by name, and why others cannot be used."""
    values, invalid = {}, {}
    for name, record in records.items():
        try:
            values[name] = read_value(name, record.get("value"))
        except InputError as error:
            invalid[name] = f"{name} is {error.observed}, expected {error.expected}"
    return values, invalid


def _setting(client: Client, name: str, scope: Mapping[str, str]) -> Optional[Record]:
    """The server's own filter is a substring match."""
    listed = client.list("listConfigurations", "configuration", name=name, **scope)
    return next((record for record in listed if record.get("name") == name), None)


def _of_everybody(client: Client, command: str, kind: str, zone_id: str, **more: str) -> list[Record]:
    return [record for whose in EVERYBODY for record in client.list(command, kind, zoneid=zone_id, **whose, **more)]
