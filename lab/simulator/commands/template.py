# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates and guest operating systems (recorded/zone-ready.json)."""

from __future__ import annotations

from ..cloud import Cloud
from ..errors import failed, not_simulated
from ..records import Record
from ..registry import Arguments, command
from .common import by_id, listing


def view(cloud: Cloud, row: Record, zone: Record) -> dict:
    """A template in a zone. Those of the simulator plug-in are on each image store at once; those of KVM would have to
    be downloaded."""
    stores = [
        (store, "Image") for store in cloud.table("imagestore").where(zone=zone.number) if not store.get("staging")
    ]
    if row["templatetype"] == "SYSTEM" and cloud.table("systemvm").where(zone=zone.number):
        stores += [
            (pool, "Primary") for pool in cloud.table("storagepool").where(zone=zone.number, type="NetworkFilesystem")
        ]
    loaded = [
        {
            "downloadState": "DOWNLOADED",
            "datastore": store["name"],
            "datastoreRole": role,
            "downloadPercent": "100",
            "datastoreId": store.uuid,
        }
        for store, role in stores
    ]
    ready = row["isready"]
    return {
        "id": row.uuid, **row.data, "ostypeid": cloud.table("ostype").where(name=row["ostypename"])[0].uuid,
        "account": "system", "domain": "ROOT",
        "domainpath": "ROOT", "domainid": cloud.domain.uuid, "zoneid": zone.uuid, "zonename": zone["name"],
        "downloaddetails": loaded if ready else [],
        **({"created": cloud.server["started"]} if ready else {}),
    }  # fmt: skip


@command("listTemplates", "hypervisor id isready keyword listall name templatetype zoneid")
def list_templates(cloud: Cloud, given: Arguments) -> dict:
    if given["templatefilter"] != "all":
        raise not_simulated(f"listTemplates with templatefilter={given['templatefilter']}")
    rows = by_id(cloud.table("template"), given)
    for key in ("hypervisor", "isready", "templatetype"):
        if key in given:
            rows = [row for row in rows if str(row[key]).lower() == str(given[key]).lower()]
    zones = [zone for zone in cloud.table("zone") if given.get("zoneid") in (None, zone.number)]
    shown = [view(cloud, row, zone) for row in rows for zone in zones]
    return listing("template", shown, lambda entry: entry, given)


@command("registerTemplate", "directdownload displaytext ispublic ostypeid requireshvm zoneid")
def register_template(cloud: Cloud, given: Arguments) -> dict:
    able = cloud.table("host").where(zone=given.get("zoneid"), hypervisor=given["hypervisor"], state="Up")
    if given.get("directdownload") and not able:
        raise failed(f"Couldn't find a host to validate URL {given['url']}")
    raise not_simulated("registerTemplate that something would download")


@command("listOsTypes", "description id keyword")
def list_os_types(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("ostype"), given)
    if given.get("description"):
        rows = [row for row in rows if row["description"] == given["description"]]

    def shown(row: Record) -> dict:
        return {
            "id": row.uuid,
            **row.data,
            "oscategoryid": cloud.table("oscategory").where(name=row["oscategoryname"])[0].uuid,
        }

    return listing("ostype", rows, shown, given)
