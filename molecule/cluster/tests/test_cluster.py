# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudStack has what the role declared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client

ROOT = Path(__file__).parents[3]
STATE = Path(os.environ.get("LAB_STATE", ROOT / ".lab"))


@pytest.fixture(scope="module")
def api():
    env = dict(line.split("=", 1) for line in (STATE / "api.env").read_text().splitlines() if "=" in line)
    return Client(Access(env["CLOUDSTACK_ENDPOINT"], env["CLOUDSTACK_KEY"], env["CLOUDSTACK_SECRET"], timeout=60))


@pytest.fixture(scope="module")
def zone(api):
    [found] = [zone for zone in api.list("listZones", "zone") if zone["name"] == "molecule-cluster"]
    return found


def test_zone_is_enabled(zone):
    assert zone["allocationstate"] == "Enabled"
    assert zone["networktype"] == "Advanced"


def test_labels(api, zone):
    [network] = api.list("listPhysicalNetworks", "physicalnetwork", zoneid=zone["id"])
    assert network["state"] == "Enabled"
    assert network["vlan"] == "300-399"
    listed = api.list("listTrafficTypes", "traffictype", physicalnetworkid=network["id"])
    labels = {entry["traffictype"]: entry.get("kvmnetworklabel") for entry in listed}
    assert labels == {"Management": "cloudbr0", "Public": "cloudbr1", "Guest": "cloudbr1"}


def test_pod_and_cluster(api, zone):
    [pod] = api.list("listPods", "pod", zoneid=zone["id"])
    assert pod["startip"] == ["10.89.0.100"]
    [cluster] = api.list("listClusters", "cluster", zoneid=zone["id"])
    assert (cluster["name"], cluster["hypervisortype"], cluster["allocationstate"]) == ("cluster1", "KVM", "Enabled")
