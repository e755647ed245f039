# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests and their volumes: rows, and how answers show them (recorded/kvm-host-vm.json)."""

from __future__ import annotations

import json
from typing import Any

from .cloud import Cloud
from .records import Record

ON_A_HOST = ("Starting", "Running", "Stopping", "Migrating")  # states in which a guest takes room on its host
LOST = ("Down", "Disconnected", "Alert")  # states of a host that is not connected
MAINTENANCE = ("Maintenance", "PrepareForMaintenance", "ErrorInMaintenance", "ErrorInPrepareForMaintenance")
MIB = 1048576
COLLECTED = 60  # seconds
ALERT = (8, "ALERT.USERVM")
ALERT_MIGRATE = (17, "ALERT.USERVM.MIGRATE")
ALERT_SYNC = (20, "ALERT.VM.SYNC")


def add(cloud: Cloud, name: str, displayname: str | None, parts: dict[str, Record]) -> Record:
    """A new guest, Stopped, with a root volume that has no pool yet. `parts`: its zone, serviceoffering, template and
    network."""
    offering = parts["serviceoffering"]
    row = cloud.table("virtualmachine").add(
        name=name, displayname=displayname or name, state="Stopped", host=None, lasthost=None,
        created=cloud.clock.stamp(), updated=0, lastupdated=None, haenable=bool(offering.get("offerha")),
        **{table: part.number for table, part in parts.items()},
    )  # fmt: skip
    row["instancename"] = f"i-2-{row.number}-VM"
    row["nic"] = cloud.table("nic").add(guest=row.number).uuid
    volume = cloud.table("volume").add(
        name=f"ROOT-{row.number}", guest=row.number, zone=row["zone"], pool=None, state="Allocated",
        created=cloud.clock.stamp(),
    )  # fmt: skip
    volume["path"] = volume.uuid
    return row


def volume_of(cloud: Cloud, row: Record) -> Record:
    """The root volume of a guest."""
    return cloud.table("volume").where(guest=row.number)[0]


def offering_of(cloud: Cloud, row: Record) -> Record:
    """The service offering of a guest, also one that was deleted."""
    return cloud.table("serviceoffering").any(row["serviceoffering"])


def set_state(cloud: Cloud, row: Record, state: str, host: Record | None = None) -> None:
    """Change the state, and the host that the guest is on (none: it is on none)."""
    if row["host"] is not None:
        row["lasthost"] = row["host"]
    row["state"], row["host"] = state, host.number if host else None
    row["lastupdated"], row["missing"] = cloud.clock.stamp(), None
    if state == "Running":
        row["ran"] = row.get("ran") or cloud.clock.now()
    row["updated"] += 1  # how often; HA work for an older state is dropped


def on_host(cloud: Cloud, host: Record) -> list[Record]:
    """The guests of a host."""
    return [row for row in cloud.table("virtualmachine").where(host=host.number) if row["state"] in ON_A_HOST]


def text(row: Record, state: str | None = None) -> str:
    """As error texts show it."""
    words = {"id": row.number, "instanceName": row["instancename"], "state": state or row["state"], "type": "User"}
    return "VM instance " + json.dumps({**words, "uuid": row.uuid}, separators=(",", ":"))


def view(cloud: Cloud, row: Record) -> dict[str, Any]:
    """A guest as answers show it."""
    nic = {"nic": [_nic(cloud, row)]}
    return {**_identity(cloud, row), **_made_of(cloud, row), **nic, **_statistics(cloud, row), **FIXED}


def _statistics(cloud: Cloud, row: Record) -> dict[str, Any]:
    """Of a guest that the collector has seen: it looks each minute."""
    if row["state"] != "Running" or cloud.clock.now() - row["ran"] < COLLECTED:
        return {}
    memory = offering_of(cloud, row)["memory"] * 1024
    figures = ("networkkbsread", "networkkbswrite", "diskkbsread", "diskkbswrite", "diskioread", "diskiowrite")
    return {
        "cpuused": "0%", "memorykbs": memory, "memoryintfreekbs": -1, "memorytargetkbs": memory,
        **dict.fromkeys(figures, 0),
    }  # fmt: skip


