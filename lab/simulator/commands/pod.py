# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods (recorded/zone.json)."""

from __future__ import annotations

import ipaddress

from ..cloud import Cloud
from ..errors import bad_parameter, failed
from ..records import Record
from ..registry import Arguments, command
from .common import allocation_state, by_id, listing


def view(cloud: Cloud, row: Record) -> dict:
    """A pod as answers show it."""
    zone = cloud.table("zone").find(row["zone"])
    start, end = row["startip"], row["endip"]
    return {
        "id": row.uuid, "name": row["name"], "zoneid": zone.uuid, "zonename": zone["name"], "gateway": row["gateway"], "netmask": row["netmask"],
        "ipranges": [{"startip": start, "endip": end, "forsystemvms": "0", "vlanid": "vlan://untagged"}], "startip": [start], "endip": [end],
        "forsystemvms": ["0"], "vlanid": ["vlan://untagged"], "allocationstate": row["allocationstate"], "hasannotations": False,
    }  # fmt: skip


def _subnet(gateway: str | None, netmask: str | None) -> ipaddress.IPv4Network:
    try:
        ipaddress.IPv4Address(gateway or "")
    except ValueError:
        raise bad_parameter("The gateway is invalid") from None
    try:
        ipaddress.IPv4Address(netmask or "")  # dotted only
        return ipaddress.IPv4Network(f"{gateway}/{netmask}", strict=False)
    except ValueError:
        raise bad_parameter("The netmask is invalid") from None


@command("createPod")
def create_pod(cloud: Cloud, given: Arguments) -> dict:
    zone = cloud.get("zone", given["zoneid"])
    state = allocation_state(given.get("allocationstate"), "Enabled")
    subnet = _subnet(given.get("gateway"), given.get("netmask"))
    start, end = _range(given, subnet)
    if cloud.table("pod").where(zone=zone.number, name=given["name"]):
        raise bad_parameter(f"A pod with name: {given['name']} already exists in zone {zone}. Please specify a different pod name. ")
    for other in cloud.table("pod").where(zone=zone.number):
        if other["subnet"].overlaps(subnet):
            raise bad_parameter(
                f"The subnet of the pod you are adding conflicts with the subnet of pod {other['name']} in zone {zone['name']}."
                " Please specify a different CIDR."
            )
    row = cloud.table("pod").add(
        name=given["name"], zone=zone.number, gateway=given["gateway"], netmask=given["netmask"], subnet=subnet, startip=start, endip=end,
        allocationstate=state,
    )  # fmt: skip
    return {"pod": view(cloud, row)}


def _range(given: Arguments, subnet: ipaddress.IPv4Network) -> tuple[str, str]:
    start = given.get("startip")
    end = given.get("endip") or str(subnet.broadcast_address - 1)
    if not start or ipaddress.ip_address(start) not in subnet:
        raise bad_parameter("The start address of the IP range is not in the CIDR subnet.")
    if ipaddress.ip_address(end) not in subnet:
        raise bad_parameter("The end address of the IP range is not in the CIDR subnet.")
    if int(ipaddress.ip_address(end)) < int(ipaddress.ip_address(start)):
        raise bad_parameter("The start IP address must have a lower value than the end IP address.")
    if int(ipaddress.ip_address(start)) <= int(ipaddress.ip_address(given["gateway"])) <= int(ipaddress.ip_address(end)):
        raise bad_parameter("The gateway shouldn't overlap start/end IP addresses")
    return start, end


@command("listPods")
def list_pods(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("pod"), given, zoneid="zone")
    if given.get("allocationstate"):
        rows = [row for row in rows if row["allocationstate"] == given["allocationstate"]]
    return listing("pod", rows, lambda row: view(cloud, row), given)


@command("updatePod")
def update_pod(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("pod", given["id"])
    row["allocationstate"] = allocation_state(given.get("allocationstate"), row["allocationstate"])
    # What is left out stays (ConfigurationManagerImpl.editPod); the checks are those of createPod.
    merged = {key: given.get(key) or row[key] for key in ("gateway", "netmask", "startip", "endip")}
    subnet = _subnet(merged["gateway"], merged["netmask"])
    start, end = _range(merged, subnet)
    row["gateway"], row["netmask"], row["subnet"], row["startip"], row["endip"] = merged["gateway"], merged["netmask"], subnet, start, end
    if given.get("name"):
        row["name"] = given["name"]
    return {"pod": view(cloud, row)}


@command("deletePod")
def delete_pod(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("pod", given["id"])
    if cloud.table("host").where(pod=row.number):
        raise failed("The pod cannot be deleted because there are private IP addresses allocated in this pod.")
    if cloud.table("cluster").where(pod=row.number):
        raise failed("The pod cannot be deleted because there are clusters in this pod.")
    row.removed = True
    return {"success": True}
