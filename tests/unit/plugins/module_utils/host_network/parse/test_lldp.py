# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for the neighbour of a NIC: from `lldpctl -f json` of lldpd 1.0.16 (captured), and from `networkctl lldp` in
the form of networkctl(1)."""

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.lldp import (
    parse_lldpctl,
    parse_networkctl,
)

from tests.unit.plugins.captured import text

NETWORKCTL = """\
enp0s25          00:e0:4c:00:00:00 GS1900           ..b........ 2                 Port #2
enp1s0           6e:dc:f1:5e:38:23 leaf1.lab.test   ....r...... Ethernet1         n/a
"""


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("none", {}),
        ("one", {"eth0": "Ethernet1 of leaf1.lab.test"}),
        ("two", {"eth0": "Ethernet1 of leaf1.lab.test", "eth1": "Ethernet2 of leaf1.lab.test"}),
    ],
)
def test_lldpd(name, heard):
    assert parse_lldpctl(text(f"lldpctl/{name}.json")) == heard


def test_what_lldpd_would_not_say():
    with pytest.raises(ParseError):
        parse_lldpctl("no json")


def test_networkd():
    heard = parse_networkctl(NETWORKCTL)
    assert heard["enp0s25"] == "00:e0:4c:00:00:00 GS1900 ..b........ 2 Port #2"
    assert sorted(heard) == ["enp0s25", "enp1s0"]


def test_networkd_that_has_heard_nobody():
    assert parse_networkctl("\n") == {}
