# SPDX-License-Identifier: GPL-3.0-or-later
"""What had been done on the real servers beside the recorded exchanges: rows made before, calls between, waits."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from lab.simulator import hosts
from tests.contract.recordings import REAL_HOSTS, Exchange

# topic -> (UUID of a host, name of its cluster)
HOSTS = {
    "host-lifecycle": [("1121c452-3e25-4765-86e2-8b929c88b09b", "sim2"), ("b92021f2-3c2a-47f1-838a-195d10e9917d", "sim2")],  # noqa: E501
    "ha": [("8bde4952-afb6-4a30-9689-f25d5ff2673f", "sim1"), ("cf1da87a-a742-40ed-ab0d-08e07ab0d90d", "sim1")],
    "ha-race": [
        ("2c639db2-c183-4b17-b7cf-d162e0eea853", "sim1"), ("79ef8302-a2c0-44cd-ad0e-d11dc96b93bd", "sim1"),
        ("8df8fd4c-3c91-4fff-b5dc-8936f0da6948", "sim1"), ("fb6d15e1-6292-4b38-badc-7a7949b5aa9c", "sim1"),
        ("b37e9a29-f093-4a7a-a8a5-8d8fae0a8da2", "sim1"),
    ],
    "maintenance": [("eac82b10-6bda-4960-8758-f10a623d3a9c", "sim2")],
}  # fmt: skip
ZONE = {"dns1": "192.0.2.53", "internaldns1": "192.0.2.54", "networktype": "Advanced"}
H1, H2 = "46da99de-fe2e-4479-808b-27fa4e439f47", "04dbd1ba-5d96-4490-9920-72b031603428"  # the real hosts
# (topic, index) of an entry -> calls before it: command, parameters, and the name of what is made with the UUID that
# entries know it by
CALLS: dict[tuple[str, int], list[tuple[Any, ...]]] = {
    ("more", 0): [
        ("enableHAForZone", {"zoneid": "c2713a0e-c855-4617-bbab-72542be7b3d3"}),
        ("enableHAForCluster", {"clusterid": "aa6ea211-7d78-47de-85d4-fb8039b0fbfa"}),
    ],
    ("settings", 11): [("updateConfiguration", {"name": "host", "value": "10.88.0.254"})],
    ("more", 12): [("updateHost", {"id": "43cee211-ad0a-42e6-be43-79f923327a5f", "annotation": "note"})],
    ("host-simulator", 77): [("declareHostAsDegraded", {"id": "bac5571a-2646-474f-b316-75621d8cb12a"})],
    ("host-lifecycle", 1): [("updateHost", {"id": "1121c452-3e25-4765-86e2-8b929c88b09b", "allocationstate": "Disable"})],  # noqa: E501
    ("ha-race", 34): [("deleteHost", {"id": host, "forced": "true"}) for host, _ in HOSTS["ha-race"]],
    ("kvm-host-add-failures", 23): [("addCluster", {"clustername": "truth-kvm-c3"}, "cluster", "31c3e275-bfb6-47c8-b677-095b808be874")],  # noqa: E501
    ("kvm-host-add-failures", 34): [("addCluster", {"clustername": "truth-kvm-c4"}, "cluster", "e031fd6f-852b-4fdd-ade8-671b0f67cb16")],  # noqa: E501
    ("kvm-host-oobm", 21): [("issueOutOfBandManagementPowerAction", {"hostid": H2, "action": "OFF"})],
    ("restart", 0): [
        ("createZone", {**ZONE, "name": "r-1795260647"}, "zone", "0008ff3b-ddad-4a19-b975-5f0ae558a2c5"),
        ("enableHAForZone", {"zoneid": "0008ff3b-ddad-4a19-b975-5f0ae558a2c5"}),
        ("createPod", {"zoneid": "0008ff3b-ddad-4a19-b975-5f0ae558a2c5", "name": "p", "gateway": "172.16.15.1", "netmask": "255.255.255.0",  # noqa: E501
                       "startip": "172.16.15.2"}, "pod", "pod"),
        ("addCluster", {"zoneid": "0008ff3b-ddad-4a19-b975-5f0ae558a2c5", "podid": "pod", "clustername": "c", "clustertype": "CloudManaged",  # noqa: E501
                        "hypervisor": "Simulator"}, "cluster", "cluster"),
        ("addHost", {"zoneid": "0008ff3b-ddad-4a19-b975-5f0ae558a2c5", "podid": "pod", "clusterid": "cluster", "hypervisor": "Simulator",  # noqa: E501
                     "url": "http://sim/h", "username": "root", "password": "x"}, "host",
                     "a0ee35f8-1fa4-4095-91ef-8e93be6126e4"),
        ("configureOutOfBandManagement", {"hostid": "a0ee35f8-1fa4-4095-91ef-8e93be6126e4", "driver": "ipmitool", "address": "127.0.0.1", "port": "9011",  # noqa: E501
                                          "username": "admin", "password": "password12"}),
        ("enableOutOfBandManagementForHost", {"hostid": "a0ee35f8-1fa4-4095-91ef-8e93be6126e4"}),
    ],
}  # fmt: skip
IN_THE_CLUSTER = {
    "zoneid": "c78f5a2a-863a-4415-879e-8cd2e263dc7d", "podid": "c1b54921-535e-433a-a933-93db4825bb10",
    "clustertype": "CloudManaged", "hypervisor": "KVM",
}  # fmt: skip
OS_TYPE = "28b538a9-ebcd-11f1-89f2-02fc00000001"
DOMAIN = "8e21ce89-73f0-4619-ba63-4f1c76f9c077"


def prepare(replay: Any, topic: str) -> None:
    """Rows that were there before the topic's first entry."""
    cloud = replay.cloud
    if topic == "host-kvm":
        cloud.settings.set("host", "10.88.0.254")
    if topic == "arguments":
        replay.ids[DOMAIN] = cloud.table("domain").add(name="tenant43674", path="ROOT/tenant43674").uuid
    if topic == "zone-ready":
        replay.ids[OS_TYPE] = cloud.table("ostype").where(name="Other Linux (64-bit)")[0].uuid
    for host, cluster in HOSTS.get(topic, ()):
        row = cloud.table("cluster").where(name=cluster)[0]
        zone, pod = cloud.table("zone").find(row["zone"]), cloud.table("pod").find(row["pod"])
        replay.ids[host] = hosts.add_simulated(cloud, zone, pod, row, []).uuid


