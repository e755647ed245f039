# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hosts are attached, by their facts; which MTU counts."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import (
    attachments,
    mtus,
    smallest_layer,
)

from tests.cluster_profiles import healthy


def attached(edit, **parts):
    """host1's attachments after an edit of it, by network."""
    world = healthy().edit({"host1": edit, **parts})
    return {each.network: each for each in attachments(world.profiles(), world.intent()) if each.host == "host1"}


def test_labels_with_an_address_and_no_others():
    assert attached({}) == {
        "cloudbr0": Attachment("host1", "cloudbr0", "10.88.0.11", "", "eth0", "3a:56:c8:e2:68:11"),
        "cloudbr2": Attachment("host1", "cloudbr2", "10.88.2.11", "", "eth2", "26:7e:a7:f6:b3:11"),
    }


@pytest.mark.parametrize(
    ("addresses", "declared", "expected"),
    [
        (["10.88.2.99/24", "10.88.2.11/24"], "10.88.2.11/24", "10.88.2.11"),
        (["10.88.2.99/24", "10.88.2.11/24"], "dhcp", "10.88.2.99"),
        (["2001:db8::1/64", "10.88.2.11/24"], None, "10.88.2.11"),
        (["fe80::1/64", "2001:db8::1/64"], None, "2001:db8::1"),
        (["fe80::1/64", "169.254.7.7/16"], None, None),
    ],
)
def test_which_of_several_addresses(addresses, declared, expected):
    found = attached(
        {"facts.bridges[cloudbr2].addresses": addresses, "declared.bridges[cloudbr2].address": declared}
    ).get("cloudbr2")
    assert (found and found.address) == expected


def test_link_local_addresses_where_no_host_has_another_one():
    own = {"facts.bridges[cloudbr1].addresses": ["fe80::1/64"]}
    assert attached(own)["cloudbr1"].address == "fe80::1"
    assert "cloudbr1" not in attached(own, host2={"facts.bridges[cloudbr1].addresses": ["192.0.2.12/24"]})
    assert "cloudbr1" not in attached({"facts.bridges[cloudbr1].addresses": ["169.254.7.7/16"]})
    assert "cloudbr1" not in attached(own, cluster={"isolation": ["vxlan"]})


LLDP = {"facts.interfaces[eth2].lldp": {"system": "leaf1", "port": "eth7", "chassis": "aa"}}


@pytest.mark.parametrize(
    ("edit", "others", "place"),
    [
        ({}, {}, ""),
        (LLDP, {}, "leaf1"),
        ({"facts.interfaces[eth2].lldp": {"system": None, "port": "1", "chassis": "aa:bb"}}, {}, "aa:bb"),
        ({**LLDP, "declared.rack": "r7"}, {}, "r7"),
        (LLDP, {"host2": {"declared.rack": "r7"}}, ""),  # a host has a rack: switches and racks are not mixed
    ],
)
def test_the_place(edit, others, place):
    assert attached(edit, **others)["cloudbr2"].place == place


def test_a_vlan_over_a_bond_with_two_leafs():
    leg = {"kind": "ether", "mtu": 9000, "master": "bond0"}
    links = [
        {"name": "cloudbr2", "kind": "bridge", "mac": "AA:00:00:00:00:01"},
        {"name": "bond0.7", "kind": "vlan", "parent": "bond0", "mtu": 9000, "master": "cloudbr2"},
        {"name": "bond0", "kind": "bond", "mtu": 9000},
        {"name": "eth2", **leg, "lldp": {"system": "leaf2"}},
        {"name": "eth3", **leg, "mtu": 1500, "lldp": {"system": "leaf1"}},
    ]
    edit = {"facts.interfaces": links, "facts.bridges[cloudbr2].ports": ["bond0.7"]}
    found = attached(edit)["cloudbr2"]
    assert (found.place, found.nic, found.mac) == ("leaf1+leaf2", "bond0", "aa:00:00:00:00:01")
    assert smallest_layer(healthy().edit({"host1": edit}).profiles()[0], "cloudbr2") == 1500


@pytest.mark.parametrize(
    ("edit", "size"),
    [
        ({}, 9000),
        ({"host1": {"declared.bridges[cloudbr2].mtu": 1500}}, 9000),  # most say
        (
            {"host1": {"declared.bridges[cloudbr2].mtu": None}, "host2": {"declared.bridges[cloudbr2].mtu": None}},
            9000,
        ),  # a tie: the larger
        (
            {f"host{number}": {"declared.bridges[cloudbr2].mtu": None} for number in range(1, 5)},
            1500,
        ),  # network_bridge's default
        (
            {f"host{number}": {"declared.bridges[cloudbr2]": None} for number in range(1, 5)},
            9000,
        ),  # not declared at all: as it is
        ({"host1": {"facts.bridges[cloudbr2].mtu": 1500}}, 9000),  # MTU002's
    ],
)
def test_the_mtu_on_which_hosts_rely(edit, size):
    world = healthy().edit(edit)
    assert mtus(world.profiles(), world.intent())["cloudbr2"] == size
