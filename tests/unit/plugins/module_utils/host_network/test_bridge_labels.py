# SPDX-License-Identifier: GPL-3.0-or-later
"""A label needs a bridge with a port that the agent takes for physical."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.bridge_labels import find_label_problems

BRIDGES = {
    "cloudbr0": {"ports": ["eth0", "vnet3"]},
    "cloudbr1": {"ports": ["bond0.100"]},
    "lonely": {"ports": []},
    "virtual": {"ports": ["vnet0", "ib0"]},
}


@pytest.mark.parametrize(
    ("labels", "declared", "expected"),
    [
        (["cloudbr0", "cloudbr1", "cloudbr1"], [], []),
        (["missing"], [], ["no bridge missing (bridges of this host: cloudbr0, cloudbr1, lonely, virtual)"]),
        (["missing"], ["missing"], []),
        (["lonely"], [], ["bridge lonely has no port, so its traffic leads nowhere"]),
        (["virtual"], [], ["bridge virtual has only ports that CloudStack does not take for physical: ib0, vnet0"]),
    ],
)
def test_find_label_problems(labels, declared, expected):
    assert find_label_problems(labels, BRIDGES, declared) == expected


@pytest.mark.parametrize(
    ("kind", "problems"),
    [("ether", 0), ("bond", 0), ("vlan", 0), ("openvswitch", 0), ("loopback", 1), ("tun", 1), ("bridge", 1)],
)
def test_a_label_may_be_an_interface(kind, problems):
    assert len(find_label_problems(["x"], BRIDGES, [], [{"name": "x", "kind": kind}])) == problems


def test_host_without_any_bridge():
    assert find_label_problems(["cloudbr0"], {}) == ["no bridge cloudbr0 (bridges of this host: none)"]


@pytest.mark.parametrize(
    "port", ["eth0", "bond1", "ens3", "enp1s0f0np0", "eno1", "p1p2", "enx001122334455", "team0", "em1", "vlan7"]
)
def test_names_that_the_agent_takes_for_physical(port):
    assert find_label_problems(["b"], {"b": {"ports": [port]}}) == []


@pytest.mark.parametrize("port", ["enP2p1s0", "ib0", "lan0", "net0", "sfp0", "wlan0", "vnet0", "tap1"])
def test_names_that_it_does_not(port):
    assert len(find_label_problems(["b"], {"b": {"ports": [port]}})) == 1
