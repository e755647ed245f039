# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of Open vSwitch's database, captured from ovsdb-server 3.1.0 (Debian 12), link states set by hand."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ovs_json import parse_tables

from tests.unit.plugins.captured import text

FOUND = parse_tables(text("ovs_vsctl/bond_patch_fake.txt"))["bridges"]


def ports(bridge):
    return {port["name"]: port for port in FOUND[bridge]["ports"]}


def test_bridges_and_their_ports():
    assert {name: sorted(ports(name)) for name in FOUND} == {
        "br-int": ["br-int", "patch0"],
        "cloudbr0": ["cloudbr0", "eno1", "patch1"],
        "cloudbr1": ["bond0", "cloudbr1", "vnet3"],
        "cloudbr2": [],
    }


def test_a_fake_bridge_is_a_vlan_of_its_parent():
    assert (FOUND["cloudbr2"]["parent"], FOUND["cloudbr2"]["vlan"]) == ("cloudbr1", 200)
    assert (FOUND["cloudbr1"]["parent"], FOUND["cloudbr1"]["vlan"]) == (None, None)


def test_a_bond_with_a_dead_member():
    bond = ports("cloudbr1")["bond0"]
    assert bond["bond_mode"] == "balance-tcp"
    assert [(each["name"], each["link_state"]) for each in bond["interfaces"]] == [("ens1f0", "up"), ("ens1f1", "down")]
    assert {(each["mtu"], each["speed_mbps"]) for each in bond["interfaces"]} == {(9000, 25000)}


def test_a_patch_port_names_its_peer():
    (interface,) = ports("br-int")["patch0"]["interfaces"]
    assert (interface["type"], interface["peer"]) == ("patch", "patch1")
    assert ports("cloudbr1")["vnet3"]["tag"] == 105


@pytest.mark.parametrize(
    "content", ["", "{}", "[]\n[]\n[]", '{"data":[[1]],"headings":[]}', "ovs-vsctl: unix:db.sock: no"]
)
def test_what_is_not_three_tables(content):
    with pytest.raises(ParseError, match="ovs-vsctl"):
        parse_tables(content)
