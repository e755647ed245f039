# SPDX-License-Identifier: GPL-3.0-or-later
"""Which `ip` commands make the network what it was. That they do so is shown on real links by
tests/integration/test_bridge_rollback.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Link,
    Route,
    RoutingRule,
    State,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.restore import (
    lost_commands,
    restore_commands,
)

LEASE = Address("10.88.0.11/24", ("broadcast", "10.88.0.255"), True, ("3600", "1800"))
SECOND = Address("10.88.0.77/24")
SIX = Address("2001:db8::11/64")
ETH0 = Link("eth0", "ether", 1500, True, None, (LEASE, SECOND), mac="02:00:00:00:00:01")
BRIDGE = Link(
    "cloudbr0",
    "bridge",
    9000,
    True,
    None,
    (SIX,),
    mac="02:00:00:00:00:02",
    options=(("stp_state", "0"), ("forward_delay", "0")),
)
TAP = Link("vnet0", "tun", 1500, True, "cloudbr0")
ROUTER = Route(4, ("eth0",), ("default", "via", "10.88.0.1", "dev", "eth0"), "10.88.0.1")
NEAR = Route(4, ("eth0",), ("10.88.0.1", "dev", "eth0", "scope", "link"))
FAR = Route(4, ("eth9",), ("192.0.2.0/24", "dev", "eth9"))


def state(*parts):
    return State(
        {each.name: each for each in parts if isinstance(each, Link)},
        tuple(each for each in parts if isinstance(each, Route)),
        tuple(each for each in parts if isinstance(each, RoutingRule)),
    )


BOND = Link(
    "bond0",
    "bond",
    9000,
    True,
    "cloudbr1",
    mac="02:00:00:00:00:01",
    options=(("mode", "802.3ad"), ("miimon", "100"), ("lacp_rate", "fast")),
)
ROUND_ROBIN = (("mode", "balance-rr"), ("miimon", "100"), ("packets_per_slave", "1"))
VLAN = Link("bond0.7", "vlan", 1500, True, None, (SECOND,), "bond0", options=(("protocol", "802.1Q"), ("id", "7")))
PORT = Link("eth1", "ether", 9000, True, "bond0", mac="02:00:00:00:00:01")
RULE = RoutingRule(100, 1000, "10.88.0.0/24")


def commands(before, now):
    return [" ".join(command) for command in restore_commands(before, now, ["cloudbr0", "eth0"])]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(
            state(replace(PORT, master=None, mtu=1500)),
            state(replace(BOND, master=None), VLAN, PORT),
            [
                "ip link delete bond0.7",
                "ip link delete bond0",
                "ip link set eth1 nomaster",
                "ip link set eth1 mtu 1500",
            ],
            id="a bond with a VLAN was made",
        ),
        pytest.param(
            state(BOND, VLAN, PORT),
            state(replace(PORT, master=None, mtu=1500)),
            [
                "ip link add name bond0 type bond mode 802.3ad miimon 100 lacp_rate fast",
                "ip link add link bond0 name bond0.7 type vlan protocol 802.1Q id 7",
                "ip link set bond0 master cloudbr1",
                "ip link set eth1 down",
                "ip link set eth1 master bond0",
                "ip link set bond0 mtu 9000",
                "ip link set bond0.7 mtu 1500",
                "ip link set eth1 mtu 9000",
                "ip link set bond0 up",
                "ip link set bond0.7 up",
                "ip address add 10.88.0.77/24 dev bond0.7",
            ],
            id="a bond has gone, and the VLAN that lay on it",
        ),
        pytest.param(
            state(replace(BOND, master=None), PORT),
            state(replace(BOND, master=None, options=(("mode", "active-backup"),)), PORT),
            ["ip link delete bond0"],
            id="a bond with ports takes no other mode, and is made anew in the next pass",
        ),
        pytest.param(
            state(replace(BOND, master=None, options=ROUND_ROBIN), PORT),
            state(replace(PORT, master=None)),
            [
                "ip link add name bond0 type bond mode balance-rr miimon 100 packets_per_slave 1",
                *("ip link set eth1 down", "ip link set eth1 master bond0"),
                *("ip link set bond0 mtu 9000", "ip link set bond0 up"),
            ],
            id="a bond of a mode that cannot be declared",
        ),
        pytest.param(
            state(replace(PORT, master="bond0"), replace(BOND, master=None)),
            state(replace(PORT, master="cloudbr0", up=False), replace(BOND, master=None)),
            ["ip link set eth1 down", "ip link set eth1 master bond0", "ip link set eth1 up"],
            id="a port of a bond has become that of a bridge",
        ),
        pytest.param(
            state(RULE),
            state(RoutingRule(200, 1001, to="2001:db8::/32")),
            [
                "ip -6 rule delete priority 1001 to 2001:db8::/32 table 200",
                "ip -4 rule add priority 1000 from 10.88.0.0/24 table 100",
            ],
            id="routing rules",
        ),
    ],
)
def test_bonds_and_vlans_are_made_again_or_removed(before, now, expected):
    found = [" ".join(command) for command in restore_commands(before, now, ["bond0", "bond0.7", "eth1"])]
    assert found == expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(state(ETH0, ROUTER), state(ETH0, ROUTER), [], id="nothing has changed"),
        pytest.param(
            state(ETH0),
            state(replace(ETH0, addresses=(replace(LEASE, lifetimes=("3599", "1799")), SECOND))),
            [],
            id="a lease counts down",
        ),
        pytest.param(
            state(ETH0),
            state(BRIDGE, replace(ETH0, up=False, addresses=(), master="cloudbr0", mtu=9000)),
            [
                "ip link delete cloudbr0",
                "ip link set eth0 nomaster",
                "ip link set eth0 mtu 1500",
                "ip link set eth0 up",
                "ip address add 10.88.0.11/24 broadcast 10.88.0.255 dev eth0 valid_lft 3600 preferred_lft 1800",
                "ip address add 10.88.0.77/24 dev eth0",
            ],
            id="a bridge has taken the port",
        ),
        pytest.param(
            state(BRIDGE, TAP),
            state(replace(TAP, master=None)),
            [
                "ip link add cloudbr0 type bridge",
                "ip link set cloudbr0 type bridge forward_delay 0",
                "ip link set vnet0 master cloudbr0",
                "ip link set cloudbr0 mtu 9000",
                "ip link set cloudbr0 up",
                "ip address add 2001:db8::11/64 dev cloudbr0 nodad",
            ],
            id="a bridge has gone, a guest hung on it",
        ),
        pytest.param(
            state(ETH0),
            state(replace(ETH0, addresses=(SECOND, LEASE))),
            [
                "ip address delete 10.88.0.11/24 dev eth0",
                "ip address delete 10.88.0.77/24 dev eth0",
                "ip address add 10.88.0.11/24 broadcast 10.88.0.255 dev eth0 valid_lft 3600 preferred_lft 1800",
                "ip address add 10.88.0.77/24 dev eth0",
            ],
            id="another address is the first one",
        ),
        pytest.param(
            state(ETH0, ROUTER, NEAR, FAR),
            state(ETH0, Route(4, ("eth0",), ("default", "via", "10.88.0.9", "dev", "eth0"), "10.88.0.9")),
            [
                "ip -4 route delete default via 10.88.0.9 dev eth0",
                "ip -4 route add 10.88.0.1 dev eth0 scope link",
                "ip -4 route add default via 10.88.0.1 dev eth0",
            ],
            id="routes, the near one first, and not those of another link",
        ),
        pytest.param(
            state(replace(BRIDGE, options=(("mcast_querier", "0"),))),
            state(replace(BRIDGE, options=(("mcast_querier", "1"),))),
            ["ip link set cloudbr0 type bridge mcast_querier 0"],
            id="a multicast querier",
        ),
        pytest.param(
            state(BRIDGE),
            state(replace(BRIDGE, mac="02:00:00:00:00:09")),
            ["ip link set cloudbr0 address 02:00:00:00:00:02"],
            id="the MAC of a bridge",
        ),
        pytest.param(
            state(
                Link(
                    "eth0",
                    "ether",
                    1500,
                    True,
                    None,
                    (Address("10.9.0.1/32", ("peer", "10.9.0.2/32", "scope", "global")),),
                )
            ),
            state(Link("eth0", "ether", 1500, True, None)),
            ["ip address add 10.9.0.1 peer 10.9.0.2/32 scope global dev eth0"],
            id="an address with a peer",
        ),
    ],
)
def test_what_differs_is_put_back(before, now, expected):
    assert commands(before, now) == expected


ETH9 = Link("eth9", "ether", 1500, True, None, (Address("192.0.2.9/24"), Address("192.0.2.99/24")))
BY_HAND = Route(4, ("eth9",), ("203.0.113.0/24", "via", "192.0.2.1", "dev", "eth9"), "192.0.2.1")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(
            state(ETH9, BY_HAND, FAR),
            state(replace(ETH9, addresses=ETH9.addresses[:1])),
            [
                "ip address add 192.0.2.99/24 dev eth9",
                "ip -4 route add 192.0.2.0/24 dev eth9",
                "ip -4 route add 203.0.113.0/24 via 192.0.2.1 dev eth9",
            ],
            id="what no file says",
        ),
        pytest.param(state(ETH9), state(), [], id="a link that is gone"),
        pytest.param(state(ETH9), state(replace(ETH9, addresses=(*ETH9.addresses, SIX)), FAR), [], id="gained"),
        pytest.param(
            state(replace(ETH0, name="eth9", addresses=(LEASE,)), Route(4, ("eth9",), ("default", "proto", "dhcp"))),
            state(replace(ETH0, name="eth9", addresses=())),
            [],
            id="a lease, which its client asks for",
        ),
        pytest.param(
            state(ETH9, replace(FAR, words=(*FAR.words, "metric", "100"))),
            state(ETH9, replace(FAR, words=(*FAR.words, "metric", "101"))),
            [],
            id="set again by its daemon with another metric",
        ),
        pytest.param(state(ETH0, ROUTER), state(replace(ETH0, addresses=())), [], id="of the change itself"),
    ],
)
def test_links_beside_the_change_get_back_what_they_lost(before, now, expected):
    assert [" ".join(command) for command in lost_commands(before, now, ["cloudbr0", "eth0"])] == expected
