# SPDX-License-Identifier: GPL-3.0-or-later
"""System VMs of zones whose hosts are the simulator plug-in's (recorded/zone-ready.json). Real hosts run none here."""

from __future__ import annotations

import ipaddress

from .. import VERSION
from ..cloud import Cloud
from ..records import Record
from ..registry import Arguments, command
from .common import by_id, listing, without_none

# kind -> name, offering, MB of memory, seconds after the zone was enabled at which it is made and at which it runs
KINDS = {
    "secondarystoragevm": ("s-{}-VM", "System Offering For Secondary Storage VM", 512, 4, 9),
    "consoleproxy": ("v-{}-VM", "System Offering For Console Proxy", 1024, 34, 38),
}
SPEED = 500  # MHz


def tick(cloud: Cloud) -> None:
    """Start what is due: a zone must be Enabled, with a host, secondary storage and public addresses."""
    for zone in cloud.table("zone").where(allocationstate="Enabled"):
        for kind, (_, _, _, begin, end) in KINDS.items():
            known = cloud.table("systemvm").where(zone=zone.number, kind=kind)
            age = cloud.clock.now() - zone.get("enabled_at", cloud.clock.now())
            host = _place(cloud, zone)
            if not known and age >= begin and host:
                known = [_make(cloud, zone, host, kind)]
            if known and known[0]["state"] == "Starting" and age >= end:
                _run(cloud, zone, known[0])


def _place(cloud: Cloud, zone: Record) -> Record | None:
    hosts = cloud.table("host").where(zone=zone.number, hypervisor="Simulator", state="Up", resourcestate="Enabled")
    ready = cloud.table("imagestore").where(zone=zone.number) and cloud.table("vlan").where(zone=zone.number)
    return hosts[0] if hosts and ready else None


def _next(taken: set[str], first: str) -> str:
    address = ipaddress.ip_address(first)
    while str(address) in taken:
        address += 1
    return str(address)


def _make(cloud: Cloud, zone: Record, host: Record, kind: str) -> Record:
    name, offering, memory, *_ = KINDS[kind]
    public = cloud.table("vlan").where(zone=zone.number)[0]
    pod, others = cloud.get("pod", host["pod"]), list(cloud.table("systemvm"))
    taken = {row["ipaddress"] for row in cloud.table("host")} | {row["privateip"] for row in others}
    row = cloud.table("systemvm").add(
        kind=kind, zone=zone.number, pod=pod.number, host=host.number, memory=memory, cpuspeed=SPEED, state="Starting",
        created=cloud.clock.stamp(),
        privateip=_next(taken, pod["startip"]), publicip=_next({row["publicip"] for row in others}, public["startip"]),
        public=public.number,
    )  # fmt: skip
    row["name"] = name.format(row.number)
    row["offering"] = cloud.table("systemoffering").where(name=offering)[0].uuid
    return row


def _run(cloud: Cloud, zone: Record, row: Record) -> None:
    row["state"] = "Running"
    where = f"public IP [{row['publicip']}], private IP [{row['privateip']}]"
    if row["kind"] == "consoleproxy":
        cloud.alert(
            10,
            "ALERT.SERVICE.CONSOLEPROXY",
            f"Console proxy up in zone [{zone['name']}], proxy [{row['name']}], {where}.",
        )
    else:
        cloud.alert(
            19,
            "ALERT.SERVICE.SSVM",
            f"Secondary Storage Vm is up in zone [{zone['name']}], secStorageVm [{row['name']}], {where}.",
        )


def view(cloud: Cloud, row: Record) -> dict:
    """A system VM as answers show it."""
    zone, pod, host, public = (cloud.table(table).find(row[name]) for name, table in
                               (("zone", "zone"), ("pod", "pod"), ("host", "host"), ("public", "vlan")))  # fmt: skip
    number, running = row.number, row["state"] == "Running"
    of_kind = (
        {"agentstate": "Up", "version": VERSION} if row["kind"] == "secondarystoragevm" else {"activeviewersessions": 0}
    )
    template = cloud.table("template").where(templatetype="SYSTEM", hypervisor="Simulator")[0]
    return without_none({
        "id": row.uuid, "systemvmtype": row["kind"], "zoneid": zone.uuid, "zonename": zone["name"],
        "dns1": zone["dns1"], "dns2": zone["dns2"],
        "gateway": public and public["gateway"], "name": row["name"], "podid": pod.uuid, "podname": pod["name"],
        "hostid": host and host.uuid,
        "hostname": host and host["name"], "hostcontrolstate": host and host["resourcestate"],
        "hypervisor": "Simulator",
        "privateip": row["privateip"], "privatemacaddress": f"1e:20:97:00:00:{number:02x}",
        "privatenetmask": pod["netmask"],
        "linklocalip": f"169.254.1.{number}", "linklocalmacaddress": f"0e:00:a9:fe:01:{number:02x}",
        "linklocalnetmask": "255.255.0.0",
        "publicip": row["publicip"], "publicmacaddress": f"1e:20:ba:00:00:{number:02x}",
        "publicnetmask": public and public["netmask"],
        "templateid": template.uuid, "templatename": template["name"], "created": row["created"], "state": row["state"],
        **(of_kind if running else {}), "isdynamicallyscalable": False, "serviceofferingid": row["offering"],
        "serviceofferingname": KINDS[row["kind"]][1], "arch": "x86_64", "hasannotations": False,
    })  # fmt: skip


@command("listSystemVms", "hostid id keyword name podid state systemvmtype zoneid")
def list_system_vms(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("systemvm"), given, zoneid="zone", podid="pod", hostid="host", systemvmtype="kind")
    if given.get("state"):
        rows = [row for row in rows if row["state"].lower() == given["state"].lower()]
    return listing("systemvm", rows, lambda row: view(cloud, row), given)
