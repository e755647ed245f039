# SPDX-License-Identifier: GPL-3.0-or-later
"""Network service providers, virtual router elements and address ranges, as far as a zone needs them to be enabled."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from typing import Any

from ..cloud import Cloud
from ..errors import bad_parameter, failed
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing, without_none

PROVIDERS = {
    "ConfigDrive": ("Enabled", ["Dhcp", "Dns", "UserData"], True),
    "InternalLbVm": ("Disabled", ["Lb"], True),
    "BaremetalPxeProvider": ("Enabled", [], False),
    "VpcVirtualRouter": ("Disabled", ["Vpn", "Dhcp", "Dns", "Gateway", "Lb", "SourceNat", "StaticNat", "PortForwarding", "UserData"], True),
    "SecurityGroupProvider": ("Disabled", ["SecurityGroup"], False),
    "VirtualRouter": ("Disabled", ["Vpn", "Dhcp", "Dns", "Gateway", "Firewall", "Lb", "SourceNat", "StaticNat", "PortForwarding", "UserData"], True),
}
# Any: addresses that are compared belong to one network, and so to one version of IP.
_address: Callable[[str], Any] = ipaddress.ip_address
ROUTERS = ("VirtualRouter", "VpcVirtualRouter")


def add_default_providers(cloud: Cloud, network: Record, zone: Record) -> None:
    """What stands on a physical network once it is made."""
    for name, (state, services, single) in PROVIDERS.items():
        row = cloud.table("provider").add(name=name, network=network.number, state=state, services=services, single=single)
        if name in ROUTERS:
            cloud.table("element").add(provider=row.number, enabled=False)


def provider_view(cloud: Cloud, row: Record) -> dict:
    """A provider as answers show it."""
    return {
        "name": row["name"], "physicalnetworkid": cloud.table("physicalnetwork").find(row["network"]).uuid, "state": row["state"], "id": row.uuid,
        "servicelist": row["services"], "canenableindividualservice": row["single"],
    }  # fmt: skip


def element_view(cloud: Cloud, row: Record) -> dict:
    """A virtual router element as answers show it."""
    return {"id": row.uuid, "nspid": cloud.table("provider").find(row["provider"]).uuid, "enabled": row["enabled"]}


@command("listNetworkServiceProviders")
def list_providers(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("provider"), given, physicalnetworkid="network")
    if given.get("state"):
        rows = [row for row in rows if row["state"] == given["state"]]
    return listing("networkserviceprovider", rows, lambda row: provider_view(cloud, row), given)


@command("addNetworkServiceProvider")
def add_provider(cloud: Cloud, given: Arguments) -> Work:
    network = cloud.get("physicalnetwork", given["physicalnetworkid"])
    if given["name"] not in PROVIDERS:
        raise bad_parameter(f"Invalid Network Service Provider={given['name']}")
    if cloud.table("provider").where(network=network.number, name=given["name"]):
        raise failed(f"The '{given['name']}' provider already exists on physical network : {network}")
    _, services, single = PROVIDERS[given["name"]]
    row = cloud.table("provider").add(name=given["name"], network=network.number, state="Disabled", services=services, single=single)
    return Work(lambda: {"networkserviceprovider": provider_view(cloud, row)}, ("PhysicalNetworkServiceProvider", row.uuid), row.uuid)


@command("updateNetworkServiceProvider")
def update_provider(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("provider", given["id"])

    def work() -> dict:
        state = given.get("state")
        if state and state not in ("Enabled", "Disabled"):
            raise bad_parameter(f"Unable to resolve state '{state}' to a supported value {{Enabled or Disabled}}")
        elements = cloud.table("element").where(provider=row.number)
        if state == "Enabled" and elements and not all(element["enabled"] for element in elements):
            raise failed("Provider is not ready, cannot Enable the provider, please configure the provider first")
        if state:
            row["state"] = state
        return {"networkserviceprovider": provider_view(cloud, row)}

    return Work(work)


@command("listVirtualRouterElements")
def list_elements(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("element"), given, nspid="provider")
    if "enabled" in given:
        rows = [row for row in rows if row["enabled"] == given["enabled"]]
    return listing("virtualrouterelement", rows, lambda row: element_view(cloud, row), given)


@command("configureVirtualRouterElement")
def configure_element(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("element", given["id"])

    def work() -> dict:
        row["enabled"] = given["enabled"]
        return {"virtualrouterelement": element_view(cloud, row)}

    return Work(work, ("None", None))


def _range_view(cloud: Cloud, row: Record) -> dict:
    zone, network = cloud.table("zone").find(row["zone"]), cloud.table("physicalnetwork").find(row["network"])
    return without_none({
        "id": row.uuid, "forvirtualnetwork": True, "zoneid": zone.uuid, "vlan": row["vlan"], "gateway": row["gateway"], "netmask": row["netmask"],
        "cidr": str(row["subnet"]), "startip": row["startip"], "endip": row["endip"], "networkid": zone["token"],
        "physicalnetworkid": network.uuid if network else None, "forsystemvms": False,
    })  # fmt: skip


@command("createVlanIpRange")
def create_range(cloud: Cloud, given: Arguments) -> dict:
    zone = cloud.get("zone", given["zoneid"])
    subnet = _subnet(given)
    label = f"vlan://{given.get('vlan') or 'untagged'}"
    first, last = (_address(given[key]) for key in ("startip", "endip"))
    for other in cloud.table("vlan").where(zone=zone.number):
        if other["vlan"] == label and not (_address(other["endip"]) < first or last < _address(other["startip"])):
            raise bad_parameter("The IP range already has IPs that overlap with the new range. Please specify a different start IP/end IP.")
        if other["vlan"] != label and other["subnet"].overlaps(subnet):
            raise bad_parameter(
                f"The IP range with tag: {other['vlan']} in zone {zone['name']} has overlapped with the subnet. Please specify a different gateway/netmask."
            )
    public = cloud.table("traffictype").where(traffictype="Public")
    network = next((row["network"] for row in public if cloud.table("physicalnetwork").find(row["network"])["zone"] == zone.number), None)
    row = cloud.table("vlan").add(
        zone=zone.number, network=network, vlan=label, subnet=subnet, **{key: given[key] for key in ("gateway", "netmask", "startip", "endip")}
    )
    return {"vlan": _range_view(cloud, row)}


def _subnet(given: Arguments) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        subnet = ipaddress.ip_network(f"{given['gateway']}/{given['netmask']}", strict=False)
        inside = all(ipaddress.ip_address(given[key]) in subnet for key in ("startip", "endip"))
    except (KeyError, ValueError):
        inside = False
    if not inside:
        raise bad_parameter("Please specify a valid IP range or valid netmask or valid gateway")
    return subnet


@command("listVlanIpRanges")
def list_ranges(cloud: Cloud, given: Arguments) -> dict:
    return listing("vlaniprange", by_id(cloud.table("vlan"), given, zoneid="zone"), lambda row: _range_view(cloud, row), given)


def _storage_range_view(cloud: Cloud, row: Record) -> dict:
    pod = cloud.table("pod").find(row["pod"])
    zone = cloud.table("zone").find(pod["zone"])
    # The zone's own network for storage traffic, which no other command that is known here shows.
    network = uuid.uuid5(uuid.UUID(zone.uuid), "storage")
    return without_none({
        "id": row.uuid, "networkid": str(network), "startip": row["startip"], "endip": row["endip"], "gateway": row["gateway"], "vlan": row.get("vlan"),
        "netmask": row["netmask"], "podid": pod.uuid, "zoneid": zone.uuid,
    })  # fmt: skip


@command("createStorageNetworkIpRange")
def create_storage_range(cloud: Cloud, given: Arguments) -> Work:
    pod = cloud.get("pod", given["podid"])

    def work() -> dict:
        start, end = given["startip"], given.get("endip") or given["startip"]
        for other in cloud.table("storagerange").where(pod=pod.number):
            if _address(start) <= _address(other["endip"]) and _address(other["startip"]) <= _address(end):
                raise failed(f"The Storage network Start IP and endIP address range overlap with private IP :{other['startip']} - {other['endip']}")
        kept = {key: given.get(key) for key in ("gateway", "netmask", "vlan")}
        row = cloud.table("storagerange").add(pod=pod.number, startip=start, endip=end, zone=pod["zone"], **kept)
        return {"storagenetworkiprange": _storage_range_view(cloud, row)}

    return Work(work)


@command("listStorageNetworkIpRange")
def list_storage_ranges(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("storagerange"), given, zoneid="zone", podid="pod")
    return listing("storagenetworkiprange", rows, lambda row: _storage_range_view(cloud, row), given)
