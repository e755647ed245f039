# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a declared network is refused before anything is touched."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bridge,
    Link,
    Network,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.rules import check


def link(name, kind, mtu=1500, *, up=True, master=None, addresses=(), **more):
    return Link(name, kind, mtu, up, master, tuple(Address(each) for each in addresses), **more)


BARE = {
    "lo": link("lo", "loopback", 65536, addresses=("127.0.0.1/8",)),
    "eth0": link("eth0", "ether", addresses=("10.88.0.11/24",)),
    "eth1": link("eth1", "ether", up=False),
}
MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)


def bridges(*given: Bridge) -> Network:
    return Network(bridges=given)


@pytest.mark.parametrize(
    ("bridge", "says"),
    [
        (Bridge("cloudbr0", "eth7"), "eth7 of cloudbr0 does not exist"),
        (Bridge("cloudbr0", "lan0"), "would not count as physical"),
        (Bridge("cloudbr0", "enp129s0f1"), "too long for VLAN"),
        (Bridge("a-name-that-is-too-long", "eth0"), "bridge name is not usable"),
        (Bridge("cloudbr0", "eth0", 100), "MTU of cloudbr0"),
        (Bridge("cloudbr0", "eth0", 1500, "10.88.0.11"), "do not fit"),
        (Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "192.0.2.1"), "do not fit"),
        (Bridge("cloudbr0", "eth0", 1500, None, "10.88.0.1"), "no static address"),
        (
            Bridge("cloudbr1", "eth1", 1500, "10.88.0.11/24"),
            "address of cloudbr1 stands on eth0, which is not its port",
        ),
        (Bridge("eth1", "eth0"), "exists and is not a bridge"),
    ],
)
def test_what_cannot_work_is_refused(bridge, says):
    with pytest.raises(InputError, match=says):
        check(bridges(bridge), BARE)


def test_one_bridge_has_the_gateway():
    check(bridges(MANAGEMENT, Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24")), BARE)
    with pytest.raises(InputError, match="more than one bridge has a gateway"):
        check(bridges(MANAGEMENT, Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24", "10.88.1.1")), BARE)


def test_two_bridges_with_one_port_are_refused():
    with pytest.raises(InputError, match="declared twice"):
        check(bridges(Bridge("cloudbr0", "eth0"), Bridge("cloudbr1", "eth0")), BARE)


def test_a_port_of_another_bridge_is_refused():
    with pytest.raises(InputError, match="belongs to br9 already"):
        check(bridges(GUEST), {**BARE, "eth1": link("eth1", "ether", master="br9")})


@pytest.mark.parametrize(
    ("address", "refused"),
    [("10.88.0.11/24", False), ("10.88.0.11/16", False), ("dhcp", False), ("10.88.0.99/24", True), (None, True)],
)
def test_a_lease_is_not_taken_away(address, refused):
    leased = {**BARE, "eth0": Link("eth0", "ether", 1500, True, None, (Address("10.88.0.11/24", dynamic=True),))}
    bridge = Bridge("cloudbr0", "eth0", 1500, address)
    if not refused:
        check(bridges(bridge), leased)
        return
    with pytest.raises(
        InputError, match=r"from a DHCP server.*Observed: 10.88.0.11/24 on eth0.*Next: declare 10.88.0.11/24"
    ):
        check(bridges(bridge), leased)
