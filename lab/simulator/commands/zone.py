# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones (recorded/zone.json, arguments.json)."""

from __future__ import annotations

import ipaddress
import uuid

from ..cloud import Cloud
from ..errors import bad_parameter, failed
from ..records import Record
from ..registry import Arguments, command
from . import capacity
from .common import allocation_state, by_id, check_ip, joined, listing, without_none

ADDRESSES = (("dns1", "DNS1"), ("dns2", "DNS2"), ("internaldns1", "internal DNS1"), ("internaldns2", "internal DNS2"))
ADDRESSES6 = (("ip6dns1", "IP6 DNS1"), ("ip6dns2", "IP6 DNS2"))
PRIVATE = [ipaddress.IPv4Network(word) for word in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
SAME_NAME = "A zone with that name already exists. Please specify a unique zone name."


# what answers repeat as it was given
PLAIN = ("dns1", "dns2", "ip6dns1", "ip6dns2", "internaldns1", "internaldns2", "guestcidraddress", "domain")
SEARCH_ORDER = "network.guestnetwork.dns.search.order"  # where updateZone keeps dnssearchorder


def view(cloud: Cloud, row: Record) -> dict:
    """A zone as answers show it."""
    fields = {key: row.get(key) for key in PLAIN}
    owner = cloud.table("domain").find(row.get("domainid"))
    fields |= {
        "domainid": owner and owner.uuid,
        "domainname": owner and owner["name"],
        "storageaccessgroups": row.get("storageaccessgroups"),
    }
    architectures = {cluster["arch"] for cluster in cloud.table("cluster").where(zone=row.number)}
    return without_none({
        "id": row.uuid, "name": row["name"], **fields, "networktype": row["networktype"],
        "securitygroupsenabled": row["securitygroups"],
        "gputotal": 0, "gpuused": 0, "allocationstate": row["allocationstate"], "zonetoken": row["token"],
        "dhcpprovider": row["dhcpprovider"],
        "localstorageenabled": row["localstorage"], "tags": [], "allowuserspecifyvrmtu": False,
        "routerprivateinterfacemaxmtu": 1500,
        "routerpublicinterfacemaxmtu": 1500, "type": "Edge" if row["edge"] else "Core", "isnsxenabled": False,
        "ismultiarch": len(architectures) > 1,
        "asnrange": "", "routedmodeenabled": True, "hasannotations": False,
        "resourcedetails": row.get("details") or None,
    })  # fmt: skip


def _is_guest_net(word: str) -> bool:
    """Whether the word is a net of private addresses (NetUtils.validateGuestCidr); bits of a host may be set in it."""
    try:
        net = ipaddress.IPv4Network(word, strict=False)
    except ValueError:
        return False
    return "/" in word and any(net.subnet_of(private) for private in PRIVATE)


def _check_addresses(given: Arguments) -> None:
    """Raises 431. An empty word passes: it empties the field."""
    for key, name in ADDRESSES:
        check_ip(given.get(key) or None, name)
    for key, name in ADDRESSES6:
        check_ip(given.get(key) or None, name, version=6)
    if given.get("guestcidraddress") and not _is_guest_net(given["guestcidraddress"]):
        raise bad_parameter("Please enter a valid guest cidr")


@command(
    "createZone",
    "allocationstate dns2 domain domainid guestcidraddress internaldns2 ip6dns1 ip6dns2 isedge localstorageenabled "
    "securitygroupenabled storageaccessgroups",
)
def create_zone(cloud: Cloud, given: Arguments) -> dict:
    kinds = {"basic": "Basic", "advanced": "Advanced"}
    if given["networktype"].lower() not in kinds:
        raise bad_parameter("Invalid zone type; only Advanced and Basic values are supported")
    state = allocation_state(given.get("allocationstate"), "Disabled")
    _check_addresses(given)
    if by_id(cloud.table("zone"), {"name": given["name"]}):
        raise bad_parameter(SAME_NAME)
    kept = {key: given.get(key) for key in (*PLAIN, "domainid")}
    row = cloud.table("zone").add(
        name=given["name"], networktype=kinds[given["networktype"].lower()], allocationstate=state,
        securitygroups=given.get("securitygroupenabled", False),
        localstorage=given.get("localstorageenabled", False), edge=given.get("isedge", False), token=str(uuid.uuid4()),
        dhcpprovider="VirtualRouter",
        details={}, storageaccessgroups=joined(given.get("storageaccessgroups")), **kept,
    )  # fmt: skip
    if row["networktype"] == "Basic":
        row["securitygroups"] = True
    cloud.event("ZONE.CREATE", f"Successfully completed creating zone. Zone Name: {row['name']}")
    return {"zone": view(cloud, row)}


@command("listZones", "available id ids keyword name networktype showcapacities")
def list_zones(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("zone"), given)
    if given.get("ids"):
        rows = [row for row in rows if row.number in given["ids"]]
    if given.get("networktype"):
        rows = [row for row in rows if row["networktype"].lower() == given["networktype"].lower()]

    # `available` chooses among the zones of a plain user; the administrator sees all of them, whatever it says
    rows.sort(key=lambda row: row.get("sortkey", 0))

    def shown(row: Record) -> dict:
        return {
            **view(cloud, row),
            **({"capacity": capacity.of_zone(cloud, row)} if given.get("showcapacities") else {}),
        }

    return listing("zone", rows, shown, given)


@command(
    "updateZone",
    "allocationstate details dhcpprovider dns1 dns2 dnssearchorder domain guestcidraddress internaldns1 internaldns2 "
    "ip6dns1 ip6dns2 ispublic"
    " localstorageenabled name sortkey",
)
def update_zone(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("zone", given["id"])
    if given.get("name") and [
        other for other in by_id(cloud.table("zone"), {"name": given["name"]}) if other is not row
    ]:
        raise bad_parameter(SAME_NAME)
    _check_addresses(given)
    state = allocation_state(given.get("allocationstate"), row["allocationstate"])
    if state == "Enabled" and row["allocationstate"] != "Enabled":
        _check_complete(cloud, row)
    for key in (*PLAIN, "sortkey"):
        if key in given:
            row[key] = given[key]
    for key in ("name", "dhcpprovider"):
        row[key] = given.get(key) or row[key]
    row["domain"] = row["domain"] or None  # empty removes it, while an empty dns2 stays as an empty word
    if given.get("ispublic"):
        row["domain"] = row["domainid"] = None  # the network domain goes too, though a public zone could have one
    if "localstorageenabled" in given:
        row["localstorage"] = given["localstorageenabled"]
    searched = {SEARCH_ORDER: ",".join(given["dnssearchorder"])} if given.get("dnssearchorder") else {}
    row["details"] = {**row["details"], **given.get("details", {}), **searched}
    if state == "Enabled" != row["allocationstate"]:
        row["enabled_at"] = cloud.clock.now()
    row["allocationstate"] = state
    return {"zone": view(cloud, row)}


def _check_complete(cloud: Cloud, zone: Record) -> None:
    """What a zone needs before it can be enabled."""
    networks = cloud.table("physicalnetwork").where(zone=zone.number)
    kinds = {
        row["traffictype"] for network in networks for row in cloud.table("traffictype").where(network=network.number)
    }
    for kind in ("Management",):
        if kind not in kinds:
            raise bad_parameter(
                f"Cannot enable this Zone since: Unable to find the default physical network with traffic={kind} in "
                "the specified zone id"
            )


@command("deleteZone")
def delete_zone(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("zone", given["id"])
    if cloud.table("host").where(zone=row.number):
        raise failed("The zone cannot be deleted because there are servers in this zone.")
    if cloud.table("pod").where(zone=row.number):
        raise failed("The zone cannot be deleted because there are pods in this zone.")
    if cloud.table("physicalnetwork").where(zone=row.number):
        raise failed("The zone cannot be deleted because there are physical networks in this zone.")
    row.removed = True
    return {"success": True}
