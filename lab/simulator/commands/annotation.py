# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes on hosts, and details and tags as lists of their own (recorded/misc.json, host-simulator.json)."""

from __future__ import annotations

from ..cloud import Cloud
from ..errors import bad_parameter, not_simulated
from ..records import Record
from ..registry import Arguments, command
from .common import listing


def _host(cloud: Cloud, given: Arguments) -> Record:
    """The host that an annotation belongs to."""
    if given.get("entitytype") != "HOST":
        raise not_simulated(f"annotations of the type {given.get('entitytype')}")
    return cloud.get("host", cloud.table("host").number_of(given.get("entityid") or "") or 0)


def _view(cloud: Cloud, row: Record) -> dict:
    host = cloud.table("host").find(row["host"])
    return {
        "id": row.uuid, "entitytype": "HOST", "entityid": host.uuid, "entityname": host["name"],
        "annotation": row["text"], "userid": cloud.user.uuid,
        "username": "admin", "adminsonly": row["adminsonly"], "created": row["created"],
    }  # fmt: skip


@command("addAnnotation", "adminsonly annotation entityid entitytype")
def add(cloud: Cloud, given: Arguments) -> dict:
    host = _host(cloud, given)
    row = cloud.table("annotation").add(
        host=host.number,
        text=given.get("annotation"),
        adminsonly=given.get("adminsonly", False),
        created=cloud.clock.stamp(),
    )
    host["annotation"], host["annotated"] = row["text"], row["created"]
    return {"annotation": _view(cloud, row)}


@command("listAnnotations", "entityid entitytype")
def list_annotations(cloud: Cloud, given: Arguments) -> dict:
    rows = cloud.table("annotation").where(host=_host(cloud, given).number)
    return listing("annotation", rows, lambda row: _view(cloud, row), given)


@command("listHostTags")
def list_host_tags(cloud: Cloud, given: Arguments) -> dict:
    tags = [
        {"hostid": row.number, "name": tag, "isimplicit": False}
        for row in cloud.table("host")
        for tag in row.get("tags") or []
    ]
    return listing("hosttag", tags, lambda tag: tag, given)


@command("listResourceDetails", "resourceid")
def list_resource_details(cloud: Cloud, given: Arguments) -> dict:
    kind = given["resourcetype"]
    if kind == "Host":  # a kind of resource that has details, and yet is none to this call
        raise bad_parameter(f"Invalid resource type {kind}")
    if kind != "Zone":
        raise not_simulated(f"listResourceDetails of the type {kind}")
    zone = cloud.get("zone", cloud.table("zone").number_of(given.get("resourceid") or "") or 0)
    details = [
        {"resourceid": zone.uuid, "resourcetype": kind, "key": key, "value": value, "fordisplay": True}
        for key, value in (zone.get("details") or {}).items()
    ]
    return listing("resourcedetail", details, lambda detail: detail, given)
