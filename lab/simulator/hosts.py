# SPDX-License-Identifier: GPL-3.0-or-later
"""Host rows: how answers show them, how they are made, and what an agent's coming and going does to them."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from . import VERSION, allocation
from .cloud import Cloud
from .records import Record

EVENTS = {
    "Up": "StartAgentRebalance; AgentConnected; ManagementServerDown; HostDown; Remove; PingTimeout; "
    "AgentDisconnected; Ping; ShutdownRequested",
    "Alert": "AgentConnected; ManagementServerDown; HostDown; Remove; PingTimeout; AgentDisconnected; Ping; "
    "WaitedTooLong",
    "Disconnected": "AgentConnected; ManagementServerDown; HostDown; Remove; PingTimeout; AgentDisconnected; Ping; "
    "WaitedTooLong",
    "Connecting": "AgentConnected; ManagementServerDown; HostDown; PingTimeout; AgentDisconnected; ShutdownRequested; "
    "Ready; WaitForReady",
}
RESERVED_MEMORY = 1073741824  # bytes; agent property host.reserved.mem.mb


# listHosts shows each group only where one of these details is wanted (HostJoinDaoImpl; recorded). Tags need capacity.
NAMES = ("zonename", "podname", "clustername", "clustertype")
WITH_CAPACITY = ("hosttags", "explicithosttags", "istagarule", "hypervisorversion", "hahost", "arch")


def view(cloud: Cloud, row: Record, details: list[str] | None = None) -> dict[str, Any]:
    """A host as answers show it. `details` as in listHosts; None means all."""
    wanted = set(details or ["all"])
    wanted |= {"capacity", "events", "stats"} if "all" in wanted else set()
    fields = {**_identity(cloud, row), **_tags(row), **_state(cloud, row)}
    hidden = {"details"} if "all" not in wanted else set()
    hidden |= set() if wanted & {"capacity", "events", "stats"} else set(NAMES)
    hidden |= set() if "events" in wanted else {"events"}
    if "capacity" in wanted:
        fields |= _capacity(cloud, row)
    else:
        fields["memoryallocated"] = 0
        hidden |= set(WITH_CAPACITY)
    return {name: value for name, value in fields.items() if name not in hidden and value is not None}


def _identity(cloud: Cloud, row: Record) -> dict[str, Any]:
    """What a host is and where it stands."""
    zone, pod, cluster = (cloud.table(name).find(row.get(name)) for name in ("zone", "pod", "cluster"))
    return {
        "id": row.uuid, "name": row["name"], "type": row["type"], "ipaddress": row["ipaddress"], "zoneid": zone.uuid,
        "zonename": zone["name"],
        "podid": pod.uuid, "podname": pod["name"], "clusterid": cluster.uuid, "clustername": cluster["name"],
        "clustertype": "CloudManaged",
        "version": VERSION, "hypervisor": row["hypervisor"], "hypervisorversion": row.get("hypervisorversion"),
        "cpusockets": row.get("cpusockets"), "cpunumber": row["cpunumber"], "cpuspeed": row["cpuspeed"],
        "capabilities": row["capabilities"],
        "arch": row["arch"], "created": row["created"], "details": row.get("details") or None,
        "ueficapability": row.get("uefi", False), "encryptionsupported": row.get("encryption"),
        "instanceconversionsupported": row.get("conversion"), "islocalstorageactive": False, "hahost": False,
    }  # fmt: skip


def _tags(row: Record) -> dict[str, Any]:
    """Tags and annotation, where there are some."""
    tags, note = ",".join(row.get("tags") or []) or None, row.get("annotation")
    return {
        "hosttags": tags, "explicithosttags": tags, "istagarule": False if tags else None, "annotation": note,
        "lastannotated": row.get("annotated") if note else None, "username": "admin" if note else None,
        "hasannotations": bool(note),
    }  # fmt: skip


def _state(cloud: Cloud, row: Record) -> dict[str, Any]:
    """How the host is now."""
    # Recorded for KVM; hosts of the simulator plug-in do not show it.
    stopped = (
        row["hypervisor"] == "KVM" and row["state"] in ("Disconnected", "Alert", "Down") and row.get("disconnected")
    )
    served = (
        {"managementserverid": cloud.server.uuid, "managementservername": cloud.server["name"]}
        if row["state"] in ("Up", "Connecting")
        else {}
    )
    return {
        "state": row["state"], "disconnected": row.get("disconnected") if stopped else None,
        "lastpinged": _last_pinged(row), **served,
        "events": EVENTS.get(row["state"], EVENTS["Disconnected"]), "hostha": ha_view(row),
        "outofbandmanagement": oobm_view(row),
        "resourcestate": row["resourcestate"],
    }  # fmt: skip


def _capacity(cloud: Cloud, row: Record) -> dict[str, Any]:
    """What the host has, and what guests and system VMs take of it."""
    room, used = allocation.capacity(cloud, row), allocation.used(cloud, row)
    cpu, memory = share(used.cpu, row["cpunumber"] * row["cpuspeed"]), share(used.memory, row["memorytotal"])
    return {
        "cpuallocated": cpu, "cpuallocatedvalue": int(used.cpu), "cpuallocatedpercentage": cpu,
        "cpuallocatedwithoverprovisioning": share(used.cpu, room.cpu),
        "cpuwithoverprovisioning": str(int(room.cpu)), "memorytotal": row["memorytotal"],
        "memorywithoverprovisioning": str(int(room.memory)),
        "memoryallocated": int(used.memory), "memoryallocatedpercentage": memory,
        "memoryallocatedbytes": int(used.memory),
    }  # fmt: skip


def share(part: float, whole: float) -> str:
    """As answers show it: 12.50%."""
    return f"{100 * part / whole if whole else 0:.2f}%"


def _last_pinged(row: Record) -> str:
    """Seconds taken for milliseconds: a date in January 1970, as the real server shows it."""
    from datetime import datetime, timezone

    return datetime.fromtimestamp(row.get("pinged", 0) / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S%z")


def ha_view(row: Record) -> dict[str, Any]:
    """Host HA of a host, inside the host."""
    ha = row.get("ha")
    if not ha:
        return {"haenable": False, "hastate": "Disabled"}
    return {"haenable": ha["enabled"], "hastate": ha["state"], "haprovider": ha["provider"]}


def oobm_view(row: Record) -> dict[str, Any]:
    """Out-of-band management of a host, inside the host: never the password but its first letter."""
    oobm = row.get("oobm")
    if not oobm:
        return {"powerstate": "Disabled", "enabled": False}
    return {
        "powerstate": oobm["powerstate"], "enabled": oobm["enabled"], "driver": oobm["driver"],
        "address": oobm["address"], "port": oobm["port"],
        "username": oobm["username"], "password": f"{oobm['password'][:1]}****",
    }  # fmt: skip


def add_simulated(cloud: Cloud, zone: Record, pod: Record, cluster: Record, tags: list[str]) -> Record:
    """A host of the simulator plug-in: no machine behind it, Up at once, another one at each call."""
    name = f"SimulatedAgent.{uuid.uuid4()}"
    row = cloud.table("host").add(
        name=name, state="Up", type="Routing", ipaddress=_free_address(cloud, pod), zone=zone.number, pod=pod.number,
        cluster=cluster.number,
        hypervisor="Simulator", hypervisorversion=VERSION, cpunumber=4, cpuspeed=8000, memorytotal=8589934592,
        capabilities="hvm",
        created=cloud.clock.stamp(), added=cloud.clock.now(), pinged=cloud.clock.now(), resourcestate="Enabled",
        tags=tags, arch="x86_64", guid=name,
    )  # fmt: skip
    pool = uuid.uuid4()
    cloud.table("storagepool").add(
        name=f"{name}-local-{str(pool)[:8]}",
        zone=zone.number,
        pod=pod.number,
        cluster=cluster.number,
        ipaddress=row["ipaddress"],
        path=f"/mnt/{pool}",
        type="Filesystem",
        scope="HOST",
        state="Up",
        hypervisor="Simulator",
        created=cloud.clock.stamp(),
        tags=None,
        details={},
        host=row.number,
    ).uuid = str(pool)
    return row


def _free_address(cloud: Cloud, pod: Record) -> str:
    taken = {row["ipaddress"] for row in cloud.table("host")}
    address = ipaddress.ip_address(pod["startip"])
    while str(address) in taken:
        address += 1
    return str(address)


def by_guid(cloud: Cloud, guid: str, zone: int | None = None) -> Record | None:
    """The row whose guid begins so, in one zone or in all."""
    rows = [row for row in cloud.table("host") if row.get("guid", "").startswith(guid) and zone in (None, row["zone"])]
    return rows[0] if rows else None


def set_state(cloud: Cloud, row: Record, state: str) -> None:
    """Change the status of a host; one that is no longer Up shows since when."""
    if row["state"] != state:
        row["state"] = state
        row["disconnected"] = None if state in ("Up", "Connecting") else cloud.clock.stamp()


def come_back(cloud: Cloud) -> None:
    """Hosts of the simulator plug-in whose time has come are connected again, under the name that their agent gives
    them."""
    for row in cloud.table("host").where(hypervisor="Simulator", state="Disconnected"):
        if row.get("back") is not None and cloud.clock.now() >= row["back"]:
            set_state(cloud, row, "Up")
            row["name"], row["back"] = row["guid"], None


def place(cloud: Cloud, row: Record) -> str:
    """ "availability zone: z, pod: p", as alerts end."""
    zone, pod = cloud.table("zone").find(row["zone"]), cloud.table("pod").find(row["pod"])
    return f"availability zone: {zone['name']}, pod: {pod['name']}"
