# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates and guest operating systems (recorded/zone-ready.json, kvm-host-vm.json)."""

from __future__ import annotations

from ..cloud import Cloud
from ..errors import bad_parameter, failed, not_simulated
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing

# What a template that hosts download themselves has. Its size is what the URL's server says, which nobody asks here.
NEW = {
    "isready": True, "passwordenabled": False, "isfeatured": False, "crossZones": False, "templatetype": "USER",
    "status": "Bypassed Secondary Storage", "size": 0, "isextractable": False, "details": {}, "downloaddetails": [],
    "arch": "x86_64", "bits": 0, "sshkeyenabled": False, "isdynamicallyscalable": False, "directdownload": True,
    "deployasis": False, "forcks": False, "tags": [], "hasannotations": False,
}  # fmt: skip


def view(cloud: Cloud, row: Record, zone: Record) -> dict:
    """A template in a zone. One that was registered here is downloaded by the hosts. Those of the simulator plug-in are
    on each image store at once; those of KVM would have to be downloaded."""
    if row.get("directdownload"):
        return _registered(cloud, row, zone)
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


def _registered(cloud: Cloud, row: Record, zone: Record) -> dict:
    system = cloud.table("ostype").where(name=row["ostypename"])[0]
    shown = {key: value for key, value in row.data.items() if key != "zone"}
    return {
        "id": row.uuid, **shown, "ostypeid": system.uuid, "account": "admin", "domain": "ROOT", "domainpath": "ROOT",
        "domainid": cloud.domain.uuid, "zoneid": zone.uuid, "zonename": zone["name"],
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
    shown = [view(cloud, row, zone) for row in rows for zone in zones if row.get("zone") in (None, zone.number)]
    return listing("template", shown, lambda entry: entry, given)


@command("registerTemplate", "directdownload displaytext ispublic ostypeid requireshvm zoneid")
def register_template(cloud: Cloud, given: Arguments) -> dict:
    able = cloud.table("host").where(zone=given.get("zoneid"), hypervisor=given["hypervisor"], state="Up")
    if given.get("directdownload") and not able:
        raise failed(f"Couldn't find a host to validate URL {given['url']}")
    zone = cloud.table("zone").find(given.get("zoneid"))
    if not given.get("directdownload") or zone is None or given.get("ostypeid") is None:
        raise not_simulated("registerTemplate that a secondary storage VM would download")
    row = cloud.table("template").add(
        **NEW, name=given["name"], displaytext=given.get("displaytext") or given["name"], format=given["format"],
        ispublic=given.get("ispublic", False), requireshvm=given.get("requireshvm", True), url=given["url"],
        hypervisor=given["hypervisor"], ostypename=cloud.get("ostype", given["ostypeid"])["name"],
        created=cloud.clock.stamp(),
    )  # fmt: skip
    row["zone"] = zone.number
    cloud.event("TEMPLATE.CREATE", f"Successfully completed Creating Template. Id: {row.number} name: {row['name']}")
    return {"count": 1, "template": [view(cloud, row, zone)]}


@command("deleteTemplate", "zoneid")
def delete_template(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("template", given["id"])

    def work() -> dict:
        if row["templatetype"] != "USER":
            raise bad_parameter(f"Template {row['name']} of the type {row['templatetype']} cannot be deleted")
        row.removed = True
        return {"success": True}

    return Work(work, ("None", None))


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
