# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests (recorded/kvm-host-vm.json). Texts that were not recorded are those of UserVmManagerImpl."""

from __future__ import annotations

from collections.abc import Callable

from .. import guest_life, guests
from ..allocation import place_for
from ..cloud import Cloud
from ..errors import ApiError, bad_parameter, failed, not_simulated
from ..records import Record
from ..registry import Arguments, Work, command
from .common import by_id, listing

NO_CAPACITY = 533
FILTERS = {
    "serviceofferingid": "serviceoffering", "templateid": "template", "networkid": "network", "zoneid": "zone",
    "hostid": "host",
}  # fmt: skip


def _answer(cloud: Cloud, row: Record) -> dict:
    with cloud.lock:
        return {"virtualmachine": guests.view(cloud, row)}


def _told(cloud: Cloud, kind: str, what: str, row: Record) -> None:
    """The event that a call of a guest ends with."""
    with cloud.lock:
        cloud.event(f"VM.{kind}", f"Successfully completed {what}. Instance ID: {row.uuid}", row)


def _work(row: Record, run: Callable[[], dict], made: bool = False) -> Work:
    return Work(run, ("VirtualMachine", row.uuid), row.uuid if made else None, unlocked=True)


# listall and projectid: there is one account, whose guests are in no project
@command(
    "listVirtualMachines",
    "clusterid haenable hostid hypervisor id ids keyword listall name networkid podid projectid serviceofferingid "
    "state storageid templateid zoneid",
)
def list_machines(cloud: Cloud, given: Arguments) -> dict:
    if given.get("projectid") is not None:
        return {}
    rows = by_id(cloud.table("virtualmachine"), given, **FILTERS)
    if given.get("ids"):
        rows = [row for row in rows if row.number in given["ids"]]
    if given.get("state"):
        rows = [row for row in rows if row["state"].lower() == given["state"].lower()]
    if "haenable" in given:
        rows = [row for row in rows if row["haenable"] == given["haenable"]]
    if "hypervisor" in given:
        kinds = {row.number: cloud.table("template").any(row["template"])["hypervisor"] for row in rows}
        rows = [row for row in rows if kinds[row.number].lower() == given["hypervisor"].lower()]
    if "storageid" in given:
        rows = [row for row in rows if guests.volume_of(cloud, row)["pool"] == given["storageid"]]
    for level in ("pod", "cluster"):
        if f"{level}id" in given:
            rows = [row for row in rows if _place(cloud, row, level) == given[f"{level}id"]]
    return listing("virtualmachine", rows, lambda row: guests.view(cloud, row), given)


def _place(cloud: Cloud, row: Record, level: str) -> int | None:
    host = cloud.table("host").any(row["host"])
    return host[level] if host else None


@command("listVolumes", "hostid id keyword listall listsystemvms name projectid state virtualmachineid zoneid")
def list_volumes(cloud: Cloud, given: Arguments) -> dict:
    if given.get("projectid") is not None:
        return {}
    rows = by_id(cloud.table("volume"), given, virtualmachineid="guest", zoneid="zone")
    if given.get("state"):
        rows = [row for row in rows if row["state"].lower() == given["state"].lower()]
    if "hostid" in given:
        there = {row.number for row in cloud.table("virtualmachine").where(host=given["hostid"])}
        rows = [row for row in rows if row["guest"] in there]
    return listing("volume", rows, lambda row: guests.volume_view(cloud, row), given)


# --- making


@command("deployVirtualMachine", "displayname hostid name networkids startvm templateid")
def deploy(cloud: Cloud, given: Arguments) -> Work:
    if not given.get("networkids") or given.get("templateid") is None:
        raise not_simulated("deployVirtualMachine without networkids and templateid")
    if len(given["networkids"]) > 1:
        raise not_simulated("deployVirtualMachine in several networks")
    parts = {
        "zone": cloud.get("zone", given["zoneid"]),
        "serviceoffering": cloud.get("serviceoffering", given["serviceofferingid"]),
        "template": cloud.get("template", given["templateid"]),
        "network": cloud.get("network", given["networkids"][0]),
    }
    name = given.get("name")
    if name:
        _check_name(cloud, name, parts["network"])
    row = guests.add(cloud, name or "VM-", given.get("displayname"), parts)
    if not name:
        row["name"] = f"VM-{row.uuid}"
        row["displayname"] = given.get("displayname") or row["name"]
    wanted = cloud.table("host").find(given.get("hostid"))
    return _work(row, lambda: _deploy(cloud, row, wanted, given.get("startvm", True)), made=True)


def _check_name(cloud: Cloud, name: str, network: Record) -> None:
    known = [row["name"].lower() for row in cloud.table("virtualmachine").where(network=network.number)]
    if name.lower() in known:
        text = f"The vm with hostName {name} already exists in the network domain: null; network={network['name']}"
        raise bad_parameter(text)


def _deploy(cloud: Cloud, row: Record, wanted: Record | None, start: bool) -> dict:
    if start and not guest_life.start(cloud, row, wanted):
        with cloud.lock:
            guests.set_state(cloud, row, "Error")
            on = f", on Host {wanted} with Id: {wanted.number}" if wanted else ""
            cloud.alert(*guests.ALERT, f"Failed to deploy Vm {guests.text(row)}{on}")
        raise _no_destination(row)
    _told(cloud, "CREATE", "deploying Vm", row)
    return _answer(cloud, row)


