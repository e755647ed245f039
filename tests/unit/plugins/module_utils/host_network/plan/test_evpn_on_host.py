# SPDX-License-Identifier: GPL-3.0-or-later
"""What VXLAN over EVPN meets on a host: neighbours that BGP cannot speak to, addresses before that of the tunnels, and
kernel settings. The facts are of a host that tests/integration/test_evpn_vm.py runs."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.evpn import frr_config
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.evpn_on_host import (
    evpn_files,
    evpn_on_host,
    evpn_settings,
)

CONFIG = [{"name": "cloudbr0", "port": "eth0", "address": "10.88.0.11/24"}, {"name": "cloudbr1", "port": "eth1"}]
LONG = {"bonds": [{"name": "bond0", "ports": ["eth0", "eth1"]}], "vlans": [{"parent": "bond0", "id": 100}]}
ACCEPT, DISABLED = "net.ipv6.conf.cloudbr1.accept_ra", "net.ipv6.conf.cloudbr1.disable_ipv6"
FACTS = {
    "interfaces": [
        {"name": "lo", "master": None, "addresses": ["127.0.0.1/8", "::1/128"]},
        {"name": "eth0", "master": "cloudbr0", "addresses": ["fe80::ff:fe00:0/64"]},
        {"name": "eth1", "master": "cloudbr1", "addresses": ["fe80::ff:fe00:1/64"]},
        {"name": "cloudbr0", "master": None, "addresses": ["10.88.0.11/24", "fe80::d841:56ff:febf:75f7/64"]},
        {"name": "cloudbr1", "master": None, "addresses": ["fe80::5098:53ff:fed2:bd20/64"]},
    ],
    "sysctl": {ACCEPT: "0", DISABLED: "0"},
}
HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge): no default route is taken from BGP neighbours.\n"
BARE = {  # before the bridges are made
    "interfaces": [FACTS["interfaces"][0], *({**each, "master": None} for each in FACTS["interfaces"][1:3])],
    "sysctl": {ACCEPT: None, DISABLED: None},
}


def declared(*neighbors, address="203.0.113.11"):
    return {"asn": 65011, "address": address, "neighbors": list(neighbors)}


BOTH = declared({"interface": "cloudbr1"}, {"address": "10.88.0.3", "asn": 65001})


def with_lo(*addresses):
    facts = copy.deepcopy(FACTS)
    facts["interfaces"][0]["addresses"] += addresses
    return facts


@pytest.mark.parametrize("facts", [FACTS, BARE, with_lo("203.0.113.11/32"), {}])
def test_nothing_is_in_the_way(facts):
    assert evpn_on_host(BOTH, CONFIG, facts) == {"conflicts": [], "unset": [], "replaced": None}


@pytest.mark.parametrize(
    ("neighbor", "facts", "says"),
    [
        ({"interface": "eth9"}, FACTS, "neighbor eth9: no such interface, and none is declared"),
        ({"interface": "eth1"}, FACTS, "neighbor eth1: a port of cloudbr1, so BGP speaks over cloudbr1"),
        ({"interface": "eth1"}, BARE, "neighbor eth1: a port of cloudbr1, so BGP speaks over cloudbr1"),
        ({"interface": "cloudbr1"}, {**FACTS, "sysctl": {DISABLED: "1"}}, "neighbor cloudbr1: without IPv6"),
        ({"address": "10.88.1.3"}, FACTS, "neighbor 10.88.1.3: in no network of the host"),
        ({"address": "10.88.1.3", "asn": "external"}, BARE, "neighbor 10.88.1.3: in no network of the host"),
    ],
)
def test_a_neighbour_that_bgp_cannot_speak_to(neighbor, facts, says):
    (found,) = evpn_on_host(declared(neighbor), CONFIG, facts)["conflicts"]
    assert found.startswith(says)


@pytest.mark.parametrize(
    ("neighbor", "config"),
    [
        ({"address": "10.88.0.3"}, CONFIG),  # declared, not there yet
        ({"address": "10.99.0.1", "asn": "internal"}, CONFIG),  # a route reflector behind routers
        ({"address": "10.99.0.1", "asn": 65011}, CONFIG),
        ({"interface": "bond0"}, LONG),
        ({"interface": "bond0.100"}, LONG),
        ({"interface": "eth1"}, []),
    ],
)
def test_a_neighbour_that_is_next_to_a_bare_host(neighbor, config):
    assert evpn_on_host(declared(neighbor), config, BARE)["conflicts"] == []


def test_tunnels_begin_at_the_first_address_of_lo():
    (found,) = evpn_on_host(BOTH, CONFIG, with_lo("192.0.2.7/32", "203.0.113.11/32"))["conflicts"]
    assert found == "lo has 192.0.2.7 already, and tunnels begin at its first address"
    assert evpn_on_host(BOTH, CONFIG, with_lo("203.0.113.11/32", "192.0.2.7/32"))["conflicts"] == []


def test_an_address_that_is_no_longer_declared():
    """FRR leaves it on lo, before the new one."""
    before = frr_config(declared({"interface": "cloudbr1"}, address="203.0.113.21"))
    facts = with_lo("203.0.113.21/32", "203.0.113.11/32")
    assert evpn_on_host(BOTH, CONFIG, facts, before) == {"conflicts": [], "unset": [], "replaced": "203.0.113.21"}
    for known, text in ((FACTS, before), (with_lo("203.0.113.11/32"), frr_config(BOTH))):
        assert evpn_on_host(BOTH, CONFIG, known, text)["replaced"] is None
    of_somebody = evpn_on_host(BOTH, CONFIG, facts, "interface lo\n ip address 203.0.113.21/32\n")
    assert (of_somebody["replaced"], len(of_somebody["conflicts"])) == (None, 1)


def test_kernel_settings_of_the_interfaces_to_neighbours():
    assert evpn_settings(BOTH) == {ACCEPT: "0"}
    assert evpn_settings(declared({"interface": "bond0.100"})) == {"net.ipv6.conf.bond0/100.accept_ra": "0"}
    assert evpn_on_host(BOTH, CONFIG, {**FACTS, "sysctl": {ACCEPT: "1"}})["unset"] == [ACCEPT]


def test_who_reads_router_advertisements_is_told_not_to():
    kernel = {"path": "/etc/sysctl.d/60-cloudstack-kvm-evpn.conf", "content": f"{HEAD}{ACCEPT} = 0\n"}
    for backend in ("ifupdown", "networkd", "networkmanager"):
        assert evpn_files(BOTH, backend) == [kernel]
    folder = "/etc/systemd/network/10-netplan-cloudbr1.network.d"
    assert evpn_files(BOTH, "netplan") == [
        kernel,
        {"path": folder, "state": "directory"},
        {"path": f"{folder}/cloudstack-kvm-evpn.conf", "content": f"{HEAD}[Network]\nIPv6AcceptRA=no\n"},
    ]
    assert evpn_files(declared({"address": "10.88.0.3"}), "netplan") == []


@pytest.mark.parametrize("value", [{}, None, "yes", {"asn": 65011}, {**BOTH, "neighbors": ["cloudbr1"]}])
def test_what_is_refused_by_itself_says_nothing_here(value):
    assert evpn_settings(value) == {}
    assert evpn_files(value, "netplan") == []
    assert evpn_on_host(value, CONFIG, FACTS) == {"conflicts": [], "unset": [], "replaced": None}
