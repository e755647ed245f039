# SPDX-License-Identifier: GPL-3.0-or-later
"""Network service providers and their elements (recorded/zone.json, arguments.json, zone-ready.json)."""

from __future__ import annotations

from ..catalogue import services
from ..cloud import Cloud
from ..errors import bad_parameter, failed
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing

# what stands on a physical network once it is made: services, and whether one of them can be had alone
PROVIDERS = {
    "ConfigDrive": (["Dhcp", "Dns", "UserData"], True),
    "InternalLbVm": (["Lb"], True),
    "BaremetalPxeProvider": ([], False),
    "VpcVirtualRouter": (
        ["Vpn", "Dhcp", "Dns", "Gateway", "Lb", "SourceNat", "StaticNat", "PortForwarding", "UserData"],
        True,
    ),
    "SecurityGroupProvider": (["SecurityGroup"], False),
    "VirtualRouter": (
        ["Vpn", "Dhcp", "Dns", "Gateway", "Firewall", "Lb", "SourceNat", "StaticNat", "PortForwarding", "UserData"],
        True,
    ),
}
# provider -> the kind of its element, which must be enabled before it
ELEMENTS = {
    "VirtualRouter": "virtualrouterelement",
    "VpcVirtualRouter": "virtualrouterelement",
    "InternalLbVm": "internalloadbalancerelement",
}


def add_default_providers(cloud: Cloud, network: Record) -> None:
    """What stands on a physical network once it is made: all Disabled."""
    for name, (offered, single) in PROVIDERS.items():
        row = cloud.table("provider").add(
            name=name, network=network.number, state="Disabled", services=offered, single=single
        )
        if name in ELEMENTS:
            cloud.table("element").add(provider=row.number, kind=ELEMENTS[name], enabled=False)


def provider_view(cloud: Cloud, row: Record) -> dict:
    """A provider as answers show it."""
    return {
        "name": row["name"], "physicalnetworkid": cloud.table("physicalnetwork").find(row["network"]).uuid,
        "state": row["state"], "id": row.uuid,
        "servicelist": row["services"], "canenableindividualservice": row["single"],
    }  # fmt: skip


def element_view(cloud: Cloud, row: Record) -> dict:
    """An element as answers show it."""
    return {"id": row.uuid, "nspid": cloud.table("provider").find(row["provider"]).uuid, "enabled": row["enabled"]}


@command("listNetworkServiceProviders", "name keyword physicalnetworkid state")
def list_providers(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("provider"), given, physicalnetworkid="network")
    if given.get("state"):
        rows = [row for row in rows if row["state"] == given["state"]]
    return listing("networkserviceprovider", rows, lambda row: provider_view(cloud, row), given)


def _known_providers() -> dict[str, tuple[list[str], bool]]:
    """Every provider that CloudStack knows; those of devices that are not there can be added, and never be enabled."""
    known: dict[str, tuple[list[str], bool]] = {}
    for service in services():
        for provider in service["provider"]:
            offered = known.setdefault(provider["name"], ([], provider["canenableindividualservice"]))[0]
            offered.append(service["name"])
    return {**known, **PROVIDERS}


def _check_services(words: list[str]) -> None:
    known = {service["name"] for service in services()} | {"Gateway"}
    for word in words:
        if word not in known:
            raise bad_parameter(f"Invalid Network Service specified={word}")


@command("addNetworkServiceProvider", "servicelist")
def add_provider(cloud: Cloud, given: Arguments) -> Work:
    network, known = cloud.get("physicalnetwork", given["physicalnetworkid"]), _known_providers()
    if given["name"] not in known:
        raise bad_parameter(f"Invalid Network Service Provider={given['name']}")
    if cloud.table("provider").where(network=network.number, name=given["name"]):
        raise failed(f"The '{given['name']}' provider already exists on physical network : {network}")
    _check_services(given.get("servicelist") or [])
    offered, single = known[given["name"]]
    row = cloud.table("provider").add(
        name=given["name"],
        network=network.number,
        state="Disabled",
        services=given.get("servicelist") or offered,
        single=single,
    )
    return Work(
        lambda: {"networkserviceprovider": provider_view(cloud, row)},
        ("PhysicalNetworkServiceProvider", row.uuid),
        row.uuid,
    )


@command("updateNetworkServiceProvider", "servicelist state")
def update_provider(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("provider", given["id"])

    def work() -> dict:
        state = given.get("state")
        if state == "Shutdown":
            raise bad_parameter("Updating the provider state to 'Shutdown' is not supported")
        if state and state not in ("Enabled", "Disabled"):
            raise bad_parameter(f"Unable to resolve state '{state}' to a supported value {{Enabled or Disabled}}")
        _check_services(given.get("servicelist") or [])
        if state == "Enabled" and not _is_ready(cloud, row):
            raise failed("Provider is not ready, cannot Enable the provider, please configure the provider first")
        row["state"], row["services"] = state or row["state"], given.get("servicelist") or row["services"]
        return {"networkserviceprovider": provider_view(cloud, row)}

    return Work(work)


def _is_ready(cloud: Cloud, row: Record) -> bool:
    """Whether a provider can work: its element is enabled, or it is one that needs none."""
    if row["name"] not in ELEMENTS:
        return row["name"] in PROVIDERS
    return any(element["enabled"] for element in cloud.table("element").where(provider=row.number))


@command("deleteNetworkServiceProvider")
def delete_provider(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("provider", given["id"])

    def work() -> dict:
        for element in cloud.table("element").where(provider=row.number):
            element.removed = True
        row.removed = True
        return {"success": True}

    return Work(work)


@command("createVirtualRouterElement")
def create_element(cloud: Cloud, given: Arguments) -> Work:
    provider = cloud.get("provider", given["nspid"])
    row = cloud.table("element").add(provider=provider.number, kind="virtualrouterelement", enabled=False)
    return Work(lambda: {"virtualrouterelement": element_view(cloud, row)}, ("None", None), row.uuid)


def _elements(noun: str, kind: str, instance: tuple[str, None] | None) -> None:
    """Register the two calls that all kinds of elements have. `instance`: what the job of the second one names."""

    @command(f"list{noun}Elements", "enabled id nspid")
    def list_elements(cloud: Cloud, given: Arguments) -> dict:
        rows = by_id(cloud.table("element").where(kind=kind), given, nspid="provider", enabled="enabled")
        return listing(kind, rows, lambda row: element_view(cloud, row), given)

    @command(f"configure{noun}Element")
    def configure_element(cloud: Cloud, given: Arguments) -> Work:
        row = cloud.get("element", given["id"])

        def work() -> dict:
            row["enabled"] = given["enabled"]
            return {kind: element_view(cloud, row)}

        return Work(work, instance)


_elements("VirtualRouter", "virtualrouterelement", ("None", None))
_elements("InternalLoadBalancer", "internalloadbalancerelement", None)
