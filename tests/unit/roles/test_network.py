# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles declare for Open vSwitch, and for VXLAN over EVPN. No host is touched (see conftest.py)."""

from __future__ import annotations

import pytest

from tests.unit.plugins.captured import text
from tests.unit.roles.distributions import facts

OVS = {"name": "cloudbr0", "type": "openvswitch", "port": "eth0"}
EVPN = {
    "asn": 65011,
    "address": "203.0.113.11",
    "neighbors": [{"interface": "cloudbr1"}, {"address": "192.0.2.1", "asn": 65000}],
}
ROUTED = [
    {"name": "cloudbr0", "port": "eth0", "address": "192.0.2.11/24"},
    {"name": "cloudbr1", "port": "eth1", "mtu": 1550},
]
SCRIPT = "/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh"


@pytest.fixture(scope="module")
def runs(play_many):
    """One run of five hosts: with Open vSwitch, with EVPN, with an EVPN whose neighbours are elsewhere, with one that
    has no room for its header, and with neither."""
    captured = facts("debian12")
    bare = {**captured, "packages": {**captured["packages"], "openvswitch-switch": None}}
    common = {"cloudstack_agent_repository": "deb https://packages.example.org/ubuntu jammy 4.22"}
    common |= {"cloudstack_agent_version": "4.22.1.0", "cloudstack_agent_repository_key": "a public key\n"}
    common |= {"cloudstack_agent_management_keys": ["ecdsa-sha2-nistp256 AAAA management"]}
    agent = ["network_bridge", "cloudstack_agent"]
    small = {"network_bridge_config": [{"name": "cloudbr1", "port": "eth1"}], "network_bridge_evpn": EVPN}
    return play_many(
        {
            "switched": (["network_bridge"], bare, {"network_bridge_config": [OVS]}),
            "evpn": (agent, bare, {**common, "network_bridge_config": ROUTED, "network_bridge_evpn": EVPN}),
            "elsewhere": (["network_bridge"], bare, {"network_bridge_evpn": EVPN}),
            "small": (["network_bridge"], bare, small),
            "plain": (agent, bare, {**common, "network_bridge_config": [{"name": "cloudbr0", "port": "eth0"}]}),
        }
    )


def packages(run):
    """Names that a role had installed, of all hosts together."""
    return [name for call in run.calls if call["module"] == "package" for name in call["args"]["names"]]


def test_open_vswitch_is_installed_where_a_bridge_is_of_it(runs):
    assert packages(runs).count("openvswitch-switch") == 1


def test_evpn_is_frr_with_its_configuration_and_the_script(runs):
    assert packages(runs).count("frr") == 1
    files = runs.files()
    assert files["/etc/frr/frr.conf"]["content"] == text("frr/evpn.conf")
    assert files["/etc/frr/frr.conf"]["validate"] == "vtysh -C -f %s"
    assert files["/etc/frr/daemons"]["settings"] == {"bgpd": "yes"}
    assert "net.ipv6.conf.cloudbr1.accept_ra = 0\n" in files["/etc/sysctl.d/60-cloudstack-kvm-evpn.conf"]["content"]
    assert (files[SCRIPT]["state"], files[SCRIPT]["src"]) == ("link", "modifyvxlan-evpn.sh")
    started = [call["args"]["name"] for call in runs.calls if call["module"] == "daemon"]
    assert started.count("frr.service") == 1


def test_no_room_for_the_header_is_refused(runs):
    assert "MTU 1500 of cloudbr1" in runs.output
    assert "correct network_bridge_evpn, or mtu in network_bridge_config" in runs.output


def test_neighbours_that_are_not_next_to_the_host_are_refused_before_frr_is_installed(runs):
    assert "elsewhere: expected neighbors of network_bridge_evpn that are next to the host" in runs.output
    assert "neighbor 192.0.2.1: in no network of the host" in runs.output
