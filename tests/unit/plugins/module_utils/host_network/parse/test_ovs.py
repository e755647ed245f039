# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured of ovs-vsctl 3.1 (Debian 12): what is needed of a bridge to make it again."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Link
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.ovs import (
    is_there,
    parse_switches,
    value_text,
    with_switches,
)

from tests.unit.plugins.captured import text

SWITCHES = parse_switches(text("ovs_vsctl/debian12_configured.txt"))


def test_bridges_with_ports_and_interfaces():
    switch = SWITCHES["cloudbr0"]
    assert [port.name for port in switch.rows] == ["bond0", "cloudbr0", "vnet0"]
    bond, own, guest = switch.rows
    assert dict(bond.columns) == {"trunks": "[100,200]", "bond_mode": "balance-tcp", "lacp": "active"}
    assert [each.name for each in bond.rows] == ["eth0", "eth1"]
    assert own.value("tag") == "100"
    assert dict(own.rows[0].columns) == {"type": "internal", "mtu_request": "9000"}
    assert guest.rows[0].value("external_ids") == '{iface-id="a b"}'
    assert SWITCHES["cloudbr1"].rows[1].value("trunks") == "0", "VLAN 0 is untagged, and not nothing"


@pytest.mark.parametrize("wrong", ["", "{}\n{}\n{}", "[]\n[]\n[]", text("ovs_vsctl/debian12_configured.txt")[:400]])
def test_anything_else_is_a_parse_error(wrong):
    with pytest.raises(ParseError):
        parse_switches(wrong)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("active", "active"),
        ("a b", '"a b"'),
        ("10.0.0.1", '"10.0.0.1"'),
        (7, "7"),
        (True, "true"),
        ([2, 1], "[1,2]"),
        ({"b": "1", "a": "x"}, '{a=x,b="1"}'),
    ],
)
def test_values_as_ovs_vsctl_takes_them(value, said):
    assert value_text(value) == said


@pytest.mark.parametrize(("kind", "master"), [("openvswitch", "ovs-system"), ("tun", None)])
def test_links_are_told_by_their_bridge_whatever_the_datapath(kind, master):
    links = {
        "cloudbr0": Link("cloudbr0", kind, 1500, True, None),
        "eth0": Link("eth0", "ether", 1500, True, master),
        "eth9": Link("eth9", "ether", 1500, True, None),
    }
    found = with_switches(links, SWITCHES)
    assert found["cloudbr0"].kind == "openvswitch"
    assert (found["cloudbr0"].master, found["eth0"].master, found["eth9"].master) == (None, "cloudbr0", None)


@pytest.mark.parametrize(
    ("name", "kind", "there"),
    [("ovs-system", "openvswitch", True), ("ovs-netdev", "tun", True), ("eth0", "ether", False)],
)
def test_the_database_is_asked_only_where_there_are_bridges(name, kind, there):
    assert is_there([Link(name, kind, 1500, False, None)]) is there
