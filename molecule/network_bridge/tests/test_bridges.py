# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges carry their ports, addresses and MTU; jumbo frames really pass."""

import json

import pytest


@pytest.mark.parametrize(
    ("bridge", "port", "mtu"), [("cloudbr0", "eth0", 1500), ("cloudbr1", "eth1", 1500), ("cloudbr2", "eth2", 9000)]
)
def test_bridge_has_its_port_and_mtu(host, bridge, port, mtu):
    links = {link["ifname"]: link for link in json.loads(host.check_output("ip -j link"))}
    assert links[port]["master"] == bridge
    assert links[bridge]["mtu"] == mtu
    assert links[port]["mtu"] == mtu


def test_the_address_has_moved(host):
    assert [address for address in host.interface("cloudbr0").addresses if "." in address]
    assert not [address for address in host.interface("eth0").addresses if "." in address]


def test_jumbo_frames_reach_the_storage_server(host):
    assert host.run("ping -c 2 -W 2 -M do -s 8972 10.88.2.254").rc == 0
