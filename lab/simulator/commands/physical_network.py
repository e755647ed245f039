# SPDX-License-Identifier: GPL-3.0-or-later
"""Physical networks and traffic types (recorded/zone.json, arguments.json)."""

from __future__ import annotations

import re

from ..cloud import Cloud
from ..errors import PERMISSION, ApiError, bad_parameter, failed
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, joined, listing, without_none
from .provider import add_default_providers

TRAFFIC_TYPES = ("Public", "Management", "Control", "Guest", "Storage", "Vpn", "None")
ONE_PER_ZONE = ("Management", "Storage", "Control", "Public")
LABELS = ("kvmnetworklabel", "xennetworklabel", "vmwarenetworklabel", "hypervnetworklabel", "ovm3networklabel")
MAX_VLAN, MAX_VNI = 4095, 16777215


def view(cloud: Cloud, row: Record) -> dict:
    """A physical network as answers show it."""
    zone = cloud.table("zone").find(row["zone"])
    return without_none({
        "id": row.uuid, "name": row["name"], "broadcastdomainrange": row["broadcastdomainrange"], "zoneid": zone.uuid,
        "zonename": zone["name"],
        "state": row["state"], "vlan": row.get("vlan"), "tags": row.get("tags"),
        "isolationmethods": row.get("isolation"),
        "networkspeed": row.get("networkspeed"),
    })  # fmt: skip


def traffic_view(cloud: Cloud, row: Record) -> dict:
    """A traffic type as answers show it; a label that was never given is not shown."""
    labels = {key: row.get(key) for key in LABELS}
    return without_none({
        "id": row.uuid, "traffictype": row["traffictype"],
        "physicalnetworkid": cloud.table("physicalnetwork").find(row["network"]).uuid, **labels,
    })  # fmt: skip


def parse_ranges(text: str, isolation: str | None) -> str:
    """Comma separated ranges, merged where they overlap. Raises 431 as the server does."""
    top = MAX_VNI if isolation in ("VXLAN", "GRE") else MAX_VLAN
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)-(\d+)\s*|\s*(\d+)\s*", part)
        if not match:
            raise bad_parameter(
                "Please provide valid vnet range. The vnet range should be a comma separated list example "
                f"2001-2012,3000-3005. between 0 and {top}"
            )
        first, last = int(match[1] or match[3]), int(match[2] or match[3])
        if first > top or last > top:
            raise bad_parameter(f"Vnet range has to be between 0 and {top}")
        if first > last:
            raise bad_parameter(
                f"Vnet range has to be between 0 and {top} and start range should be lesser than or equal to stop range"
            )
        ranges.append((first, last))
    return ",".join(f"{first}-{last}" for first, last in _merged(sorted(ranges)))


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _check_tags(given: Arguments) -> None:
    if len(given.get("tags") or []) > 1:
        raise bad_parameter("Only one tag can be specified for a physical network at this time")


@command("createPhysicalNetwork", "broadcastdomainrange isolationmethods networkspeed tags vlan")
def create_physical_network(cloud: Cloud, given: Arguments) -> Work:
    zone = cloud.get("zone", given["zoneid"])
    if zone["allocationstate"] == "Enabled":
        raise ApiError(
            531, f"Cannot create PhysicalNetwork since the Zone is currently enabled, zone: {zone}", PERMISSION
        )
    if zone["networktype"] == "Basic" and cloud.table("physicalnetwork").where(zone=zone.number):
        raise failed(
            f"Cannot add the physical network to basic zone: {zone}, there is a physical network already existing in "
            "this basic Zone"
        )
    _check_tags(given)
    if len(given.get("isolationmethods") or []) > 1:
        raise bad_parameter("Only one isolationMethod can be specified for a physical network at this time")
    spread = given.get("broadcastdomainrange") or ("POD" if zone["networktype"] == "Basic" else "ZONE")
    if spread.upper() not in ("POD", "ZONE"):
        raise bad_parameter(f"Unable to resolve broadcastDomainRange '{spread}' to a supported value {{Pod or Zone}}")
    isolation = (given.get("isolationmethods") or [None])[0]
    try:
        vlan = parse_ranges(given["vlan"], isolation) if given.get("vlan") else None
    except ApiError:
        raise failed("Fail to create a physical network") from None
    row = cloud.table("physicalnetwork").add(
        name=given["name"], zone=zone.number, broadcastdomainrange=spread.upper(), state="Disabled", vlan=vlan,
        isolation=isolation,
        tags=joined(given.get("tags")), networkspeed=given.get("networkspeed"),
    )  # fmt: skip
    add_default_providers(cloud, row)
    return Work(lambda: {"physicalnetwork": view(cloud, row)}, ("PhysicalNetwork", row.uuid), row.uuid)


