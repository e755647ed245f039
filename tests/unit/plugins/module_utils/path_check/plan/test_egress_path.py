# SPDX-License-Identifier: GPL-3.0-or-later
"""From where a host asks, what its layers carry, and what its table of neighbours says."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import Address, Interface
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.egress_path import (
    find_egress_path,
    is_on_link,
    limit,
    too_small,
)
from hypothesis import given
from hypothesis import strategies as st

MAC = b"\x02\0\0\0\0\1"
LINKS = [
    Interface(1, "lo", 65536, True, bytes(6)),
    Interface(2, "eth0", 9000, True, MAC, master=4),
    Interface(3, "eth1", 1500, True, MAC, master=4),
    Interface(4, "bond0", 9000, True, MAC, kind="bond"),
    Interface(5, "bond0.100", 9000, True, MAC, kind="vlan", parent=4, master=6),
    Interface(6, "cloudbr0", 9000, True, MAC, kind="bridge"),
    Interface(7, "vnet0", 1500, True, MAC, kind="tun", master=6),
    Interface(8, "cloudbr1", 1500, False, MAC, kind="bridge"),
    Interface(9, "v0", 1500, True, MAC, kind="veth", parent=2),
]


def _packed(text):
    return ip_address(text).packed


def _own(index, text, prefix):
    return Address(index, _packed(text), _packed(text), prefix)


ADDRESSES = [
    _own(6, "192.0.2.1", 24),
    _own(6, "198.51.100.1", 31),
    _own(6, "fe80::1", 64),
    _own(6, "2001:db8::1", 64),
    _own(8, "203.0.113.1", 24),
    Address(9, _packed("10.0.0.1"), _packed("10.0.0.2"), 32),
]


def _egress(device="", source="", peers=("192.0.2.2",), v6=False):
    return find_egress_path(
        "net", v6, device, _packed(source) if source else b"", LINKS, ADDRESSES, [_packed(peer) for peer in peers]
    )


@pytest.mark.parametrize(
    ("device", "source", "peers", "found"),
    [
        ("cloudbr0", "", ["192.0.2.2"], ("cloudbr0", "192.0.2.1")),
        ("cloudbr0", "", ["198.51.100.0"], ("cloudbr0", "198.51.100.1")),
        ("", "198.51.100.1", ["198.51.100.0"], ("cloudbr0", "198.51.100.1")),
        ("cloudbr0", "192.0.2.1", ["192.0.2.2"], ("cloudbr0", "192.0.2.1")),
        ("cloudbr0", "", ["2001:db8::2"], ("cloudbr0", "2001:db8::1")),
        ("cloudbr0", "", ["fe80::2"], ("cloudbr0", "fe80::1")),
        ("cloudbr0", "", ["2001:db9::2"], ("cloudbr0", "2001:db8::1")),
        ("v0", "", ["10.0.0.2"], ("v0", "10.0.0.1")),
    ],
)
def test_source_and_device(device, source, peers, found):
    egress = _egress(device, source, peers, v6=":" in peers[0])
    assert egress.failure == ""
    assert (egress.device, str(ip_address(egress.source))) == found


@pytest.mark.parametrize(
    ("device", "source", "v6", "failure", "part"),
    [
        ("cloudbr7", "", False, "no_address", "there is no device cloudbr7, only bond0, "),
        ("", "192.0.2.77", False, "no_address", "no device has the source address"),
        ("cloudbr0", "203.0.113.1", False, "no_address", "cloudbr0 does not have the source address, but cloudbr1"),
        ("cloudbr0", "192.0.2.77", False, "no_address", "cloudbr0 does not have the source address"),
        ("eth0", "", False, "no_address", "eth0 has no IPv4 address"),
        ("cloudbr1", "", True, "no_address", "cloudbr1 has no IPv6 address"),
        ("cloudbr1", "", False, "no_route", "cloudbr1 is down"),
    ],
)
def test_where_it_cannot_ask(device, source, v6, failure, part):
    egress = _egress(device, source, v6=v6)
    assert egress.failure == failure
    assert part in egress.text


def test_layers_down_to_the_cards_but_not_to_guests():
    egress = _egress("cloudbr0")
    assert dict(egress.layers) == {"cloudbr0": 9000, "bond0.100": 9000, "bond0": 9000, "eth0": 9000, "eth1": 1500}
    assert too_small(egress, 9000) == "eth1 has MTU 1500"
    assert too_small(egress, 1500) == ""


def test_the_limit_is_the_best_way_down():
    by_name = {link.name: link for link in LINKS}
    assert limit(by_name["cloudbr0"], LINKS) == 9000  # through eth0
    assert limit(by_name["v0"], LINKS) == 1500  # a veth's parent is its other end
    small = [Interface(1, "br", 9000, True, MAC, kind="bridge"), Interface(2, "eth0", 1500, True, MAC, master=1)]
    assert limit(small[0], small) == 1500
    loop = [Interface(1, "a", 1500, True, MAC, parent=2), Interface(2, "b", 1500, True, MAC, parent=1)]
    assert limit(loop[0], loop) == 1500


@pytest.mark.parametrize(
    ("address", "direct"),
    [
        ("192.0.2.99", True),
        ("192.0.3.1", False),
        ("198.51.100.0", True),
        ("198.51.100.2", False),
        ("203.0.113.2", False),
    ],
)
def test_who_is_on_the_wire(address, direct):
    assert is_on_link(_egress("cloudbr0"), _packed(address)) is direct


def test_point_to_point_reaches_the_far_end_alone():
    assert is_on_link(_egress("v0"), _packed("10.0.0.2"))
    assert not is_on_link(_egress("v0"), _packed("10.0.0.3"))


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_prefixes(own, other, prefix):
    from ipaddress import ip_network

    assert _own(1, str(own), prefix).reaches(other.packed) == (other in ip_network((own, prefix), strict=False))
