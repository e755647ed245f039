# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster is meant to be, read from the simulator: before anything exists, and when everything does."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client import cloudstack
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import cluster_of

from tests.integration.modules import run_module

NAMES = {"zone": "zone1", "pod": "pod1", "cluster": "cluster1"}
DNS = {"dns1": "192.0.2.53", "internaldns1": "192.0.2.53"}


@pytest.fixture
def info(simulator):
    """Runs cluster_info; it may write nothing, in either mode."""
    access = {
        "api_url": simulator.endpoint,
        "api_key": simulator.key,
        "api_secret": simulator.secret,
        "api_timeout": 60,
    }

    def run(check=False, **names):
        writes = simulator.writes()
        result = run_module("cluster_info", {**access, **NAMES, **names}, check)
        assert simulator.secret not in result.text
        assert not result.changed
        assert simulator.writes() == writes
        return result.data

    return run


def _network(api, zone, name, labels, **options):
    network = api.job("createPhysicalNetwork", zoneid=zone["id"], name=name, **options)["physicalnetwork"]
    for kind, label in labels.items():
        api.job("addTrafficType", physicalnetworkid=network["id"], traffictype=kind, kvmnetworklabel=label)
    api.job("updatePhysicalNetwork", id=network["id"], state="Enabled")


def _cloud(api, name="zone1", hypervisor="Simulator"):
    """A zone with two physical networks, a pod with a storage VLAN, a cluster and a host in it. Returns zone, pod and
    cluster."""
    zone = api.call("createZone", name=name, networktype="Advanced", **DNS)["zone"]
    _network(
        api,
        zone,
        "physnet1",
        {"Management": "cloudbr0", "Guest": "cloudbr1", "Public": None},
        vlan="100-199,300-309",
        isolationmethods="VLAN",
    )
    _network(api, zone, "physnet2", {"Guest": "cloudbr5"}, vlan="5000-6000", isolationmethods="VXLAN", tags="vx")
    net = {"Simulator": "10.88.0", "KVM": "10.89.0"}[hypervisor]
    pod = api.call(
        "createPod",
        zoneid=zone["id"],
        name="pod1",
        gateway=f"{net}.1",
        netmask="255.255.255.0",
        startip=f"{net}.100",
        endip=f"{net}.150",
    )["pod"]
    api.job(
        "createStorageNetworkIpRange",
        podid=pod["id"],
        gateway="172.20.0.1",
        netmask="255.255.255.0",
        startip="172.20.0.2",
        endip="172.20.0.20",
        vlan=7,
    )
    added = api.call(
        "addCluster",
        zoneid=zone["id"],
        podid=pod["id"],
        clustername="cluster1",
        clustertype="CloudManaged",
        hypervisor=hypervisor,
    )
    return zone, pod, added["cluster"][0]


def _host(api, zone, pod, cluster):
    place = {"zoneid": zone["id"], "podid": pod["id"], "clusterid": cluster["id"]}
    api.call("addHost", **place, hypervisor="Simulator", url="http://sim/c0/h0", username="root", password="simulated")


@pytest.mark.parametrize("check", [True, False])
def test_before_anything_is_registered(info, check):
    result = info(check)
    assert result["exists"] == {"zone": False, "pod": False, "cluster": False}
    cluster = cluster_of(result["cluster"])
    assert (cluster.zone, cluster.name, cluster.source, cluster.labels, cluster.arch) == (
        "zone1",
        "cluster1",
        "cloudstack",
        {},
        None,
    )
    assert (cluster.management_version, cluster.management_addresses, cluster.registered) == (
        "4.22.1.0",
        ("192.0.2.254",),
        (),
    )


def test_zone_without_pod_and_cluster(simulator, info):
    _cloud(simulator.api)
    result = info(pod="pod2")
    assert result["exists"] == {"zone": True, "pod": False, "cluster": False}
    assert result["cluster"]["labels"]["Management"] == ["cloudbr0"]
    assert result["cluster"]["arch"] is None
    assert info(pod="")["exists"] == {"zone": True, "pod": True, "cluster": True}


def test_whole_cluster(simulator, info):
    api = simulator.api
    zone, pod, row = _cloud(api)
    api.call("updateZone", id=zone["id"], allocationstate="Enabled")
    _host(api, zone, pod, row)
    pool = {"zoneid": zone["id"], "podid": pod["id"], "clusterid": row["id"]}
    api.call("createStoragePool", **pool, name="primary1", url="nfs://192.0.2.60/export/primary", scope="cluster")
    api.call(
        "createStoragePool",
        zoneid=zone["id"],
        name="wide",
        url="nfs://192.0.2.60/export/wide",
        scope="zone",
        hypervisor="Simulator",
    )
    api.call(
        "createStoragePool",
        zoneid=zone["id"],
        name="others",
        url="nfs://192.0.2.60/export/others",
        scope="zone",
        hypervisor="KVM",
    )
    api.call("updateConfiguration", name="mem.overprovisioning.factor", value="1.5", clusterid=row["id"])
    result = info()
    assert result["exists"] == {"zone": True, "pod": True, "cluster": True}
    cluster = cluster_of(result["cluster"])
    assert cluster.labels == {"Management": ("cloudbr0",), "Guest": ("cloudbr1", "cloudbr5"), "Public": ()}
    assert (cluster.isolation, cluster.vlan_ranges, cluster.storage_vlans) == (
        ("VLAN", "VXLAN"),
        ("100-199", "300-309"),
        ("7",),
    )
    assert (cluster.arch, cluster.security_groups) == ("x86_64", False)
    assert (cluster.zone_allocation_state, cluster.cluster_allocation_state) == ("Enabled", "Enabled")
    assert [(pool.name, pool.kind, pool.server, pool.path, pool.scope) for pool in cluster.pools] == [
        ("primary1", "NetworkFilesystem", "192.0.2.60", "/export/primary", "CLUSTER"),
        ("wide", "NetworkFilesystem", "192.0.2.60", "/export/wide", "ZONE"),
    ]
    assert cluster.settings["mem.overprovisioning.factor"] == "1.5"
    assert cluster.settings["add.host.on.service.restart.kvm"] == "true"
    assert len(cluster.settings) == 7
    assert [(host.zone, host.cluster, host.state) for host in cluster.members] == [("zone1", "cluster1", "Up")]


def test_hosts_of_all_zones_on_more_than_one_page(simulator, info, monkeypatch):
    api = simulator.api
    places = [_cloud(api), _cloud(api, "zone2")]
    for place in places:
        for _number in range(3):
            _host(api, *place)
    monkeypatch.setattr(cloudstack, "PAGE", 2)
    cluster = cluster_of(info()["cluster"])
    assert sorted(host.zone for host in cluster.registered) == ["zone1"] * 3 + ["zone2"] * 3
    assert len({host.id for host in cluster.registered}) == 6
    assert len(cluster.members) == 3


def test_refused_key_is_an_error(info):
    with pytest.raises(AssertionError, match="refused the API key"):
        info(api_key="nobodys")
