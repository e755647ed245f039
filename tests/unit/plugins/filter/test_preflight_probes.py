# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role asks through one host, out of the hosts' variables."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.preflight_probes import questions

from tests.cluster_profiles import healthy

LABELS = {"Management": "cloudbr0", "Guest": "cloudbr2", "Storage": "cloudbr2"}
NAMES = ["host1", "host2", "host3", "host4"]


def hostvars(isolation):
    """The variables of the healthy cluster's hosts, whose guests use the storage bridge, which has addresses."""
    labels = [{"type": kind, "label": label} for kind, label in LABELS.items()]
    place = {"groups": {}, "cluster_traffic_labels": labels, "cluster_physical_network_isolation_methods": [isolation]}
    return {
        name: {
            **place,
            "__preflight_facts": {"kvm_host": parts["facts"]},
            "__preflight_seen": {"declared": parts["declared"]},
        }
        for name, parts in healthy().hosts.items()
    }


@pytest.mark.parametrize(
    ("isolation", "asked"), [("VXLAN", {"10.88.2.12", "10.88.2.13", "10.88.2.14"}), ("VLAN", set())]
)
def test_the_way_of_vxlan_is_asked_for_where_the_zone_uses_it(isolation, asked):
    targets = questions(NAMES, hostvars(isolation), NAMES)["host1"]["targets"]
    assert {each["address"] for each in targets if each["purpose"] == "VXLAN"} == asked


@pytest.mark.parametrize(("isolation", "networks"), [("VXLAN", [("cloudbr2", "10.88.2.11")]), ("VLAN", [])])
def test_the_group_is_joined_where_vxlan_goes_by_multicast(isolation, networks):
    found = questions(NAMES, hostvars(isolation), NAMES)["host1"]["multicast"]
    assert [(each["name"], each["source"]) for each in found] == networks


def test_no_group_is_joined_where_vxlan_goes_by_evpn():
    variables = hostvars("VXLAN")
    variables["host1"]["__preflight_facts"]["kvm_host"]["agent"]["properties"]["network.vxlan.mode"] = "evpn"
    found = questions(NAMES, variables, NAMES)
    assert (found["host1"]["multicast"], len(found["host2"]["multicast"])) == ([], 1)


def test_pools_other_than_nfs_are_tried_and_no_key_is_in_the_plan():
    variables = hostvars("VLAN")
    pools = [
        {"name": "ceph1", "url": "rbd://cloudstack:AQDPVipp7-u_DBAAEuU@10.88.2.251,10.88.2.252/cloudstack"},
        {"name": "san1", "url": "iscsi://10.88.2.240/iqn.2026-01.test:san/1"},
        {"name": "nfs1", "url": "nfs://10.88.2.254/export/primary"},
    ]
    for each in variables.values():
        each["cluster_primary_storage"] = pools
    found = questions(NAMES, variables, NAMES)
    assert found["host1"]["pools"] == [
        {"name": "ceph1", "kind": "RBD", "server": "10.88.2.251,10.88.2.252", "path": "/cloudstack"},
        {"name": "san1", "kind": "IscsiLUN", "server": "10.88.2.240", "path": "/iqn.2026-01.test:san/1"},
    ]
    assert "AQDPVipp7" not in str(found)


class Counted(dict):
    """Counts how often the variables of a host are looked up."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.times = 0

    def __getitem__(self, name):
        self.times += 1
        return super().__getitem__(name)


def test_looking_up_variables_grows_with_the_hosts_not_with_their_pairs():
    variables = Counted(hostvars("VLAN"))
    assert list(questions(NAMES, variables, NAMES)) == NAMES
    assert variables.times <= 4 * len(NAMES)


def test_a_host_that_nothing_is_known_of_is_asked_nothing():
    variables = hostvars("VLAN")
    del variables["host2"]["__preflight_seen"]
    assert list(questions(NAMES, variables, NAMES)) == ["host1", "host3", "host4"]
