# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies under a bridge of Open vSwitch, from the captured tables of its database."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ovs_json import parse_tables
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.network import declared_port
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.open_vswitch import (
    is_known,
    links_of,
    possible_uplinks,
    uplinks,
    vlan_of,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile

from tests.unit.plugins.captured import text

OVS = parse_tables(text("ovs_vsctl/bond_patch_fake.txt"))


@pytest.mark.parametrize(
    ("bridge", "found"),
    [
        ("cloudbr0", ["eno1"]),  # its patch port leads to br-int, which has no card
        ("br-int", ["eno1"]),  # by its patch port
        ("cloudbr1", ["bond0"]),  # not vnet3, which is a guest's
        ("cloudbr2", ["bond0"]),  # a fake bridge of cloudbr1
    ],
)
def test_uplinks(bridge, found):
    assert uplinks(OVS, bridge) == found


def test_the_vlan_of_a_bridge():
    assert [vlan_of(OVS, name) for name in ("cloudbr2", "cloudbr1", "unheard-of")] == [200, None, None]
    tagged = copy.deepcopy(OVS)
    next(port for port in tagged["bridges"]["cloudbr1"]["ports"] if port["name"] == "cloudbr1")["tag"] = 30
    assert vlan_of(tagged, "cloudbr1") == 30


def test_a_bond_becomes_a_link_with_members():
    legs = {name: {"name": name, "mtu": 9000, "carrier": name == "ens1f0"} for name in ("ens1f0", "ens1f1")}
    found = links_of(OVS, legs)
    assert found["bond0"]["bond"] == {
        "mode": "balance-tcp",
        "members": [{"name": "ens1f0", "up": True}, {"name": "ens1f1", "up": False}],
    }
    assert (found["bond0"]["carrier"], found["bond0"]["mtu"]) == (True, 9000)
    assert {found[name]["master"] for name in legs} == {"bond0"}


def test_a_card_of_dpdk_is_told_by_open_vswitch():
    ovs = copy.deepcopy(OVS)
    interface = {"name": "dpdk0", "type": "dpdk", "admin_state": "up", "link_state": "down", "mtu": 9000}
    ovs["bridges"]["cloudbr0"]["ports"].append({"name": "dpdk0", "tag": None, "interfaces": [interface]})
    found = links_of(ovs, {"eno1": {"name": "eno1"}})
    assert (found["dpdk0"]["up"], found["dpdk0"]["carrier"], found["dpdk0"]["mtu"]) == (True, False, 9000)
    assert "eno1" not in found  # the kernel's own word stands
    assert uplinks(ovs, "cloudbr0") == ["dpdk0", "eno1"]


def test_what_ip_shows_of_the_datapath():
    links = {
        "eno1": {"master": "ovs-system", "kind": "ether"},
        "vnet3": {"master": "ovs-system", "kind": "tun"},
        "eno2": {"master": None, "kind": "ether"},
    }
    assert possible_uplinks(links) == ["eno1"]
    assert not is_known({}, "cloudbr0")
    assert is_known(OVS, "cloudbr2")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "openvswitch", "port": "bond0"}, []),
        ({"type": "openvswitch", "port": "eno1"}, ["eno1 in cloudbr1"]),
        ({"port": "eno1"}, []),  # a bridge of another kind is NET025's
    ],
)
def test_the_declared_port_is_compared_with_that_of_open_vswitch(entry, expected):
    links = [{"name": "cloudbr1", "kind": "openvswitch", "addresses": []}]
    facts = {"bridges": {}, "interfaces": links, "ovs": OVS}
    host = Profile("host1", facts, {"bridges": [{"name": "cloudbr1", **entry}]})
    problems = declared_port(host, Cluster(labels={"Guest": ("cloudbr1",)}), Policy())
    assert [each.expected for each in problems] == expected
