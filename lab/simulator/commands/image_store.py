# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary storage (recorded/storage.json, entries 65 to 80; zone-ready.json)."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..cloud import Cloud
from ..errors import bad_parameter, failed, not_simulated
from ..records import Record
from ..registry import Arguments, command
from .common import by_id, listing, without_none

PREFIX = "Failed to add data store: "


def view(cloud: Cloud, row: Record) -> dict:
    """An image store as answers show it."""
    zone = cloud.table("zone").find(row["zone"])
    return without_none({
        "id": row.uuid, "zoneid": zone and zone.uuid, "zonename": zone and zone["name"], "name": row["name"],
        "url": row["url"],
        "protocol": row["protocol"], "providername": "NFS", "scope": "ZONE", "readonly": row["readonly"],
        "hasannotations": False,
    })  # fmt: skip


def _add(cloud: Cloud, given: Arguments, provider: str, staging: bool = False) -> Record:
    """A new row. With the simulator plug-in every provider ends as NFS; only those that need no url are another."""
    table, url = cloud.table("imagestore"), given.get("url") or ""
    name = given.get("name") or url
    if any(row["name"] == name for row in table.where(staging=staging)):
        raise bad_parameter(f"The image store with name {name} already exists, try creating with another name")
    if list(table) and not url:
        raise bad_parameter("You can only add new image stores from the same provider NFS already added")
    if given.get("zoneid") is None:
        raise failed(
            f"{PREFIX}DataCenter id is null, and simulator image store has to be associated with a data center"
        )
    parts = urlsplit(url)
    if not parts.scheme:
        raise failed(f"{PREFIX}{url} is not a valid uri")
    if not parts.netloc or not parts.path:
        raise failed(f"{PREFIX}Your host and/or path is wrong.  Make sure it is of the format nfs://hostname/path")
    if given.get("details"):
        raise not_simulated("an image store with details")
    return table.add(
        name=name,
        url=url,
        protocol=parts.scheme,
        zone=given["zoneid"],
        provider=provider,
        readonly=False,
        staging=staging,
    )


@command("addImageStore", "details name url zoneid")
def add(cloud: Cloud, given: Arguments) -> dict:
    return {"imagestore": view(cloud, _add(cloud, given, given["provider"]))}


@command("addSecondaryStorage", "zoneid")
def add_secondary(cloud: Cloud, given: Arguments) -> dict:
    return {"secondarystorage": view(cloud, _add(cloud, given, "NFS"))}


@command("createSecondaryStagingStore", "provider scope zoneid")
def create_staging_store(cloud: Cloud, given: Arguments) -> dict:
    if (given.get("scope") or "ZONE").upper() != "ZONE":
        raise not_simulated(f"createSecondaryStagingStore with scope={given['scope']}")
    return {"secondarystorage": view(cloud, _add(cloud, given, given.get("provider") or "NFS", staging=True))}


@command("listSecondaryStagingStores", "id keyword name protocol provider zoneid")
def list_staging_stores(cloud: Cloud, given: Arguments) -> dict:
    return _listed(cloud, given, staging=True)


@command("listImageStores", "id keyword name protocol provider zoneid")
def list_stores(cloud: Cloud, given: Arguments) -> dict:
    return _listed(cloud, given, staging=False)


def _listed(cloud: Cloud, given: Arguments, staging: bool) -> dict:
    rows = by_id(cloud.table("imagestore").where(staging=staging), given, zoneid="zone")
    for key in ("protocol", "provider"):
        if given.get(key):
            rows = [row for row in rows if row[key].lower() == given[key].lower()]
    return listing("imagestore", rows, lambda row: view(cloud, row), given)


@command("updateImageStore", "name readonly")
def update(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("imagestore", given["id"])
    if given.get("name"):
        row["name"] = given["name"]
    if "readonly" in given:
        row["readonly"] = given["readonly"]
    return {"imagestore": view(cloud, row)}


@command("deleteImageStore")
def delete(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.table("imagestore").find(given["id"])
    if row is None:
        raise bad_parameter(f"Image store with id {given['id']} doesn't exist")
    row.removed = True
    return {"success": True}
