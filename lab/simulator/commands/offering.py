# SPDX-License-Identifier: GPL-3.0-or-later
"""Service and network offerings (recorded/zone-ready.json, kvm-host-vm.json). Of the default network offerings there
are those that were recorded."""

from __future__ import annotations

from typing import Any

from ..cloud import Cloud
from ..errors import bad_parameter, not_simulated
from ..records import Record
from ..registry import Arguments, command
from .common import by_id, listing

# What an offering has unless it is told otherwise.
SERVICE: dict[str, Any] = {
    "state": "Active", "storagetype": "shared", "provisioningtype": "thin", "offerha": False, "limitcpuuse": False,
    "isvolatile": False,
    "issystem": False, "defaultuse": False, "iscustomized": False, "rootdisksize": 0, "dynamicscalingenabled": True,
    "diskofferingstrictness": False, "encryptroot": False, "gpudisplay": False, "hasannotations": False,
}  # fmt: skip
NETWORK = {
    "isdefault": False, "specifyvlan": False, "conservemode": True, "specifyipranges": False,
    "availability": "Optional", "networkrate": 200,
    "state": "Disabled", "service": [], "forvpc": False, "fornsx": False, "fortungsten": False, "ispersistent": False,
    "egressdefaultpolicy": True,
    "supportsstrechedl2subnet": False, "supportspublicaccess": False, "supportsinternallb": False,
    "internetprotocol": "IPv4",
    "specifyasnumber": False, "hasannotations": False,
}  # fmt: skip


def _service_view(row: Record) -> dict[str, Any]:
    return {"id": row.uuid, **row.data}


@command("listServiceOfferings", "id issystem keyword name systemvmtype")
def list_service_offerings(cloud: Cloud, given: Arguments) -> dict:
    rows = [
        row for row in by_id(cloud.table("serviceoffering"), given) if row["issystem"] == given.get("issystem", False)
    ]
    if given.get("systemvmtype"):
        rows = [row for row in rows if row.get("systemvmtype") == given["systemvmtype"]]
    return listing("serviceoffering", rows, _service_view, given)


@command("createServiceOffering", "cpunumber cpuspeed displaytext hosttags memory offerha")
def create_service_offering(cloud: Cloud, given: Arguments) -> dict:
    if not all(given.get(key) for key in ("cpunumber", "cpuspeed", "memory")):
        raise not_simulated("createServiceOffering without cpunumber, cpuspeed and memory")
    text = given.get("displaytext") or given["name"]
    disk = cloud.table("diskoffering").add(name=given["name"])
    plain = {key: given[key] for key in ("cpunumber", "cpuspeed", "memory", "offerha", "hosttags") if key in given}
    row = cloud.table("serviceoffering").add(
        **(SERVICE | plain), name=given["name"], displaytext=text, created=cloud.clock.stamp(),
        diskofferingid=disk.uuid,
        diskofferingname=given["name"], diskofferingdisplaytext=text,
    )  # fmt: skip
    return {"serviceoffering": _service_view(row)}


@command("deleteServiceOffering")
def delete_service_offering(cloud: Cloud, given: Arguments) -> dict:
    cloud.get("serviceoffering", given["id"]).removed = True
    return {"success": True}


def _network_view(cloud: Cloud, row: Record) -> dict[str, Any]:
    router = cloud.table("serviceoffering").where(systemvmtype="domainrouter")[0]
    return {"id": row.uuid, "serviceofferingid": router.uuid, **row.data}


@command("listNetworkOfferings", "guestiptype id isdefault keyword name state traffictype")
def list_network_offerings(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("networkoffering"), given)
    for key in ("guestiptype", "state", "traffictype"):
        if given.get(key):
            rows = [row for row in rows if row[key].lower() == given[key].lower()]
    if "isdefault" in given:
        rows = [row for row in rows if row["isdefault"] == given["isdefault"]]
    return listing("networkoffering", rows, lambda row: _network_view(cloud, row), given)


@command("createNetworkOffering", "displaytext specifyvlan")
def create_network_offering(cloud: Cloud, given: Arguments) -> dict:
    if given["guestiptype"] != "L2" or given["traffictype"].lower() != "guest":
        raise not_simulated(f"createNetworkOffering of the type {given['guestiptype']} for {given['traffictype']}")
    row = cloud.table("networkoffering").add(
        **{**NETWORK, "specifyvlan": given.get("specifyvlan", False)}, name=given["name"],
        displaytext=given.get("displaytext") or given["name"],
        created=cloud.clock.stamp(), traffictype="Guest", guestiptype="L2",
    )  # fmt: skip
    return {"networkoffering": _network_view(cloud, row)}


@command("updateNetworkOffering", "displaytext id name state")
def update_network_offering(cloud: Cloud, given: Arguments) -> dict:
    if given.get("id") is None:
        raise not_simulated("updateNetworkOffering without an id")
    row = cloud.get("networkoffering", given["id"])
    if given.get("state") not in (None, "Enabled", "Disabled"):
        raise bad_parameter(f"Incorrect availability value: {given['state']}")
    row.data.update({key: given[key] for key in ("displaytext", "name", "state") if given.get(key)})
    return {"networkoffering": _network_view(cloud, row)}