def before(replay: Any, exchange: Exchange) -> None:
    """What had happened since the entry before it."""
    for command, params, *made in (
        CALLS.get((exchange.topic, exchange.index), ()) if not exchange.name.endswith(" / result") else ()
    ):
        params = (
            {**IN_THE_CLUSTER, **params}
            if exchange.topic.startswith(REAL_HOSTS) and command == "addCluster"
            else params
        )
        replay.call(exchange, command, params, *made)
    if exchange.place == "kvm-host-vm[8] deploy":  # the zone had been enabled, and its two system VMs have numbers
        for _ in range(2):
            replay.cloud.table("virtualmachine").burn()
    if exchange.topic == "kvm-host-add-failures":  # rows that a failure left behind were deleted each time
        address = exchange.params.get("url", "").rpartition("/")[2]
        for row in replay.cloud.table("host").where(ipaddress=address):
            row.removed = True
    if exchange.name == "deleteHost h2 without forced, Down and Maintenance (after fencing)":
        fenced = replay.cloud.table("host").where(ipaddress="10.88.0.12")[0]
        fenced["state"], fenced["resourcestate"] = "Down", "Maintenance"


# Entries that were asked after the next poll, and one whose name counts from its moment.
WAITS = {("ha-race", "after enabling once more"): 5.0, ("ha", "listHostHAResources enabled"): 5.0}
MOMENTS = {("restart", 23): datetime(2026, 11, 21, 11, 33, 50, tzinfo=timezone.utc).timestamp()}


def wait_before(exchange: Exchange, since: float, now: float, behind: float) -> float:
    """Seconds that had passed: some moments were recorded, and names tell of waits. `since`: when a row of such names
    began; `behind`: how far the clock of the replay is behind the recorded moments."""
    match = re.search(r" (\d+) s after$", exchange.name)
    if match:
        return max(0.0, since + int(match[1]) - now)
    moment = exchange.moment or MOMENTS.get((exchange.topic, exchange.index), 0.0)
    return max(WAITS.get((exchange.topic, exchange.name), 0.0), moment and moment - now + behind)
