# SPDX-License-Identifier: GPL-3.0-or-later
"""Primary storage pools (recorded/storage.json, kvm-host-nfs*.json)."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from ..cloud import Cloud
from ..errors import UNKNOWN, ApiError, bad_parameter, not_simulated
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing, without_none

TYPES = {
    "nfs": "NetworkFilesystem",
    "sharedmountpoint": "SharedMountPoint",
    "rbd": "RBD",
    "presetup": "PreSetup",
    "clvm": "CLVM",
    "iscsi": "Iscsi",
}
PREFIX = "Failed to add data store: "
DEFAULT_PROVIDER = "DefaultPrimary"
SCOPES = ("CLUSTER", "ZONE", "HOST", "REGION")


def pool_text(row: Record) -> str:
    """As error texts show it."""
    return f'StoragePool {{"id":{row.number},"name":"{row["name"]}","poolType":"{row["type"]}","uuid":"{row.uuid}"}}'


def view(cloud: Cloud, row: Record) -> dict:
    """A pool as answers show it."""
    zone, pod, cluster = (cloud.table(name).find(row.get(name)) for name in ("zone", "pod", "cluster"))
    return without_none({
        "id": row.uuid, "zoneid": zone.uuid, "zonename": zone["name"], "podid": pod and pod.uuid,
        "podname": pod and pod["name"], "name": row["name"],
        "ipaddress": row["ipaddress"], "path": row["path"], "created": row["created"], "type": row["type"],
        "clusterid": cluster and cluster.uuid, "clustername": cluster and cluster["name"],
        "capacitybytes": row.get("capacity", 1099511627776),
        "disksizetotal": row.get("capacity", 1099511627776), "disksizeallocated": 0, "disksizeused": row.get("used", 0),
        "tags": row.get("tags") or None, "istagarule": False,
        "state": row["state"], "scope": row["scope"], "overprovisionfactor": "2.0", "hypervisor": row["hypervisor"],
        "provider": DEFAULT_PROVIDER,
        "managed": False, "details": row.get("details") or None, "hasannotations": False,
    })  # fmt: skip


def _refuse(text: str) -> ApiError:
    """All errors of createStoragePool are 530."""
    return ApiError(530, text, UNKNOWN)


def _location(url: str) -> tuple[str, str, str]:
    """(type, host, path) of a pool's url."""
    parts = urlsplit(url)
    scheme = url.split("://")[0]
    if "://" not in url:
        raise _refuse(
            PREFIX + 'Cannot invoke "Object.toString()" because the return value of "java.util.Map.get(Object)" is null'
        )
    path = parts.path.rstrip("/") or parts.path
    host = parts.netloc.rsplit("@", 1)[-1].rstrip(":")
    if scheme == "nfs" and (not host or not path):
        raise _refuse("host or path is null, should be nfs://hostname/path")
    if scheme.lower() not in TYPES:
        raise _refuse(f"{PREFIX}No enum constant com.cloud.storage.Storage.StoragePoolType.{scheme}")
    return TYPES[scheme.lower()], host, path.lstrip("/") if scheme == "rbd" else path


def _scope(given: Arguments) -> str:
    word = given.get("scope") or ("cluster" if given.get("clusterid") else "zone")
    if word.upper() not in ("CLUSTER", "ZONE"):
        raise _refuse(f"invalid scope for pool {word}")
    if word.upper() == "CLUSTER" and not given.get("clusterid"):
        raise _refuse("cluster id can't be null, if scope is cluster")
    if word.upper() == "ZONE" and not given.get("hypervisor"):
        raise _refuse("Missing parameter hypervisor. Hypervisor type is required to create zone wide primary storage.")
    return word.upper()


@command("createStoragePool", "clusterid details hypervisor podid provider scope tags", unlocked=True)
def create_pool(cloud: Cloud, given: Arguments) -> dict:
    with cloud.lock:
        row, members = _new_pool(cloud, given)
    if cloud.agents is not None and members:
        problem = cloud.agents.connect_pool(row, members)
        if problem:
            with cloud.lock:
                row.removed = True
            raise _refuse(f"{PREFIX}Failed to access storage pool")
    return {"storagepool": view(cloud, row)}


def _new_pool(cloud: Cloud, given: Arguments) -> tuple[Record, list[Record]]:
    """A row for the pool and the hosts that must connect it. Raises 530."""
    zone = cloud.get("zone", given["zoneid"])
    scope = _scope(given)
    kind, host, path = _location(given["url"])
    cluster = cloud.table("cluster").find(given.get("clusterid"))
    if given.get("clusterid") and not given.get("podid"):
        raise _refuse(f"{PREFIX}Cluster id requires pod id")
    for other in cloud.table("storagepool").where(ipaddress=host, path=path):
        raise _refuse(f"{PREFIX}Storage pool {path} already in use by another pod (id={other.get('pod')})")
    if given.get("provider", DEFAULT_PROVIDER) != DEFAULT_PROVIDER:
        raise not_simulated(f"createStoragePool with provider={given['provider']}")
    members = [
        row
        for row in cloud.table("host").where(zone=zone.number, state="Up")
        if scope == "ZONE" or row["cluster"] == given["clusterid"]
    ]
    hypervisor = given.get("hypervisor") if scope == "ZONE" else cluster["hypervisor"]
    if scope == "CLUSTER" and not members:
        raise _refuse(f"{PREFIX}No host up to associate a storage pool with in cluster {cluster.number}")
    row = cloud.table("storagepool").add(
        name=given["name"], zone=zone.number, pod=given.get("podid") if scope == "CLUSTER" else None,
        cluster=given.get("clusterid") if scope == "CLUSTER" else None, ipaddress=host, path=path, type=kind,
        scope=scope, state="Up",
        hypervisor=hypervisor, created=cloud.clock.stamp(), tags=given.get("tags"), details=given.get("details") or {},
        url=given["url"],
    )  # fmt: skip
    row.uuid = str(uuid.uuid3(uuid.NAMESPACE_URL, f"{host}{path}"))  # the same export has the same uuid on every host
    return row, [member for member in members if member["hypervisor"] == "KVM"]


