# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall gets each address once, by family, and no names."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.addresses import networks_of, sort_addresses


@pytest.mark.parametrize(
    ("texts", "ipv4", "ipv6", "unusable"),
    [
        ([], [], [], []),
        (["10.0.0.9", "10.0.0.7", "10.0.0.9"], ["10.0.0.7", "10.0.0.9"], [], []),
        (["10.0.0.7/24"], ["10.0.0.0/24"], [], []),
        (["10.0.0.0/24", "10.0.0.7"], ["10.0.0.0/24"], [], []),
        (["10.0.0.0/25", "10.0.0.128/25"], ["10.0.0.0/24"], [], []),
        (["2001:db8::1", "10.0.0.1", "2001:DB8::1/64"], ["10.0.0.1"], ["2001:db8::/64"], []),
        (
            [" 10.0.0.1 ", "host1.example.org", "10.0.0.256", ""],
            ["10.0.0.1"],
            [],
            ["", "10.0.0.256", "host1.example.org"],
        ),
        (["0.0.0.0/0", "10.0.0.1"], ["0.0.0.0/0"], [], []),
    ],
)
def test_sort_addresses(texts, ipv4, ipv6, unusable):
    assert sort_addresses(texts) == {"ipv4": ipv4, "ipv6": ipv6, "unusable": unusable}


LINKS = [
    {"addresses": []},
    {"addresses": ["192.0.2.11/24", "2001:db8::11/64", "fe80::1/64"]},
    {"addresses": ["198.51.100.11/24"]},
]


@pytest.mark.parametrize(
    ("addresses", "networks"),
    [
        (["192.0.2.11", "198.51.100.11"], ["192.0.2.11/24", "2001:db8::11/64"]),
        (["2001:db8::11"], ["192.0.2.11/24", "2001:db8::11/64"]),
        (["host1", "198.51.100.11"], ["198.51.100.11/24"]),  # known by name: where Ansible has reached it
        (["203.0.113.1", ""], []),
    ],
)
def test_networks_of_the_interface_with_the_management_address(addresses, networks):
    assert networks_of(LINKS, addresses) == networks