def _no_destination(row: Record) -> ApiError:
    return ApiError(NO_CAPACITY, f"No destination found for a deployment for {guests.text(row, 'Stopped')}")


# --- running


def _guest(cloud: Cloud, number: int) -> Record:
    row = cloud.table("virtualmachine").find(number)
    if row is None:
        raise bad_parameter(f"unable to find a virtual machine with id {number}")
    return row


@command("startVirtualMachine", "hostid")
def start(cloud: Cloud, given: Arguments) -> Work:
    row = _guest(cloud, given["id"])
    wanted = cloud.table("host").find(given.get("hostid"))

    def run() -> dict:
        if row["state"] != "Stopped":
            if row["state"] == "Running":
                return _answer(cloud, row)
            raise failed(f"Unable to start {guests.text(row)}")
        if not guest_life.start(cloud, row, wanted):
            raise _no_destination(row)
        _told(cloud, "START", "starting Vm", row)
        return _answer(cloud, row)

    return _work(row, run)


@command("stopVirtualMachine", "forced")
def stop(cloud: Cloud, given: Arguments) -> Work:
    row = _guest(cloud, given["id"])

    def run() -> dict:
        if row["state"] != "Stopped":
            guest_life.stop(cloud, row, given.get("forced", False))
        _told(cloud, "STOP", "stopping Vm", row)
        return _answer(cloud, row)

    return _work(row, run)


@command("rebootVirtualMachine")
def reboot(cloud: Cloud, given: Arguments) -> Work:
    row = _guest(cloud, given["id"])

    def run() -> dict:
        if row["state"] != "Running":
            raise bad_parameter(f"The Instance {row.uuid} ({row['displayname']}) is not running, unable to reboot it")
        guest_life.reboot(cloud, row)
        _told(cloud, "REBOOT", "rebooting Vm", row)
        return _answer(cloud, row)

    return _work(row, run)


@command("migrateVirtualMachine", "autoselect hostid")
def migrate(cloud: Cloud, given: Arguments) -> Work:
    row = _guest(cloud, given["virtualmachineid"])
    target = cloud.table("host").find(given.get("hostid"))
    if target is None and not given.get("autoselect", True):
        raise bad_parameter(
            "Please specify a host or storage as destination, or pass 'autoselect=true' to automatically select a "
            "destination host which do not require storage migration"
        )

    def run() -> dict:
        guest_life.migrate(cloud, row, _destination(cloud, row, target))
        _told(cloud, "MIGRATE", "migrating VM", row)
        return _answer(cloud, row)

    return _work(row, run)


def _destination(cloud: Cloud, row: Record, target: Record | None) -> Record:
    """Where the guest may move. Raises 431 and 530."""
    if row["state"] != "Running":
        raise bad_parameter("VM is not Running, unable to migrate the vm with specified id")
    pool = cloud.table("storagepool").any(guests.volume_of(cloud, row)["pool"])
    if pool["scope"] == "HOST":
        raise bad_parameter("Unsupported operation, VM uses Local storage, cannot migrate")
    if target is None:
        place = place_for(cloud, row, avoid={row["host"]})
        if place is None:
            raise failed(f"Unable to find suitable destination to migrate VM {row['instancename']}")
        return place.host
    if target.number == row["host"]:
        raise bad_parameter(
            "Cannot migrate VM, VM is already present on this host, please specify valid destination host to migrate "
            "the VM"
        )
    if (target["state"], target["resourcestate"]) != ("Up", "Enabled"):
        text = f"has status: {target['state']}, state: {target['resourcestate']}"
        raise bad_parameter(f"Cannot migrate VM, destination host is not in correct state, {text}")
    return target


# --- ending


@command("destroyVirtualMachine", "expunge")
def destroy(cloud: Cloud, given: Arguments) -> Work:
    row = _guest(cloud, given["id"])

    def run() -> dict:
        if row["host"] is not None:
            guest_life.stop(cloud, row)
        with cloud.lock:
            guests.set_state(cloud, row, "Destroyed")
        _told(cloud, "DESTROY", "destroying Vm", row)
        if given.get("expunge"):
            return _expunged(cloud, row)
        return _answer(cloud, row)

    return _work(row, run)


def _expunged(cloud: Cloud, row: Record) -> dict:
    with cloud.lock:
        row["state"] = "Expunging"
        answer = _answer(cloud, row)
    guest_life.expunge(cloud, row)
    _told(cloud, "EXPUNGE", "expunging Vm", row)
    return answer


@command("expungeVirtualMachine")
def expunge(cloud: Cloud, given: Arguments) -> Work:
    row = _guest(cloud, given["id"])

    def run() -> dict:
        if row["state"] not in ("Destroyed", "Expunging", "Error"):
            raise bad_parameter(f"Please destroy Instance with ID: {row.uuid} before expunging it.")
        _expunged(cloud, row)
        return {"success": True}

    return _work(row, run)


@command("updateVirtualMachine", "displayname haenable")
def update(cloud: Cloud, given: Arguments) -> dict:
    row = _guest(cloud, given["id"])
    row.data.update({key: given[key] for key in ("displayname", "haenable") if key in given})
    return {"virtualmachine": guests.view(cloud, row)}