@command("listStoragePools", "clusterid id ipaddress keyword name path podid scope status zoneid")
def list_pools(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("storagepool"), given, zoneid="zone", podid="pod", clusterid="cluster")
    if given.get("scope"):
        if given["scope"].upper() not in SCOPES:
            raise bad_parameter(f"Invalid scope type: {given['scope']}")
        rows = [row for row in rows if row["scope"] == given["scope"].upper()]
    for key, column in {"path": "path", "ipaddress": "ipaddress", "status": "state"}.items():
        if given.get(key):
            rows = [row for row in rows if row[column].lower() == given[key].lower()]
    return listing("storagepool", rows, lambda row: _listed(cloud, row), given)


def _listed(cloud: Cloud, row: Record) -> dict:
    """A pool in a list shows more than one in the answer of a change: its details even when there are none, and local
    IOPS."""
    local = {"capacityiops": 1000000, "usediops": 500000} if row["scope"] == "HOST" else {}
    capabilities = {"storagecapabilities": {"VOLUME_SNAPSHOT_QUIESCEVM": "false"}}
    return {**view(cloud, row), **capabilities, **local, "details": row.get("details") or {}}


@command("updateStoragePool", "details enabled name tags")
def update_pool(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("storagepool", given["id"])
    options = (given.get("details") or {}).get("nfsmountopts")
    if options is not None:
        if row["state"] != "Maintenance":
            raise bad_parameter("The storage pool should be in maintenance mode to edit nfs options")
        keys = [part.split("=")[0] for part in options.split(",")]
        for key in keys:
            if keys.count(key) > 1:
                raise bad_parameter(f"Duplicate NFS option values found for option {key}")
        row["details"] = {**row["details"], "nfsmountopts": options}
    if "enabled" in given:
        wanted, needed = ("Up", "Disabled") if given["enabled"] else ("Disabled", "Up")
        if row["state"] != needed:
            word = "enabled" if given["enabled"] else "disabled"
            raise bad_parameter(
                f"Primary storage {pool_text(row)} cannot be {word}. Storage pool state : {row['state']}"
            )
        row["state"] = wanted
    if "tags" in given:
        row["tags"] = ",".join(given["tags"]) if isinstance(given["tags"], list) else given["tags"]
    if given.get("name"):
        row["name"] = given["name"]
    return {"storagepool": view(cloud, row)}


@command("enableStorageMaintenance")
def enable_maintenance(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("storagepool", given["id"])

    def work() -> dict:
        if row["state"] != "Up":
            raise bad_parameter(
                f"Primary storage {pool_text(row)} is not ready for migration, as the status is:{row['state']}"
            )
        if any(guest["host"] is not None for guest in _guests_on(cloud, row)):
            raise not_simulated("enableStorageMaintenance of a pool with guests that run")
        row["state"] = "Maintenance"
        return {"storagepool": view(cloud, row)}

    return Work(work, ("StoragePool", row.uuid))


def _guests_on(cloud: Cloud, pool: Record) -> list[Record]:
    """The guests whose volumes are in a pool."""
    volumes = cloud.table("volume").where(pool=pool.number)
    return [cloud.table("virtualmachine").find(volume["guest"]) for volume in volumes]


@command("cancelStorageMaintenance")
def cancel_maintenance(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("storagepool", given["id"])

    def work() -> dict:
        if row["state"] != "Maintenance":
            raise ApiError(
                530,
                f"Resource [StoragePool:{row.number}] is unreachable: Primary storage {pool_text(row)} is not ready "
                "to complete migration,"
                f" as the status is:{row['state']}",
            )
        row["state"] = "Up"
        return {"storagepool": view(cloud, row)}

    return Work(work, ("StoragePool", row.uuid))


@command("deleteStoragePool", "forced", unlocked=True)  # forced: for pools with volumes
def delete_pool(cloud: Cloud, given: Arguments) -> dict:
    with cloud.lock:
        row = cloud.get("storagepool", given["id"])
        if row["state"] != "Maintenance":
            raise bad_parameter(
                f"Unable to delete storage due to it is not in Maintenance state, pool: {pool_text(row)}"
            )
        if _guests_on(cloud, row):
            raise not_simulated("deleteStoragePool of a pool with volumes")
        row.removed = True
        if cloud.agents is not None:
            cloud.agents.forget_pool(row.uuid)
        row.uuid = f"removed {row.uuid}"  # the UUID of a deleted pool no longer resolves
    return {"success": True}
