# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for the neighbour of a NIC: from `lldpctl -f json` of lldpd 1.0.16 (captured), and from `networkctl lldp`
of systemd 252 (captured)."""

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.lldp import (
    parse_lldpctl,
    parse_networkctl,
)

from tests.unit.plugins.captured import text

NETWORKCTL = "eth0 6e:dc:f1:5e:38:23 leaf1.lab.test ..b.r...... Ethernet1 Uplink to host1\n"
FIRST, SECOND = "Ethernet1 of leaf1.lab.test", "Ethernet2 of leaf1.lab.test"


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("none", {}),
        ("one", {"eth0": {FIRST}}),
        ("two", {"eth0": {FIRST}, "eth1": {SECOND}}),
    ],
)
def test_lldpd(name, heard):
    assert parse_lldpctl(text(f"lldpctl/{name}.json")) == heard


def test_what_lldpd_would_not_say():
    with pytest.raises(ParseError):
        parse_lldpctl("no json")


def test_networkd():
    leaf = "6e:dc:f1:5e:38:23 leaf1.lab.test ..b.r...... Ethernet1 Uplink to host1"
    assert parse_networkctl(NETWORKCTL) == {"eth0": {leaf}}
    assert parse_networkctl(NETWORKCTL + "eth0 aa sw2 ..b. 7\n") == {"eth0": {leaf, "aa sw2 ..b. 7"}}


def test_networkd_that_has_heard_nobody():
    assert parse_networkctl("\n") == {}
