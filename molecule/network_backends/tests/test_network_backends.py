# SPDX-License-Identifier: GPL-3.0-or-later
"""After a power cut each back end has made what was declared; jumbo frames really pass."""

import json

import pytest

SERVICES = {"netplan": "systemd-networkd", "networkd": "systemd-networkd", "networkmanager": "NetworkManager"}


@pytest.mark.parametrize(
    ("bridge", "port", "mtu"), [("cloudbr0", "eth0", 1500), ("cloudbr1", "eth1", 1500), ("cloudbr2", "eth2", 9000)]
)
def test_bridge_has_its_port_and_mtu(host, bridge, port, mtu):
    links = {link["ifname"]: link for link in json.loads(host.check_output("ip -j link"))}
    assert links[port]["master"] == bridge
    assert links[bridge]["mtu"] == mtu
    assert links[port]["mtu"] == mtu


def test_the_address_is_on_the_bridge_alone(host):
    assert [each for each in host.interface("cloudbr0").addresses if "." in each]
    assert not [each for each in host.interface("eth0").addresses if "." in each]


def test_the_back_end_that_was_there_is_the_only_one(host):
    name = host.check_output("hostname").removeprefix("network-backends-")
    assert host.service(SERVICES[name]).is_running
    assert not host.service("networking").is_enabled
    assert not host.file("/etc/network/interfaces").exists


def test_jumbo_frames_reach_the_storage_server(host):
    assert host.run("ping -c 2 -W 2 -M do -s 8972 10.88.2.254").rc == 0
