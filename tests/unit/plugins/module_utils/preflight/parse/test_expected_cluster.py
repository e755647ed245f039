# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster out of CloudStack's answers (shapes as recorded), out of an inventory, and out of both."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Pool, Registered
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import (
    DEFAULTS,
    cluster_of,
    cluster_of_inventory,
    completed,
    isolation_of,
    labels_of,
    mapping_of,
    pools_of,
    registered_of,
    vlan_ranges_of,
)

ROOT = Path(__file__).parents[6]
VLAN = {"name": "pn-vlan", "vlan": "100-150,300-309", "isolationmethods": "VLAN"}
VXLAN = {"name": "pn-vxlan", "vlan": "5000-6000", "isolationmethods": "VXLAN"}
PLAIN = {"name": "pn-noiso", "vlan": "7-9"}
HERE = {"id": "c1", "hypervisortype": "KVM"}


def _types(*pairs):
    return [{"traffictype": kind, **({"kvmnetworklabel": label} if label else {})} for kind, label in pairs]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("Management", "cloudbr0"), ("Guest", "cloudbr1")], {"Management": ("cloudbr0",), "Guest": ("cloudbr1",)}),
        ([("Guest", "cloudbr1"), ("Guest", "cloudbr5"), ("Guest", "cloudbr1")], {"Guest": ("cloudbr1", "cloudbr5")}),
        ([("Management", None)], {"Management": ()}),
        ([("Guest", None), ("Guest", "cloudbr1")], {"Guest": ("cloudbr1",)}),
        ([], {}),
    ],
)
def test_labels(pairs, expected):
    assert labels_of(_types(*pairs)) == expected


def test_isolation_and_ranges():
    assert isolation_of([VLAN, VXLAN, PLAIN, {**VLAN, "isolationmethods": "vlan, GRE"}]) == ("VLAN", "VXLAN", "GRE")
    assert vlan_ranges_of([VLAN, VXLAN, PLAIN]) == ("100-150", "300-309", "7-9")
    assert vlan_ranges_of([{"isolationmethods": "VLAN"}]) == ()


def _pool(**values):
    row = {
        "name": "p",
        "ipaddress": "192.0.2.60",
        "path": "/export/p",
        "type": "NetworkFilesystem",
        "state": "Up",
        "scope": "CLUSTER",
        "clusterid": "c1",
    }
    return {**row, "hypervisor": "KVM", **values}


@pytest.mark.parametrize(
    ("values", "cluster", "concerns"),
    [
        ({}, HERE, True),
        ({}, None, False),
        ({"clusterid": "c2"}, HERE, False),
        ({"scope": "HOST"}, HERE, False),
        ({"scope": "ZONE", "clusterid": None}, HERE, True),
        ({"scope": "ZONE"}, None, True),
        ({"scope": "ZONE", "hypervisor": "VMware"}, HERE, False),
        ({"scope": "ZONE", "hypervisor": "Any"}, HERE, True),
        ({"scope": "ZONE", "hypervisor": "Simulator"}, {"id": "c1", "hypervisortype": "Simulator"}, True),
        ({"scope": "ZONE", "storageaccessgroups": "gold"}, HERE, False),
        ({"scope": "ZONE", "storageaccessgroups": "gold,silver"}, {**HERE, "podstorageaccessgroups": "silver"}, True),
    ],
)
def test_pools_that_every_host_has_to_mount(values, cluster, concerns):
    found = pools_of([_pool(**values)], cluster)
    assert found == (
        (Pool("p", "NetworkFilesystem", "192.0.2.60", "/export/p", "Up", values.get("scope", "CLUSTER")),)
        if concerns
        else ()
    )


def test_registered_hosts_and_no_secret_of_theirs():
    details = {
        "Host.OS": "Debian GNU/Linux",
        "secured": "true",
        "password": "planted-s3cret",
        "username": "root",
        "Host.OS.Kernel.Version": "6.1",
    }
    row = {
        "id": "h1",
        "name": "h1",
        "ipaddress": "10.88.0.11",
        "state": "Up",
        "resourcestate": "Enabled",
        "zonename": "z",
        "clustername": "c",
    }
    second = {"id": "h2", "name": "h2", "state": "Removed"}
    assert registered_of([{**row, "version": "4.22.1.0", "details": details}, second]) == (
        Registered(
            "h1", "10.88.0.11", "Up", "Enabled", "z", "c", "4.22.1.0", "h1",
            {"Host.OS": "Debian GNU/Linux", "secured": "true", "Host.OS.Kernel.Version": "6.1"},
        ),
        Registered("h2", "", "Removed", "", "", "", "", "h2"),
    )  # fmt: skip


