# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones (recorded/zone.json)."""

from __future__ import annotations

import ipaddress
import uuid

from ..cloud import Cloud
from ..errors import bad_parameter, failed
from ..records import Record
from ..registry import Arguments, command
from .common import allocation_state, by_id, check_ip, listing, without_none

ADDRESSES = (("dns1", "DNS1"), ("dns2", "DNS2"), ("internaldns1", "internal DNS1"), ("internaldns2", "internal DNS2"))
ADDRESSES6 = (("ip6dns1", "IP6 DNS1"), ("ip6dns2", "IP6 DNS2"))
SAME_NAME = "A zone with that name already exists. Please specify a unique zone name."


def view(row: Record) -> dict:
    """A zone as answers show it."""
    fields = {key: row.get(key) for key in ("dns1", "dns2", "ip6dns1", "ip6dns2", "internaldns1", "internaldns2", "guestcidraddress")}
    return without_none({
        "id": row.uuid, "name": row["name"], **fields, "networktype": row["networktype"], "securitygroupsenabled": row["securitygroups"],
        "gputotal": 0, "gpuused": 0, "allocationstate": row["allocationstate"], "zonetoken": row["token"], "dhcpprovider": row["dhcpprovider"],
        "localstorageenabled": row["localstorage"], "tags": [], "allowuserspecifyvrmtu": False, "routerprivateinterfacemaxmtu": 1500,
        "routerpublicinterfacemaxmtu": 1500, "type": "Edge" if row["edge"] else "Core", "isnsxenabled": False, "ismultiarch": row["multiarch"],
        "asnrange": "", "routedmodeenabled": True, "hasannotations": False, "resourcedetails": row.get("details") or None,
    })  # fmt: skip


def _check_addresses(given: Arguments) -> None:
    for key, name in ADDRESSES:
        check_ip(given.get(key), name)
    for key, name in ADDRESSES6:
        check_ip(given.get(key), name, version=6)
    if given.get("guestcidraddress"):
        try:
            ipaddress.ip_network(given["guestcidraddress"])
        except ValueError:
            raise bad_parameter("Please enter a valid guest cidr") from None


@command("createZone")
def create_zone(cloud: Cloud, given: Arguments) -> dict:
    kinds = {"basic": "Basic", "advanced": "Advanced"}
    if given["networktype"].lower() not in kinds:
        raise bad_parameter("Invalid zone type; only Advanced and Basic values are supported")
    state = allocation_state(given.get("allocationstate"), "Disabled")
    _check_addresses(given)
    if by_id(cloud.table("zone"), {"name": given["name"]}):
        raise bad_parameter(SAME_NAME)
    kept = {key: given.get(key) for key in ("dns1", "dns2", "ip6dns1", "ip6dns2", "internaldns1", "internaldns2", "guestcidraddress")}
    row = cloud.table("zone").add(
        name=given["name"], networktype=kinds[given["networktype"].lower()], allocationstate=state, securitygroups=given.get("securitygroupenabled", False),
        localstorage=given.get("localstorageenabled", False), edge=given.get("isedge", False), token=str(uuid.uuid4()), dhcpprovider="VirtualRouter",
        multiarch=False, details={}, **kept,
    )  # fmt: skip
    if row["networktype"] == "Basic":
        row["securitygroups"] = True
    cloud.event("ZONE.CREATE", f"Successfully completed creating zone. Zone Name: {row['name']}")
    return {"zone": view(row)}


@command("listZones")
def list_zones(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("zone"), given)
    if given.get("ids"):
        rows = [row for row in rows if row.number in given["ids"]]
    if given.get("networktype"):
        rows = [row for row in rows if row["networktype"].lower() == given["networktype"].lower()]

    def shown(row: Record) -> dict:
        return {**view(row), **({"capacity": []} if given.get("showcapacities") else {})}

    return listing("zone", rows, shown, given)


@command("updateZone")
def update_zone(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("zone", given["id"])
    if given.get("name") and [other for other in by_id(cloud.table("zone"), {"name": given["name"]}) if other is not row]:
        raise bad_parameter(SAME_NAME)
    _check_addresses(given)
    state = allocation_state(given.get("allocationstate"), row["allocationstate"])
    if state == "Enabled" and row["allocationstate"] != "Enabled":
        _check_complete(cloud, row)
    for key in ("name", "dns1", "dns2", "ip6dns1", "ip6dns2", "internaldns1", "internaldns2", "guestcidraddress", "dhcpprovider"):
        if given.get(key):
            row[key] = given[key]
    if "localstorageenabled" in given:
        row["localstorage"] = given["localstorageenabled"]
    row["allocationstate"] = state
    return {"zone": view(row)}


def _check_complete(cloud: Cloud, zone: Record) -> None:
    """What a zone needs before it can be enabled."""
    networks = cloud.table("physicalnetwork").where(zone=zone.number)
    kinds = {row["traffictype"] for network in networks for row in cloud.table("traffictype").where(network=network.number)}
    for kind in ("Management",):
        if kind not in kinds:
            raise bad_parameter(f"Cannot enable this Zone since: Unable to find the default physical network with traffic={kind} in the specified zone id")


@command("deleteZone")
def delete_zone(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("zone", given["id"])
    if cloud.table("pod").where(zone=row.number):
        raise failed("The zone cannot be deleted because there are pods in this zone.")
    if cloud.table("physicalnetwork").where(zone=row.number):
        raise failed("The zone cannot be deleted because there are physical networks in this zone.")
    row.removed = True
    return {"success": True}