@command("listPhysicalNetworks", "id keyword name zoneid")
def list_physical_networks(cloud: Cloud, given: Arguments) -> dict:
    return listing(
        "physicalnetwork",
        by_id(cloud.table("physicalnetwork"), given, zoneid="zone"),
        lambda row: view(cloud, row),
        given,
    )


@command("updatePhysicalNetwork", "networkspeed state tags vlan")
def update_physical_network(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("physicalnetwork", given["id"])

    def work() -> dict:
        state = given.get("state")
        if state and state not in ("Enabled", "Disabled"):
            raise bad_parameter(f"Unable to resolve state '{state}' to a supported value {{Enabled or Disabled}}")
        _check_tags(given)
        if "vlan" in given:
            row["vlan"] = parse_ranges(given["vlan"], row.get("isolation")) if given["vlan"] else None
        if "tags" in given:
            row["tags"] = joined(given["tags"])
        if given.get("networkspeed"):
            row["networkspeed"] = given["networkspeed"]
        if state:
            row["state"] = state
        return {"physicalnetwork": view(cloud, row)}

    return Work(work)


@command("deletePhysicalNetwork")
def delete_physical_network(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("physicalnetwork", given["id"])

    def work() -> dict:
        for table in ("traffictype", "provider"):
            for part in cloud.table(table).where(network=row.number):
                part.removed = True
        row.removed = True
        return {"success": True}

    return Work(work, ("PhysicalNetwork", row.uuid))


# vlan and isolationmethod are for hypervisors other than KVM: taken, and never shown again (recorded/arguments.json)
@command("addTrafficType", f"{' '.join(LABELS)} isolationmethod vlan")
def add_traffic_type(cloud: Cloud, given: Arguments) -> Work:
    network = cloud.get("physicalnetwork", given["physicalnetworkid"])
    kind = given["traffictype"]
    if kind not in TRAFFIC_TYPES:
        raise bad_parameter(f"Unable to resolve trafficType '{kind}' to a supported value")
    if cloud.table("traffictype").where(network=network.number, traffictype=kind):
        raise failed(f"This physical network already supports the traffic type: {kind}")
    siblings = {other.number for other in cloud.table("physicalnetwork").where(zone=network["zone"])}
    if kind in ONE_PER_ZONE and any(
        row["network"] in siblings for row in cloud.table("traffictype").where(traffictype=kind)
    ):
        raise failed(
            "Fail to add the traffic type to physical network because Zone already has a physical network with this "
            "traffic type: " + kind
        )
    row = cloud.table("traffictype").add(
        network=network.number, traffictype=kind, **{key: given.get(key) or None for key in LABELS}
    )
    return Work(lambda: {"traffictype": traffic_view(cloud, row)}, ("TrafficType", row.uuid), row.uuid)


@command("listTrafficTypes")
def list_traffic_types(cloud: Cloud, given: Arguments) -> dict:
    rows = cloud.table("traffictype").where(network=given["physicalnetworkid"])
    return listing("traffictype", rows, lambda row: traffic_view(cloud, row), given)


@command("updateTrafficType", " ".join(LABELS))
def update_traffic_type(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("traffictype", given["id"])

    def work() -> dict:
        for key in LABELS:
            if key in given:
                row[key] = given[key] or None  # an empty label clears it
        return {"traffictype": traffic_view(cloud, row)}

    return Work(work)


@command("deleteTrafficType")
def delete_traffic_type(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("traffictype", given["id"])

    def work() -> dict:
        row.removed = True
        return {"success": True}

    return Work(work, ("TrafficType", row.uuid))


def kvm_labels(cloud: Cloud, zone: int) -> dict[str, str]:
    """Label of Management, Guest and Public traffic on KVM: over all physical networks the last one wins, missing ones
    are filled from the others, and with none at all it is cloudbr0 (LibvirtServerDiscoverer:305-338)."""
    found: dict[str, str] = {}
    for network in cloud.table("physicalnetwork").where(zone=zone):
        for row in cloud.table("traffictype").where(network=network.number):
            if row.get("kvmnetworklabel"):
                found[row["traffictype"]] = row["kvmnetworklabel"]
    wanted = ("Management", "Public", "Guest")
    known = [found[kind] for kind in wanted if kind in found]
    return {kind: found.get(kind) or (known[0] if known else "cloudbr0") for kind in wanted}
