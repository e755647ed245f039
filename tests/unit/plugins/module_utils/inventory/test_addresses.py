# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall gets each address once, by family, and no names."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.addresses import sort_addresses


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
