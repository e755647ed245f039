# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters (recorded/cluster.json, arguments.json)."""

from __future__ import annotations

from .. import hosts
from ..cloud import Cloud
from ..errors import UNKNOWN, ApiError, bad_parameter, failed, not_simulated
from ..records import Record
from ..registry import Arguments, command
from . import capacity
from .common import allocation_state, by_id, joined, listing, without_none

HYPERVISORS = ("KVM", "Simulator", "XenServer", "VMware", "Hyperv", "BareMetal", "LXC", "Ovm3", "External", "Parralels")
MANAGED_AGAIN = 80  # seconds until simulated hosts are back (recorded)
ARCHITECTURES = ("x86_64", "aarch64", "s390x")


def view(cloud: Cloud, row: Record) -> dict:
    """A cluster as answers show it."""
    pod, zone = cloud.table("pod").find(row["pod"]), cloud.table("zone").find(row["zone"])
    external = row.get("bare", False)  # left behind by an addCluster that failed: without its details
    ratios = {} if external else {"cpuovercommitratio": "1.0", "memoryovercommitratio": "1.0"}
    details = (
        {} if external else {"memoryOvercommitRatio": "1.0", "cpuOvercommitRatio": "1.0", **row.get("details", {})}
    )
    return without_none({
        "id": row.uuid, "name": row["name"], "podid": pod.uuid, "podname": pod["name"], "zoneid": zone.uuid,
        "zonename": zone["name"],
        "hypervisortype": row["hypervisor"], "clustertype": row["kind"], "allocationstate": row["allocationstate"],
        "managedstate": row["managedstate"], **ratios, "resourcedetails": details, "arch": row["arch"],
        "hasannotations": False,
        "storageaccessgroups": row.get("storageaccessgroups"),
    })  # fmt: skip


def hypervisor_name(word: str) -> str:
    """The hypervisor in its own letters; an unknown one is stored as None."""
    return next((name for name in HYPERVISORS if name.lower() == word.lower()), "None")


def _arch(word: str | None, default: str) -> str:
    if word is None:
        return default
    if word not in ARCHITECTURES:
        raise ApiError(431, f"Unsupported arch type: {word}", UNKNOWN)
    return word


def add(cloud: Cloud, zone: Record, pod: Record, name: str, hypervisor: str, **columns: str) -> Record:
    """A new cluster row. Names are unique in a pod without regard to letter case."""
    if any(row["name"].lower() == name.lower() for row in cloud.table("cluster").where(pod=pod.number)):
        cloud.table("cluster").burn()
        uuids = [{"uuid": pod.uuid, "description": "podId"}, {"uuid": zone.uuid, "description": "dcId"}]
        raise ApiError(530, f"Unable to create cluster {name} in pod and data center with specified ids", 4250, uuids)
    columns = {
        "allocationstate": "Enabled",
        "managedstate": "Managed",
        "arch": "x86_64",
        "kind": "CloudManaged",
        **columns,
    }
    return cloud.table("cluster").add(
        name=name, zone=zone.number, pod=pod.number, hypervisor=hypervisor_name(hypervisor), **columns
    )


@command("addCluster", "allocationstate arch storageaccessgroups")
def add_cluster(cloud: Cloud, given: Arguments) -> dict:
    arch = _arch(given.get("arch"), "x86_64")
    zone, pod = cloud.get("zone", given["zoneid"]), cloud.get("pod", given["podid"])
    if pod["zone"] != zone.number:
        uuids = [{"uuid": pod.uuid, "description": "podId"}, {"uuid": zone.uuid, "description": "dcId"}]
        raise ApiError(431, f"Pod with specified id doesn't belong to the zone {zone}", 4350, uuids)
    kind = given["clustertype"]
    if kind not in ("CloudManaged", "ExternalManaged"):
        raise ApiError(431, f"No enum constant com.cloud.org.Cluster.ClusterType.{kind}", UNKNOWN)
    state = allocation_state(given.get("allocationstate"), "Enabled")
    row = add(cloud, zone, pod, given["clustername"], given["hypervisor"], allocationstate=state, arch=arch, kind=kind)
    row["storageaccessgroups"] = joined(given.get("storageaccessgroups"))
    if kind == "ExternalManaged":  # the row stays behind
        row["bare"] = True
        raise failed("Unable to persist on DB, due to: Column 'value' cannot be null")
    return {"count": 1, "cluster": [view(cloud, row)]}


@command("listClusters", "allocationstate arch hypervisor id keyword managedstate name podid showcapacities zoneid")
def list_clusters(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("cluster"), given, zoneid="zone", podid="pod")
    if given.get("hypervisor"):
        rows = [row for row in rows if row["hypervisor"] == hypervisor_name(given["hypervisor"])]
    for key in ("allocationstate", "managedstate", "arch"):
        if given.get(key):
            rows = [row for row in rows if row[key].lower() == given[key].lower()]

    def shown(row: Record) -> dict:
        return {
            **view(cloud, row),
            **({"capacity": capacity.of_cluster(cloud, row)} if given.get("showcapacities") else {}),
        }

    return listing("cluster", rows, shown, given)


@command("updateCluster", "allocationstate arch clustername clustertype hypervisor managedstate")
def update_cluster(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("cluster", given["id"])
    state = allocation_state(given.get("allocationstate"), row["allocationstate"])
    managed = given.get("managedstate", row["managedstate"])
    if managed not in ("Managed", "Unmanaged"):
        raise bad_parameter(f"Unable to resolve Managed State '{managed}' to a supported state")
    kind = given.get("clustertype", row["kind"])
    if kind not in ("CloudManaged", "ExternalManaged"):
        raise not_simulated(f"updateCluster to the type {kind}")
    arch = _arch(given.get("arch"), row["arch"])
    name = given.get("clustername", row["name"])
    if any(
        other["name"].lower() == name.lower()
        for other in cloud.table("cluster").where(pod=row["pod"])
        if other is not row
    ):
        raise ApiError(530, "Entity already exists ", UNKNOWN)
    if managed != row["managedstate"]:
        for host in cloud.table("host").where(cluster=row.number):
            if managed == "Unmanaged":
                hosts.set_state(cloud, host, "Disconnected")
            else:
                host["back"] = cloud.clock.now() + MANAGED_AGAIN
    hypervisor = hypervisor_name(given["hypervisor"]) if given.get("hypervisor") else row["hypervisor"]
    for key, value in {
        "allocationstate": state,
        "managedstate": managed,
        "arch": arch,
        "name": name,
        "hypervisor": hypervisor,
        "kind": kind,
    }.items():
        row[key] = value
    return {"cluster": view(cloud, row)}


@command("deleteCluster")
def delete_cluster(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.table("cluster").find(given["id"])
    if row is None:
        raise failed(f"Cluster: {given['id']} does not exist")
    if cloud.table("host").where(cluster=row.number):
        raise failed(f"Cluster: {row.number} cannot be removed. Cluster still has hosts")
    if cloud.table("storagepool").where(cluster=row.number):
        raise failed(f"Cluster: {row.number} cannot be removed. Cluster still has storage pools")
    row.removed = True
    return {"success": True}
