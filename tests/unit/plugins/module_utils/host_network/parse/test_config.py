# SPDX-License-Identifier: GPL-3.0-or-later
"""network_bridge_config in its short and its long form, and what of it cannot be understood."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bond,
    Bridge,
    Card,
    Network,
    Ovs,
    RoutingRule,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import (
    declared_bridges,
    names_cards,
    read_network,
)

MANAGEMENT = {"name": "cloudbr0", "port": "eth0", "address": "10.88.0.11/255.255.255.0", "gateway": "10.88.0.1"}
CARDS = [
    Card("eno1", "52:54:00:00:00:01", "ixgbe", "0000:3b:00.0"),
    Card("eno2", "52:54:00:00:00:02", "ixgbe", "0000:3b:00.1"),
    Card("eno3", "52:54:00:00:00:03", "tg3", "0000:01:00.0"),
]
LONG = {
    "nics": [
        {"name": "left", "mac": "52:54:00:00:00:01"},
        {"name": "right", "driver": "ixgbe", "slot": "0000:3B:00.1"},
    ],
    "bonds": [{"name": "bond0", "ports": ["left", "right"], "lacp_rate": "fast", "hash_policy": "layer3+4"}],
    "vlans": [{"parent": "bond0", "id": "100"}, {"name": "vlan200", "parent": "bond0", "id": 200}],
    "bridges": [
        {"name": "cloudbr0", "port": "bond0.100", "address": "10.88.0.11/24", "mtu": ""},
        {"name": "cloudbr1", "port": "bond0", "stp": "yes", "forward_delay": 4},
        {"name": "cloudbr2", "port": "vlan200", "mtu": "9000", "multicast_querier": True},
        {"name": "cloudbr9", "state": "absent"},
    ],
}


def test_the_short_form_is_a_list_of_bridges():
    given = [MANAGEMENT, {"name": "cloudbr1", "port": "eth1", "address": "", "gateway": None}]
    expected = (Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1"), Bridge("cloudbr1", "eth1"))
    assert read_network(given) == Network(bridges=expected)
    assert read_network([]) == Network()
    assert not names_cards(given)


def test_an_address_that_is_none_is_left_to_the_rules():
    assert read_network([{**MANAGEMENT, "address": "10.88.0.11/255.0.255.0"}]).bridges[0].address == (
        "10.88.0.11/255.0.255.0"
    )


def test_the_long_form_has_each_layer_with_its_mtu():
    assert names_cards(LONG)
    assert read_network(LONG, CARDS) == Network(
        (Bond("bond0", ("eno1", "eno2"), "802.3ad", "fast", "layer3+4", mtu=9000),),
        (Vlan("bond0.100", "bond0", 100), Vlan("vlan200", "bond0", 200, 9000)),
        (
            Bridge("cloudbr0", "bond0.100", 1500, "10.88.0.11/24"),
            Bridge("cloudbr1", "bond0", stp=True, forward_delay=4),
            Bridge("cloudbr2", "vlan200", 9000, multicast_querier=True),
        ),
        ("cloudbr9",),
    )


def test_what_lies_under_has_its_own_mtu_where_that_is_larger():
    given = {"bonds": [{"name": "bond0", "ports": ["eth0"], "mtu": 9216}], "bridges": [{**MANAGEMENT, "port": "bond0"}]}
    network = read_network(given)
    assert [network.mtu_of(name) for name in ("eth0", "bond0", "cloudbr0")] == [9216, 9216, 1500]


def test_ipv6_routes_rules_and_name_servers():
    bridge = {
        **MANAGEMENT,
        "ipv6_addresses": ["2001:db8::11/64"],
        "ipv6_gateway": "2001:db8::1",
        "routes": [
            {"to": "198.51.100.0/255.255.255.0", "via": "10.88.0.2", "table": 100},
            {"to": "default", "via": "x"},
        ],
        "rules": [{"source": "10.88.0.0/24", "table": 100, "priority": 1000}],
        "dns": ["10.88.0.53"],
        "search": ["lab.test"],
    }
    (found,) = read_network({"bridges": [bridge]}).bridges
    assert (found.addresses6, found.gateway6) == (("2001:db8::11/64",), "2001:db8::1")
    assert found.routes == (StaticRoute("198.51.100.0/24", "10.88.0.2", 100), StaticRoute("default", "x"))
    assert found.rules == (RoutingRule(100, 1000, "10.88.0.0/24"),)
    assert (found.dns, found.search) == (("10.88.0.53",), ("lab.test",))


OVS = {"type": "openvswitch"}
OVS_BOND = {"name": "bond0", "ports": ["left", "eth1"], **OVS}


def test_open_vswitch_has_its_bond_in_the_bridge():
    value = {
        "nics": [{"name": "left", "mac": "52:54:00:00:00:01"}],
        "bonds": [{**OVS_BOND, "mode": "balance-tcp"}],
        "bridges": [
            {**MANAGEMENT, "port": "bond0", "tag": 100, "trunks": [200, 100, 200], **OVS},
            {"name": "cloudbr1", "port": "eth2", **OVS},
        ],
    }
    network = read_network(value, CARDS)
    bonded, single = network.bridges
    assert (network.bonds, bonded.port, bonded.links) == ((), "bond0", ("eno1", "eth1"))
    assert bonded.ovs == Ovs(100, (100, 200), ("eno1", "eth1"), "balance-tcp", "active")
    assert (single.ovs, single.links) == (Ovs(), ("eth2",))


@pytest.mark.parametrize(
    ("given", "lacp"),
    [({}, None), ({"mode": "balance-tcp"}, "active"), ({"lacp": "passive"}, "passive"), ({"lacp": False}, None)],
)
def test_lacp_is_off_unless_the_mode_needs_it(given, lacp):
    """`off` is false in YAML."""
    bridge = {"name": "cloudbr0", "port": "bond0", **OVS}
    (found,) = read_network({"bonds": [{**OVS_BOND, "ports": ["a", "b"], **given}], "bridges": [bridge]}).bridges
    assert found.ovs.lacp == lacp


def with_nic(**nic):
    return {"nics": [{"name": "left", **nic}]}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("cloudbr0", "is neither a list of bridges nor a mapping"),
        ({"bridge": []}, "has no key bridge. Expected: nics, bonds, vlans, bridges"),
        ({"bonds": {"name": "bond0"}}, "has bonds that are not a list of mappings"),
        ([{"name": "cloudbr0"}], "has an entry of bridges without port.*Observed: cloudbr0"),
        ([{"port": "eth0"}], "has an entry of bridges without name"),
        ([{**MANAGEMENT, "adress": "x"}], r"has a key adress that is not known \(bridges: cloudbr0\)"),
        ([{**MANAGEMENT, "mtu": "big"}], "has mtu of cloudbr0 that is not a number.*Observed: big"),
        ([{**MANAGEMENT, "stp": "maybe"}], "has stp of cloudbr0 that is neither true nor false"),
        (
            [{**MANAGEMENT, "state": "gone"}],
            "has state of cloudbr0 that is not known. Expected: one of present, absent",
        ),
        ([{**MANAGEMENT, "dns": "10.0.0.1"}], "has dns of cloudbr0 that is not a list"),
        ([{**MANAGEMENT, "routes": [{"to": "10.0.0.1/8", "via": "x"}]}], "is not for a network.*Observed: 10.0.0.1/8"),
        ([{**MANAGEMENT, "routes": [{"via": "x"}]}], "has an entry of routes without to"),
        ({"bonds": [{"name": "bond0", "ports": ["a"], "mode": "4"}]}, "has mode of bond0.*Observed: 4"),
        ({"vlans": [{"parent": "bond0"}]}, "has id of vlans that is not a number.*Observed: nothing"),
        ([{**MANAGEMENT, "type": "ovs"}], "has type of cloudbr0 that is not known.*bridge, openvswitch"),
        ([{**MANAGEMENT, "tag": 7}], "has tag of cloudbr0, which is of a type that is not openvswitch"),
        ([{**MANAGEMENT, "stp": True, **OVS}], "has stp of cloudbr0, which is of type openvswitch"),
        (
            [{**MANAGEMENT, "multicast_querier": True, **OVS}],
            "has multicast_querier of cloudbr0, which is of type openvswitch",
        ),
        ([{**MANAGEMENT, "multicast_querier": 2}], "has multicast_querier of cloudbr0 that is neither true nor false"),
        ([{**MANAGEMENT, "trunks": ["x"], **OVS}], "has trunks of cloudbr0 that is not a number"),
        ({"bonds": [{**OVS_BOND, "primary": "eth1"}]}, "has primary of bond0, which is of type openvswitch"),
        ({"bonds": [OVS_BOND]}, "has a bond bond0 of type openvswitch that is not the port of one bridge"),
        (
            {"bonds": [OVS_BOND], "bridges": [{"name": "b", "port": "bond0"}]},
            "has a bond bond0 of type openvswitch.*Observed: port of b",
        ),
        (
            {"bonds": [{**OVS_BOND, "mode": "802.3ad"}], "bridges": [{"name": "b", "port": "bond0", **OVS}]},
            "has mode of bond0 that is not known. Expected: one of active-backup, balance-slb, balance-tcp",
        ),
        (with_nic(mac="52:54:00:00:00:09"), "no NIC of this host with mac 52:54:00:00:00:09.*Observed: eno1.*slot"),
        (with_nic(driver="ixgbe"), r"2 NICs \(eno1, eno2\) of this host with driver ixgbe"),
        (with_nic(), "no NIC of this host with name left"),
        ({"nics": [{"name": "a", "slot": "0000:01:00.0"}, {"name": "b", "driver": "tg3"}]}, "the NIC eno3 twice"),
    ],
)
def test_what_cannot_be_understood_is_refused(value, says):
    with pytest.raises(InputError, match=says) as error:
        read_network(value, CARDS)
    assert "correct" in error.value.next_step
    assert "nothing was changed" in error.value.next_step


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ([MANAGEMENT], ["cloudbr0"]),
        (LONG, ["cloudbr0", "cloudbr1", "cloudbr2"]),
        ({"bridges": None}, []),
        ("cloudbr0", []),
        (None, []),
        ([MANAGEMENT, "cloudbr1"], ["cloudbr0"]),
    ],
)
def test_the_bridges_that_are_to_be_there(value, names):
    assert [each["name"] for each in declared_bridges(value)] == names