# What the guests that can be made here have alike.
FIXED: dict[str, Any] = {
    "passwordenabled": False, "rootdeviceid": 0, "rootdevicetype": "ROOT", "securitygroup": [], "details": {},
    "affinitygroup": [], "displayvm": True, "isdynamicallyscalable": False, "deleteprotection": False,
    "bootmode": "legacy", "boottype": "Bios", "receivedbytes": 0, "sentbytes": 0, "tags": [], "hasannotations": False,
}  # fmt: skip


def _identity(cloud: Cloud, row: Record) -> dict[str, Any]:
    zone, host = cloud.table("zone").find(row["zone"]), cloud.table("host").any(row["host"])
    place = {"hostid": host.uuid, "hostname": host["name"], "hostcontrolstate": _control(host)} if host else {}
    changed = {"lastupdated": row["lastupdated"]} if row["lastupdated"] else {}
    return {
        "id": row.uuid, "name": row["name"], "displayname": row["displayname"], "account": "admin",
        "userid": cloud.user.uuid, "username": "admin", "domainid": cloud.domain.uuid, "domain": "ROOT",
        "domainpath": "ROOT", "created": row["created"], **changed, "state": row["state"], "haenable": row["haenable"],
        "zoneid": zone.uuid, "zonename": zone["name"], **place, "instancename": row["instancename"],
    }  # fmt: skip


def _control(host: Record) -> str:
    """What a host can be asked now (ControlState.java)."""
    if host["state"] in LOST:
        return "Offline"
    if host["resourcestate"] == "Enabled":
        return "Enabled"
    return "Maintenance" if host["resourcestate"] in MAINTENANCE else "Disabled"


def _made_of(cloud: Cloud, row: Record) -> dict[str, Any]:
    offering, template = offering_of(cloud, row), cloud.table("template").any(row["template"])
    pool = cloud.table("storagepool").any(volume_of(cloud, row)["pool"])
    system = cloud.table("ostype").where(name=template["ostypename"])[0]
    return {
        "templateid": template.uuid, "templatename": template["name"], "templatetype": template["templatetype"],
        "templateformat": template["format"], "templatedisplaytext": template["displaytext"],
        "serviceofferingid": offering.uuid, "serviceofferingname": offering["name"], "cpunumber": offering["cpunumber"],
        "cpuspeed": offering["cpuspeed"], "memory": offering["memory"], "guestosid": system.uuid,
        "ostypeid": system.uuid, "osdisplayname": system["name"], "hypervisor": template["hypervisor"],
        "arch": template["arch"], **({"pooltype": pool["type"]} if pool else {}),
    }  # fmt: skip


def _nic(cloud: Cloud, row: Record) -> dict[str, Any]:
    network = cloud.table("network").any(row["network"])
    uri = f"vlan://{network['vlan']}"
    vlan = {"isolationuri": uri, "broadcasturi": uri} if network["vlan"] else {}
    return {
        "id": row["nic"], "networkid": network.uuid, "networkname": network["name"], **vlan,
        "traffictype": "Guest", "type": "L2", "isdefault": True,
        "macaddress": f"02:{row['zone'] % 256:02x}:01:00:{row.number // 256 % 256:02x}:{row.number % 256:02x}",
        "secondaryip": [], "extradhcpoption": [], "deviceid": "0",
    }  # fmt: skip


def volume_view(cloud: Cloud, row: Record) -> dict[str, Any]:
    """A volume as listVolumes shows it, as far as a guest's is needed; none was recorded."""
    guest, zone = cloud.table("virtualmachine").find(row["guest"]), cloud.table("zone").find(row["zone"])
    pool = cloud.table("storagepool").any(row["pool"])
    stored = {"storageid": pool.uuid, "storage": pool["name"], "path": row["path"]} if pool else {}
    offering = offering_of(cloud, guest)
    return {
        "id": row.uuid, "name": row["name"], "zoneid": zone.uuid, "zonename": zone["name"], "type": "ROOT",
        "deviceid": 0, "virtualmachineid": guest.uuid, "vmname": guest["name"], "vmdisplayname": guest["displayname"],
        "vmstate": guest["state"], "created": row["created"], "state": row["state"], "account": "admin",
        "domainid": cloud.domain.uuid, "domain": "ROOT", "storagetype": offering["storagetype"], **stored,
        "serviceofferingid": offering.uuid, "serviceofferingname": offering["name"], "isextractable": True,
    }  # fmt: skip
