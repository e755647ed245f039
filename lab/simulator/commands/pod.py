# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods and their management ranges (recorded/zone.json, arguments.json)."""

from __future__ import annotations

import ipaddress

from ..cloud import Cloud
from ..errors import bad_parameter, failed, not_simulated
from ..records import Record
from ..registry import Arguments, Work, command
from . import capacity
from .common import allocation_state, by_id, is_ipv4, joined, listing, without_none


def view(cloud: Cloud, row: Record) -> dict:
    """A pod as answers show it."""
    zone = cloud.table("zone").find(row["zone"])
    start, end = row["startip"], row["endip"]
    return without_none({
        "id": row.uuid, "name": row["name"], "zoneid": zone.uuid, "zonename": zone["name"], "gateway": row["gateway"],
        "netmask": row["netmask"],
        "ipranges": [{"startip": start, "endip": end, "forsystemvms": "0", "vlanid": "vlan://untagged"}],
        "startip": [start], "endip": [end],
        "forsystemvms": ["0"], "vlanid": ["vlan://untagged"], "allocationstate": row["allocationstate"],
        "hasannotations": False,
        "storageaccessgroups": row.get("storageaccessgroups"),
    })  # fmt: skip


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


@command("createPod", "allocationstate endip gateway netmask startip storageaccessgroups")
def create_pod(cloud: Cloud, given: Arguments) -> dict:
    zone = cloud.get("zone", given["zoneid"])
    state = allocation_state(given.get("allocationstate"), "Enabled")
    subnet = _subnet(given.get("gateway"), given.get("netmask"))
    start, end = _range(given, subnet)
    if cloud.table("pod").where(zone=zone.number, name=given["name"]):
        raise bad_parameter(
            f"A pod with name: {given['name']} already exists in zone {zone}. Please specify a different pod name. "
        )
    for other in cloud.table("pod").where(zone=zone.number):
        if other["subnet"].overlaps(subnet):
            raise bad_parameter(
                f"The subnet of the pod you are adding conflicts with the subnet of pod {other['name']} in zone "
                f"{zone['name']}."
                " Please specify a different CIDR."
            )
    row = cloud.table("pod").add(
        name=given["name"], zone=zone.number, gateway=given["gateway"], netmask=given["netmask"], subnet=subnet,
        startip=start, endip=end,
        allocationstate=state, storageaccessgroups=joined(given.get("storageaccessgroups")),
    )  # fmt: skip
    return {"pod": view(cloud, row)}


def _range(given: Arguments, subnet: ipaddress.IPv4Network) -> tuple[str, str]:
    start = str(given.get("startip"))
    end = str(given.get("endip") or subnet.broadcast_address - 1)
    if not is_ipv4(start):
        raise bad_parameter("The start IP is invalid")
    if not is_ipv4(end):
        raise bad_parameter("The end IP is invalid")
    if ipaddress.IPv4Address(start) not in subnet:
        raise bad_parameter("The start address of the IP range is not in the CIDR subnet.")
    if ipaddress.IPv4Address(end) not in subnet:
        raise bad_parameter("The end address of the IP range is not in the CIDR subnet.")
    if int(ipaddress.ip_address(end)) < int(ipaddress.ip_address(start)):
        raise bad_parameter("The start IP address must have a lower value than the end IP address.")
    if (
        int(ipaddress.ip_address(start))
        <= int(ipaddress.ip_address(given["gateway"]))
        <= int(ipaddress.ip_address(end))
    ):
        raise bad_parameter("The gateway shouldn't overlap start/end IP addresses")
    return start, end


@command("listPods", "allocationstate id keyword name showcapacities zoneid")
def list_pods(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("pod"), given, zoneid="zone")
    if given.get("allocationstate"):
        rows = [row for row in rows if row["allocationstate"] == given["allocationstate"]]

    def shown(row: Record) -> dict:
        return {
            **view(cloud, row),
            **({"capacity": capacity.of_pod(cloud, row)} if given.get("showcapacities") else {}),
        }

    return listing("pod", rows, shown, given)


@command("updatePod", "allocationstate endip gateway name netmask startip")
def update_pod(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("pod", given["id"])
    row["allocationstate"] = allocation_state(given.get("allocationstate"), row["allocationstate"])
    # What is left out stays (ConfigurationManagerImpl.editPod); the checks are those of createPod.
    merged = {key: given.get(key) or row[key] for key in ("gateway", "netmask", "startip", "endip")}
    subnet = _subnet(merged["gateway"], merged["netmask"])
    _range(merged, subnet)
    # startip and endip are checked and then dropped, by the real server (recorded/arguments.json, 180 to 187)
    row["gateway"], row["netmask"], row["subnet"] = merged["gateway"], merged["netmask"], subnet
    if given.get("name"):
        row["name"] = given["name"]
    return {"pod": view(cloud, row)}


@command("createManagementNetworkIpRange", "endip forsystemvms vlan")
def create_management_range(cloud: Cloud, given: Arguments) -> Work:
    pod = cloud.get("pod", given["podid"])

    def work() -> dict:
        if given["gateway"] != pod["gateway"]:
            text = f"Multiple gateways for the POD: {pod} are not allowed. The Gateway should be same as the existing Gateway {pod['gateway']}"  # noqa: E501
            raise bad_parameter(text)
        raise not_simulated("createManagementNetworkIpRange with the pod's gateway")

    return Work(work)


@command("deleteManagementNetworkIpRange")
def delete_management_range(cloud: Cloud, given: Arguments) -> Work:
    pod = cloud.get("pod", given["podid"])

    def work() -> dict:
        if (given["startip"], given["endip"]) != (pod["startip"], pod["endip"]):
            raise failed(
                f"The input IP range: {given['startip']}-{given['endip']} of pod: {pod}is not present. Please input "
                "an existing range."
            )
        raise not_simulated("deleteManagementNetworkIpRange of the pod's own range")

    return Work(work)


@command("deletePod")
def delete_pod(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("pod", given["id"])
    if cloud.table("host").where(pod=row.number):
        raise failed("The pod cannot be deleted because there are private IP addresses allocated in this pod.")
    if cloud.table("cluster").where(pod=row.number):
        raise failed("The pod cannot be deleted because there are clusters in this pod.")
    row.removed = True
    return {"success": True}