FULL = Cluster(
    zone="z",
    pod="p",
    name="c",
    source="cloudstack",
    arch="x86_64",
    labels={"Management": ("cloudbr0",), "Guest": ()},
    isolation=("VLAN",),
    vlan_ranges=("100-199",),
    security_groups=False,
    storage_vlans=("7",),
    management_version="4.22.1.0",
    settings={"host": "10.88.0.254, 10.88.0.253"},
    pools=(Pool("primary1", "NetworkFilesystem", "10.88.2.254", "/export/primary"),),
    registered=(Registered("h1", "10.88.0.11", "Up", "Enabled", "z", "c", details={"secured": "true"}),),
    declared={"cpu.model": "EPYC"},
    zone_allocation_state="Enabled",
    cluster_allocation_state="Disabled",
)


@pytest.mark.parametrize("cluster", [FULL, Cluster()])
def test_there_and_back(cluster):
    mapping = mapping_of(cluster)
    assert yaml.safe_load(yaml.safe_dump(mapping)) == mapping
    assert cluster_of(mapping) == cluster


def test_what_no_cluster_has():
    with pytest.raises(InputError, match="lables"):
        cluster_of({"zone": "z", "lables": {}})


def test_defaults_are_the_roles():
    role = yaml.safe_load((ROOT / "roles" / "cluster" / "defaults" / "main.yml").read_text())
    assert {key: role[key] for key in DEFAULTS} == DEFAULTS


def test_inventory_of_the_lab():
    variables = yaml.safe_load((ROOT / "inventories" / "lab" / "group_vars" / "cluster1.yml").read_text())
    cluster = cluster_of_inventory({**variables, "preflight_declared": {"cpu.model": "EPYC"}})
    assert (cluster.zone, cluster.pod, cluster.name, cluster.source) == ("zone1", "pod1", "cluster1", "inventory")
    assert cluster.labels == {
        "Management": ("cloudbr0",),
        "Public": ("cloudbr1",),
        "Guest": ("cloudbr1",),
        "Storage": ("cloudbr2",),
    }
    assert (cluster.isolation, cluster.vlan_ranges, cluster.security_groups, cluster.arch) == (
        ("VLAN",),
        ("100-199",),
        False,
        "x86_64",
    )
    assert cluster.pools == (Pool("primary1", "NetworkFilesystem", "10.88.2.254", "/export/primary"),)
    assert (cluster.settings, cluster.registered, cluster.declared) == ({}, (), {"cpu.model": "EPYC"})


def test_inventory_that_says_nothing_and_one_that_says_otherwise():
    assert cluster_of_inventory({}).labels["Guest"] == ("cloudbr1",)
    other = cluster_of_inventory(
        {
            "cloudstack_zone": "common",
            "cluster_zone_name": "own",
            "cluster_zone_network_type": "Basic",
            "cluster_physical_network_isolation_methods": ["vxlan"],
            "cluster_physical_network_vlan": "5000-6000",
            "cluster_primary_storage": [
                {"name": "wide", "url": "RBD://admin:planted-s3cret@192.0.2.61/pool", "scope": "zone"}
            ],
        }
    )
    assert (other.zone, other.security_groups, other.isolation, other.vlan_ranges) == ("own", True, ("VXLAN",), ())
    assert other.pools == (Pool("wide", "RBD", "192.0.2.61", "/pool", scope="ZONE"),)
    assert cluster_of_inventory({"cluster_physical_network_vlan": 100}).vlan_ranges == ("100",)


def test_bad_url_in_the_inventory():
    with pytest.raises(InputError, match="not the address of primary storage"):
        cluster_of_inventory({"cluster_primary_storage": [{"name": "x", "url": "192.0.2.60:/export"}]})


def test_inventory_fills_in_what_does_not_exist_yet():
    inventory = cluster_of_inventory(
        {
            "cluster_primary_storage": [{"name": "primary1", "url": "nfs://192.0.2.60/export/p/"}],
            "cluster_arch": "aarch64",
        }
    )
    bare = Cluster(zone="z", source="cloudstack", settings={"host": "192.0.2.1"}, management_version="4.22.1.0")
    nothing = completed(bare, inventory, {"zone": False, "pod": False, "cluster": False})
    assert (nothing.labels, nothing.arch, nothing.pools) == (inventory.labels, "aarch64", inventory.pools)
    assert (nothing.source, nothing.settings, nothing.management_version) == (
        "cloudstack",
        {"host": "192.0.2.1"},
        "4.22.1.0",
    )
    zone = completed(Cluster(labels={}, security_groups=True), inventory, {"zone": True, "pod": True, "cluster": False})
    assert (zone.labels, zone.security_groups, zone.arch) == ({}, True, "aarch64")
    whole = completed(FULL, inventory, {"zone": True, "pod": True, "cluster": True})
    assert (whole.arch, whole.labels) == ("x86_64", FULL.labels)
    assert [pool.server for pool in whole.pools] == ["10.88.2.254", "192.0.2.60"]


def test_pool_of_the_inventory_that_exists_is_not_counted_twice():
    inventory = cluster_of_inventory(
        {"cluster_primary_storage": [{"name": "primary1", "url": "nfs://10.88.2.254/export/primary/"}]}
    )
    assert completed(FULL, inventory, {"zone": True, "pod": True, "cluster": True}).pools == FULL.pools
