# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls are made for a cluster, and which are not when it does not exist yet."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.expected_cluster import SETTINGS, read
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster

from tests.unit.plugins.scripted import ScriptedClient

ZONE = {"id": "z1", "name": "zone1", "securitygroupsenabled": False, "allocationstate": "Enabled"}
POD = {"id": "p1", "name": "pod1"}
CLUSTER = {"id": "c1", "name": "cluster1", "arch": "x86_64", "allocationstate": "Disabled", "hypervisortype": "KVM"}
CAPABILITIES = ("listCapabilities", {"capability": {"cloudstackversion": "4.22.1.0"}})
NO_HOSTS = ("listHosts", [])


def _zone(cluster):
    networks = [
        {"id": "n1", "vlan": "100-199", "isolationmethods": "VLAN"},
        {"id": "n2", "vlan": "5000-6000", "isolationmethods": "VXLAN"},
    ]
    pools = [
        {"name": "mine", "scope": "CLUSTER", "clusterid": "c1", "state": "Up"},
        {"name": "theirs", "scope": "CLUSTER", "clusterid": "c2"},
    ]
    return [
        ("listPhysicalNetworks", networks),
        (
            "listTrafficTypes",
            [
                {"traffictype": "Management", "kvmnetworklabel": "cloudbr0"},
                {"traffictype": "Guest", "kvmnetworklabel": "cloudbr1"},
            ],
        ),
        ("listTrafficTypes", [{"traffictype": "Guest", "kvmnetworklabel": "cloudbr5"}]),
        ("listStoragePools", pools if cluster else []),
    ]


def _settings(found=True):
    """Each setting is in the middle of others whose names hold its name; two are asked for the cluster first."""
    for name, of_cluster in SETTINGS.items():
        rows = [
            {"name": f"x.{name}", "value": "wrong"},
            {"name": name, "value": f"value of {name}"},
            {"name": f"{name}.x"},
        ]
        if of_cluster and found:
            yield ("listConfigurations", [])  # as for a setting without this scope
        yield ("listConfigurations", rows)


def test_existing_cluster():
    ranges = [{"vlan": 7}, {"vlan": 7}, {"startip": "172.20.0.2"}]
    script = [
        ("listZones", [ZONE]),
        ("listPods", [POD]),
        ("listClusters", [CLUSTER]),
        ("listStorageNetworkIpRange", ranges),
        CAPABILITIES,
    ]
    client = ScriptedClient(*script, *_settings(), NO_HOSTS, *_zone(cluster=True))
    cluster, exists = read(client, "zone1", "pod1", "cluster1")
    assert not client.script
    assert exists == {"zone": True, "pod": True, "cluster": True}
    assert cluster.labels == {"Management": ("cloudbr0",), "Guest": ("cloudbr1", "cloudbr5")}
    assert (cluster.isolation, cluster.vlan_ranges, cluster.storage_vlans) == (("VLAN", "VXLAN"), ("100-199",), ("7",))
    assert (cluster.arch, cluster.zone_allocation_state, cluster.cluster_allocation_state) == (
        "x86_64",
        "Enabled",
        "Disabled",
    )
    assert cluster.settings == {name: f"value of {name}" for name in SETTINGS}
    assert [pool.name for pool in cluster.pools] == ["mine"]
    sent = dict(client.sent)
    assert sent["listHosts"] == {"type": "Routing", "details": "all"}  # of all zones
    assert sent["listStorageNetworkIpRange"] == {"podid": "p1"}
    assert ("listConfigurations", {"name": "mem.overprovisioning.factor", "clusterid": "c1"}) in client.sent


def test_nothing_exists():
    client = ScriptedClient(("listZones", []), CAPABILITIES, *_settings(found=False), NO_HOSTS)
    cluster, exists = read(client, "zone1", "pod1", "cluster1")
    assert exists == {"zone": False, "pod": False, "cluster": False}
    assert cluster == Cluster(
        "zone1", "pod1", "cluster1", "cloudstack", management_version="4.22.1.0", settings=cluster.settings
    )


def test_only_the_zone_exists():
    client = ScriptedClient(
        ("listZones", [ZONE]), ("listPods", []), CAPABILITIES, *_settings(found=False), NO_HOSTS, *_zone(cluster=False)
    )
    cluster, exists = read(client, "zone1", "pod1", "cluster1")
    assert exists == {"zone": True, "pod": False, "cluster": False}
    assert (cluster.arch, cluster.labels["Management"]) == (None, ("cloudbr0",))


def test_cluster_in_whatever_pod():
    script = [
        ("listZones", [ZONE]),
        ("listClusters", [{**CLUSTER, "podid": "p9"}]),
        ("listStorageNetworkIpRange", []),
        CAPABILITIES,
    ]
    client = ScriptedClient(*script, *_settings(), NO_HOSTS, *_zone(cluster=True))
    cluster, exists = read(client, "zone1", "", "cluster1")
    assert (exists["pod"], exists["cluster"], cluster.arch) == (True, True, "x86_64")
    assert dict(client.sent)["listClusters"] == {"zoneid": "z1", "podid": None}
    assert dict(client.sent)["listStorageNetworkIpRange"] == {"podid": "p9"}


def test_settings_without_a_value_and_settings_that_are_not_there():
    rows = [("listConfigurations", [{"name": name}] if name == "host" else []) for name in SETTINGS]
    client = ScriptedClient(("listZones", []), CAPABILITIES, *rows, NO_HOSTS)
    assert read(client, "zone1", "pod1", "cluster1")[0].settings == {"host": ""}


def test_a_name_in_other_letters_is_not_taken_for_missing():
    with pytest.raises(InputError, match="written differently"):
        read(ScriptedClient(("listZones", [{**ZONE, "name": "Zone1"}])), "zone1", "pod1", "cluster1")
