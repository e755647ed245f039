# SPDX-License-Identifier: GPL-3.0-or-later
"""Public ranges (recorded/zone.json, arguments.json)."""

from __future__ import annotations

import ipaddress
import uuid

from ..cloud import Cloud
from ..errors import bad_parameter, not_simulated
from ..records import Record
from ..registry import Arguments, command
from .common import by_id, listing, without_none

IPV4 = ("gateway", "netmask", "startip", "endip")
IPV6 = ("startipv6", "endipv6", "ip6gateway", "ip6cidr")


def view(cloud: Cloud, row: Record) -> dict:
    """A public range as answers show it."""
    zone, network, owner = (cloud.table(name).find(row[name]) for name in ("zone", "physicalnetwork", "domain"))
    return without_none({
        "id": row.uuid, "forvirtualnetwork": True, "zoneid": zone.uuid, "vlan": row["vlan"],
        "cidr": _subnet(row) and str(_subnet(row)),
        "networkid": str(uuid.uuid5(uuid.UUID(zone.uuid), "public")),  # the zone's own network for public traffic
        "physicalnetworkid": network and network.uuid, "forsystemvms": row["forsystemvms"],
        "domainid": owner and owner.uuid,
        "domain": owner and owner["name"], "domainpath": owner and owner["path"],
        **{key: row[key] for key in (*IPV4, *IPV6)},
    })  # fmt: skip


@command(
    "createVlanIpRange",
    f"{' '.join((*IPV4, *IPV6))} domainid forsystemvms forvirtualnetwork physicalnetworkid vlan zoneid",
)
def create_range(cloud: Cloud, given: Arguments) -> dict:
    if given.get("forvirtualnetwork") is False:  # left out it counts as true
        raise not_simulated("createVlanIpRange of a shared network (forvirtualnetwork=false)")
    if given.get("zoneid") is None:
        raise not_simulated("createVlanIpRange without a zone")
    zone = cloud.get("zone", given["zoneid"])
    vlan = (given.get("vlan") or "untagged").removeprefix("vlan://")
    columns = {
        **dict.fromkeys((*IPV4, *IPV6)),
        **{key: given[key] for key in (*IPV4, *IPV6) if given.get(key)},
        "vlan": f"vlan://{vlan}",
    }
    _check(cloud, zone, columns)
    network = given.get("physicalnetworkid") or _public_network(cloud, zone)
    row = cloud.table("vlan").add(
        zone=zone.number,
        physicalnetwork=network,
        domain=given.get("domainid"),
        forsystemvms=given.get("forsystemvms", False),
        **columns,
    )
    return {"vlan": view(cloud, row)}


def _public_network(cloud: Cloud, zone: Record) -> int:
    """The physical network that carries the zone's public traffic. Raises 431."""
    inside = [row.number for row in cloud.table("physicalnetwork").where(zone=zone.number)]
    found = [
        row["network"] for row in cloud.table("traffictype").where(traffictype="Public") if row["network"] in inside
    ]
    if not found:
        raise bad_parameter("Unable to find the default physical network with traffic=Public in the specified zone id")
    return found[0]


def _subnet(range_: dict | Record) -> ipaddress.IPv4Network | None:
    """The net of a range's gateway; None where it has IPv6 only."""
    return (
        ipaddress.IPv4Network(f"{range_['gateway']}/{range_['netmask']}", strict=False) if range_["gateway"] else None
    )


def _ends(range_: dict | Record) -> tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]:
    return ipaddress.IPv4Address(range_["startip"]), ipaddress.IPv4Address(range_["endip"] or range_["startip"])


def _check(cloud: Cloud, zone: Record, range_: dict, own: Record | None = None) -> None:
    """Raises 431 where a range is not in its net, holds the gateway, or overlaps with another one of the zone. `own`:
    the row it replaces."""
    if not range_["gateway"]:
        if not all(range_[key] for key in IPV6):
            raise bad_parameter("Please specify a valid IP range or valid netmask or valid gateway")
        return
    try:
        subnet, (first, last) = _subnet(range_), _ends(range_)
        inside = subnet is not None and first in subnet and last in subnet
    except ValueError:
        inside = False
    if not inside:
        raise bad_parameter("Please specify a valid IP range or valid netmask or valid gateway")
    if first <= ipaddress.IPv4Address(range_["gateway"]) <= last:
        raise bad_parameter("The gateway ip should not be the part of the ip range being added.")
    for other in cloud.table("vlan").where(zone=zone.number):
        if other is not own and other["gateway"]:
            _check_apart(zone, range_, other)


def _check_apart(zone: Record, range_: dict, other: Record) -> None:
    """Ranges of one VLAN may share a net, not addresses; ranges of two VLANs share neither."""
    (first, last), (start, end) = _ends(range_), _ends(other)
    if other["vlan"] == range_["vlan"] and first <= end and start <= last:
        raise bad_parameter(
            "The IP range already has IPs that overlap with the new range. Please specify a different start IP/end IP."
        )
    net, another = _subnet(range_), _subnet(other)
    if other["vlan"] != range_["vlan"] and net and another and another.overlaps(net):
        raise bad_parameter(
            f"The IP range with tag: {other['vlan']} in zone {zone['name']} has overlapped with the subnet. Please "
            "specify a different gateway/netmask."
        )


@command("listVlanIpRanges", "domainid id physicalnetworkid vlan zoneid")
def list_ranges(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("vlan"), given, zoneid="zone", physicalnetworkid="physicalnetwork", domainid="domain")
    if given.get("vlan"):
        rows = [row for row in rows if row["vlan"].removeprefix("vlan://") == given["vlan"].removeprefix("vlan://")]
    return listing("vlaniprange", rows, lambda row: view(cloud, row), given)


@command("updateVlanIpRange", f"{' '.join(IPV4)} forsystemvms")
def update_range(cloud: Cloud, given: Arguments) -> dict:
    row = _find(cloud, given)
    columns = {key: given.get(key) or row[key] for key in (*IPV4, *IPV6)}
    _check(cloud, cloud.get("zone", row["zone"]), {**columns, "vlan": row["vlan"]}, row)
    row.data.update(columns, forsystemvms=given.get("forsystemvms", row["forsystemvms"]))
    return {"vlan": view(cloud, row)}


def _find(cloud: Cloud, given: Arguments) -> Record:
    row = cloud.table("vlan").find(given["id"])
    if row is None:
        raise bad_parameter("Please specify a valid IP range id.")
    return row


@command("deleteVlanIpRange")
def delete_range(cloud: Cloud, given: Arguments) -> dict:
    _find(cloud, given).removed = True
    return {"success": True}


@command("dedicatePublicIpRange")
def dedicate_range(cloud: Cloud, given: Arguments) -> dict:
    row = _find(cloud, given)
    if row["forsystemvms"]:
        raise bad_parameter(f"{row['startip']} Public IP address in range is dedicated to system vms ")
    raise not_simulated("dedicatePublicIpRange of a range that guests may use")


@command("releasePublicIpRange")
def release_range(cloud: Cloud, given: Arguments) -> dict:
    row = _find(cloud, given)
    if row["domain"] is None:
        raise bad_parameter(
            f"Can't release Public IP range {row.number} as it not dedicated to any domain and any account"
        )
    raise not_simulated("releasePublicIpRange of a range that is dedicated")
