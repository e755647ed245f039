# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that others wrote, applied twice to the simulator: what they read back is what they wrote, so that a second
plan is empty.

The `cs` command line and the CloudStack driver of apache-libcloud come by pip. The acceptance tests of Terraform's
provider and of the collection ngine_io.cloudstack are run from their own checkouts: lab/simulator/README.md has the
commands and the figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider

CS = Path(sys.executable).with_name("cs")
# what is declared: command, how it is listed, the key of the object, and its arguments; $KIND is the id of the last
# object of that kind
DECLARED = [
    ("createZone", "listZones", "zone", {
        "name": "z", "networktype": "Advanced", "dns1": "192.0.2.53", "dns2": "192.0.2.54",
        "internaldns1": "192.0.2.55", "ip6dns1": "2001:db8::53",
        "domain": "cs.example.org", "guestcidraddress": "10.1.1.0/24", "localstorageenabled": "true",
        "storageaccessgroups": "sag1",
    }),
    ("createPhysicalNetwork", "listPhysicalNetworks", "physicalnetwork", {
        "name": "pn", "zoneid": "$zone", "isolationmethods": "VLAN", "tags": "t1", "vlan": "100-199",
        "networkspeed": "10G",
    }),
    ("addTrafficType", "listTrafficTypes physicalnetworkid=$physicalnetwork", "traffictype", {
        "traffictype": "Public", "physicalnetworkid": "$physicalnetwork", "kvmnetworklabel": "cloudbr1",
    }),
    ("addNetworkServiceProvider", "listNetworkServiceProviders", "networkserviceprovider", {
        "name": "Netscaler", "physicalnetworkid": "$physicalnetwork", "servicelist": "Lb,StaticNat",
    }),
    ("createPod", "listPods", "pod", {
        "name": "p", "zoneid": "$zone", "gateway": "172.16.0.1", "netmask": "255.255.255.0", "startip": "172.16.0.10",
        "endip": "172.16.0.20",
        "storageaccessgroups": "sag2",
    }),
    ("createVlanIpRange", "listVlanIpRanges", "vlan", {
        "zoneid": "$zone", "physicalnetworkid": "$physicalnetwork", "vlan": "vlan://50", "gateway": "203.0.113.1",
        "netmask": "255.255.255.0",
        "startip": "203.0.113.10", "endip": "203.0.113.20", "forvirtualnetwork": "true", "forsystemvms": "true",
    }),
    ("createStorageNetworkIpRange", "listStorageNetworkIpRange", "storagenetworkiprange", {
        "podid": "$pod", "gateway": "172.30.0.1", "netmask": "255.255.255.0", "startip": "172.30.0.10",
        "endip": "172.30.0.20", "vlan": "88",
    }),
    ("addCluster", "listClusters", "cluster", {
        "zoneid": "$zone", "podid": "$pod", "clustername": "c", "clustertype": "CloudManaged", "hypervisor": "KVM",
        "arch": "aarch64",
    }),
    ("createServiceOffering", "listServiceOfferings", "serviceoffering", {
        "name": "so", "displaytext": "small", "cpunumber": "1", "cpuspeed": "500", "memory": "512", "offerha": "true",
        "hosttags": "ssd",
    }),
    ("createNetworkOffering", "listNetworkOfferings", "networkoffering", {
        "name": "l2", "displaytext": "l2 with a VLAN", "guestiptype": "L2", "traffictype": "Guest",
        "specifyvlan": "true",
    }),
]  # fmt: skip
# arguments that lists show under another key
SHOWN = {"clustername": "name", "hypervisor": "hypervisortype", "zone": "zoneid"}


@pytest.fixture
def cs(simulator, tmp_path: Path) -> Callable[..., dict]:
    """The answer of one call of the command line."""
    env = {**os.environ, **simulator.env, "HOME": str(tmp_path), "CLOUDSTACK_POLL_INTERVAL": "0.1"}

    def run(*words: str) -> dict:
        done = subprocess.run(
            [CS, "--quiet", *words], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout or "{}")

    return run


def _plan(declared: dict[str, str], row: dict) -> dict[str, tuple[str, object]]:
    """What a client would want to change: argument -> (declared, read back)."""
    shown = {argument: row.get(SHOWN.get(argument, argument)) for argument in declared}
    return {argument: (word, shown[argument]) for argument, word in declared.items() if _text(shown[argument]) != word}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_second_plan_of_the_command_line_is_empty(cs, simulator) -> None:
    ids: dict[str, str] = {}
    plans = {}
    for create, listing, kind, arguments in DECLARED:
        declared = {name: ids[word[1:]] if word.startswith("$") else word for name, word in arguments.items()}
        cs(create, *(f"{name}={word}" for name, word in declared.items()))
        command, *filters = [
            word.replace("$physicalnetwork", ids.get("physicalnetwork", "")) for word in listing.split()
        ]
        rows = next(value for key, value in cs(command, *filters).items() if key != "count")
        row = next(row for row in rows if row.get("name", "") == declared.get("name", row.get("name", "")))
        ids[kind] = row["id"]
        # the answer's own id of a list that repeats what is in the pod or the network is not declared, only what
        # belongs to the row
        plans[create] = _plan(declared, row)
    assert plans == {create: {} for create, *_ in DECLARED}


def test_libcloud_reads_back_what_it_made(cs, simulator) -> None:
    zone = cs("createZone", "name=z", "networktype=Advanced", "dns1=192.0.2.53", "internaldns1=192.0.2.53")["zone"]
    network = cs("createPhysicalNetwork", "name=pn", f"zoneid={zone['id']}", "isolationmethods=VLAN")["physicalnetwork"]
    cs("addTrafficType", "traffictype=Guest", f"physicalnetworkid={network['id']}")
    place = urlsplit(simulator.endpoint)
    driver = get_driver(Provider.CLOUDSTACK)(
        simulator.key, simulator.secret, secure=False, host=place.hostname, port=place.port, path=place.path
    )
    location = next(location for location in driver.list_locations() if location.id == zone["id"])
    offering = next(
        offering for offering in driver.ex_list_network_offerings() if offering.name == "DefaultL2NetworkOffering"
    )
    made = driver.ex_create_network("guests", "n1", offering, location)
    assert [(seen.id, seen.name, seen.displaytext, seen.networkofferingid) for seen in driver.ex_list_networks()] == [
        (made.id, "n1", "guests", offering.id),
    ]
    assert {size.name for size in driver.list_sizes()} == {"Small Instance", "Medium Instance"}
    assert driver.ex_list_routers() == []
    assert "Other Linux (64-bit)" in {row["name"] for row in driver.ex_list_os_types()}


def test_what_the_simulator_lacks_is_said(simulator) -> None:
    place = urlsplit(simulator.endpoint)
    driver = get_driver(Provider.CLOUDSTACK)(
        simulator.key, simulator.secret, secure=False, host=place.hostname, port=place.port, path=place.path
    )
    with pytest.raises(Exception, match="listPublicIpAddresses: CloudStack does this, its simulator here does not"):
        driver.list_nodes()
