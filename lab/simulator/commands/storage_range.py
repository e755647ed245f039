# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of the storage network (recorded/zone.json, arguments.json)."""

from __future__ import annotations

import ipaddress
import uuid

from ..cloud import Cloud
from ..errors import failed
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing, without_none


def view(cloud: Cloud, row: Record) -> dict:
    """A range as lists show it."""
    pod = cloud.table("pod").find(row["pod"])
    zone = cloud.table("zone").find(pod["zone"])
    # The zone's own network for storage traffic, which no other command that is known here shows.
    return {
        **_made(row),
        "networkid": str(uuid.uuid5(uuid.UUID(zone.uuid), "storage")),
        "podid": pod.uuid,
        "zoneid": zone.uuid,
    }


def _made(row: Record) -> dict:
    """A range as the answer to its making shows it: not yet where it is."""
    return without_none(
        {"id": row.uuid, **{key: row[key] for key in ("vlan", "startip", "endip", "gateway", "netmask")}}
    )


def _check_apart(cloud: Cloud, pod: int, start: str, end: str) -> None:
    """Raises 530 for addresses of another range of the pod. Nothing else is checked: neither the net nor which end is
    the higher one."""
    first, last = ipaddress.IPv4Address(start), ipaddress.IPv4Address(end)
    for other in cloud.table("storagerange").where(pod=pod):
        if first <= ipaddress.IPv4Address(other["endip"]) and ipaddress.IPv4Address(other["startip"]) <= last:
            raise failed(
                f"The Storage network Start IP and endIP address range overlap with private IP :{other['startip']} - "
                f"{other['endip']}"
            )


@command("createStorageNetworkIpRange", "endip vlan")
def create_range(cloud: Cloud, given: Arguments) -> Work:
    pod = cloud.get("pod", given["podid"])

    def work() -> dict:
        start, end = given["startip"], given.get("endip") or given["startip"]
        _check_apart(cloud, pod.number, start, end)
        kept = {key: given.get(key) for key in ("gateway", "netmask", "vlan")}
        row = cloud.table("storagerange").add(pod=pod.number, startip=start, endip=end, zone=pod["zone"], **kept)
        return {"storagenetworkiprange": _made(row)}

    return Work(work)


@command("listStorageNetworkIpRange", "id podid zoneid")
def list_ranges(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("storagerange"), given, zoneid="zone", podid="pod")
    return listing("storagenetworkiprange", rows, lambda row: view(cloud, row), given)


@command("updateStorageNetworkIpRange", "endip netmask startip vlan")
def update_range(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("storagerange", given["id"])

    def work() -> dict:
        if given.get("startip") or given.get(
            "endip"
        ):  # compared with the row itself too, so that no range can be widened
            _check_apart(cloud, row["pod"], given.get("startip") or row["startip"], given.get("endip") or row["endip"])
        row.data.update(
            {key: given[key] for key in ("startip", "endip", "netmask", "vlan") if given.get(key) is not None}
        )
        return {"storagenetworkiprange": view(cloud, row)}

    return Work(work)


@command("deleteStorageNetworkIpRange")
def delete_range(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("storagerange", given["id"])

    def work() -> dict:
        cloud.table("storagerange").forget(row)
        return {"success": True}

    return Work(work)
