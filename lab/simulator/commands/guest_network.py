# SPDX-License-Identifier: GPL-3.0-or-later
"""Guest networks, as far as guests in L2 networks need them (recorded/arguments.json, zone-ready.json,
kvm-host-vm.json)."""

from __future__ import annotations

import ipaddress
import uuid

from ..cloud import Cloud
from ..errors import bad_parameter, failed, not_simulated
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing, without_none

SUBNET = 64  # bits of the net that each guest network takes of an IPv6 prefix


def view(cloud: Cloud, row: Record) -> dict:
    """A network as answers show it."""
    zone, offering, network = (
        cloud.table(name).find(row[name]) for name in ("zone", "networkoffering", "physicalnetwork")
    )
    vlan = row["vlan"]
    return without_none({
        "id": row.uuid, "name": row["name"], "displaytext": row["displaytext"], "broadcastdomaintype": "Vlan",
        "traffictype": "Guest",
        "zoneid": zone.uuid, "zonename": zone["name"], "networkofferingid": offering.uuid,
        "networkofferingname": offering["name"],
        "networkofferingdisplaytext": offering["displaytext"], "networkofferingconservemode": offering["conservemode"],
        "networkofferingavailability": offering["availability"], "issystem": False,
        "state": _state(row), "related": row.uuid,
        "broadcasturi": vlan and f"vlan://{vlan}", "dns1": zone["dns1"], "dns2": zone["dns2"],
        "type": offering["guestiptype"], "vlan": vlan,
        "acltype": "Account", "account": "admin", "domainid": cloud.domain.uuid, "domain": "ROOT",
        "domainpath": "ROOT", "service": [],
        "physicalnetworkid": network.uuid, "restartrequired": False, "specifyvlan": offering["specifyvlan"],
        "specifyipranges": False,
        "canusefordeploy": True, "ispersistent": False, "tags": [], "details": {}, "displaynetwork": True,
        "strechedl2subnet": False,
        "redundantrouter": False, "supportsvmautoscaling": False, "created": row["created"], "receivedbytes": 0,
        "sentbytes": 0, "publicmtu": 1500,
        "privatemtu": 1500, "hasannotations": False,
    })  # fmt: skip


def _state(row: Record) -> str:
    if row.get("implemented"):
        return "Implemented"
    return "Setup" if row["vlan"] else "Allocated"


@command("createNetwork", "displaytext vlan")
def create_network(cloud: Cloud, given: Arguments) -> dict:
    zone, offering = cloud.get("zone", given["zoneid"]), cloud.get("networkoffering", given["networkofferingid"])
    inside = cloud.table("physicalnetwork").where(zone=zone.number)
    carriers = [row for row in inside if cloud.table("traffictype").where(network=row.number, traffictype="Guest")]
    if offering["guestiptype"] == "Isolated" and not zone["guestcidraddress"]:
        about = (
            f'Network {{"id": -1, "name": "null", "uuid": "{uuid.uuid4()}", "networkofferingid": {offering.number}}}'
        )
        raise failed(f"Can't design network {about}; guest CIDR is not configured per zone {zone}")
    if (
        offering["guestiptype"] != "L2"
        or offering["state"] != "Enabled"
        or bool(given.get("vlan")) != offering["specifyvlan"]
        or not carriers
    ):
        raise not_simulated(f"createNetwork with the offering {offering['name']} here")
    row = cloud.table("network").add(
        name=given["name"], displaytext=given.get("displaytext") or given["name"], zone=zone.number,
        networkoffering=offering.number,
        physicalnetwork=carriers[0].number, vlan=given.get("vlan"), created=cloud.clock.stamp(),
    )  # fmt: skip
    return {"network": view(cloud, row)}


@command("listNetworks", "id keyword listall name zoneid")  # listall: the administrator's own are all there are
def list_networks(cloud: Cloud, given: Arguments) -> dict:
    return listing("network", by_id(cloud.table("network"), given, zoneid="zone"), lambda row: view(cloud, row), given)


@command("deleteNetwork")
def delete_network(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("network", given["id"])

    def work() -> dict:
        if cloud.table("virtualmachine").where(network=row.number):
            raise failed(f"Can't delete the network, not all user Instances are expunged: {row['name']}")
        row.removed = True
        return {"success": True}

    return Work(work, ("Network", row.uuid))


@command("listRouters", "id listall projectid zoneid")
def list_routers(cloud: Cloud, given: Arguments) -> dict:
    return {}  # virtual routers come with networks of other kinds than L2


@command("createGuestNetworkIpv6Prefix")
def create_prefix(cloud: Cloud, given: Arguments) -> Work:
    zone = cloud.get("zone", given["zoneid"])
    try:
        prefix = ipaddress.IPv6Network(given["prefix"])
    except ValueError:
        raise not_simulated(
            f"createGuestNetworkIpv6Prefix with {given['prefix']!r}, which is not an IPv6 network"
        ) from None
    row = cloud.table("ipv6prefix").add(zone=zone.number, prefix=str(prefix), created=cloud.clock.stamp())
    return Work(lambda: {"guestnetworkipv6prefix": _prefix_view(cloud, row)}, ("None", None))


def _prefix_view(cloud: Cloud, row: Record) -> dict:
    subnets = 2 ** (SUBNET - ipaddress.IPv6Network(row["prefix"]).prefixlen)
    return {
        "id": row.uuid, "prefix": row["prefix"], "zoneid": cloud.table("zone").find(row["zone"]).uuid,
        "usedsubnets": 0, "availablesubnets": subnets,
        "totalsubnets": subnets, "created": row["created"],
    }  # fmt: skip


@command("listGuestNetworkIpv6Prefixes", "id zoneid")
def list_prefixes(cloud: Cloud, given: Arguments) -> dict:
    return listing(
        "guestnetworkipv6prefix",
        by_id(cloud.table("ipv6prefix"), given, zoneid="zone"),
        lambda row: _prefix_view(cloud, row),
        given,
    )


@command("dedicateGuestVlanRange", "domainid")
def dedicate_vlans(cloud: Cloud, given: Arguments) -> dict:
    raise bad_parameter("Unable to find account by name null")  # it wants an account, whatever else it is told


@command("listDedicatedGuestVlanRanges", "physicalnetworkid zoneid")
def list_dedicated_vlans(cloud: Cloud, given: Arguments) -> dict:
    return {}  # see dedicateGuestVlanRange


@command("listGuestVlans", "allocatedonly physicalnetworkid")
def list_vlans(cloud: Cloud, given: Arguments) -> dict:
    rows = [row for row in cloud.table("physicalnetwork") if given.get("physicalnetworkid") in (None, row.number)]
    if any(row["vlan"] for row in rows):
        raise not_simulated("listGuestVlans of a physical network that has VLANs")
    return {}
