# SPDX-License-Identifier: GPL-3.0-or-later
"""Stanzas of single interfaces are taken out of /etc/network/interfaces; all else stays."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ifupdown
from hypothesis import given
from hypothesis import strategies as st

BARE = """auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.88.0.11/24
    up ip route add 10.0.0.0/8 \\
        via 10.88.0.1
"""
OTHERS = """# written by the installer
auto eth0 eth3
allow-hotplug eth0
iface eth0 inet dhcp
iface eth0 inet6 auto
# the backup network
iface eth3 inet static
    address 192.0.2.3/24
source /etc/network/interfaces.d/*
"""


def test_the_stanza_goes_and_the_loopback_stays():
    assert ifupdown.without(BARE, ["eth0"]) == "auto lo\niface lo inet loopback\n\n"


def test_other_interfaces_and_comments_stay():
    left = ifupdown.without(OTHERS, ["eth0"])
    assert "eth0" not in left
    for line in (
        "# written by the installer",
        "auto eth3",
        "# the backup network",
        "iface eth3 inet static",
        "    address 192.0.2.3/24",
    ):
        assert line in left.splitlines()


@pytest.mark.parametrize(("text", "known"), [(BARE, {"lo", "eth0"}), (OTHERS, {"eth0", "eth3"}), ("", set())])
def test_configured_interfaces(text, known):
    assert ifupdown.configured(text) == known


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("source /etc/network/interfaces.d/*", ["/etc/network/interfaces.d/*"]),
        ("source-directory /etc/network/interfaces.d/", ["/etc/network/interfaces.d/*"]),
        ("source interfaces.d/*.cfg", ["/etc/network/interfaces.d/*.cfg"]),
        ("# source /etc/network/interfaces.d/*", []),
    ],
)
def test_which_files_are_read(line, read):
    assert ifupdown.sources(line + "\n", "/etc/network/interfaces") == read


def test_all_that_is_read_as_one_text():
    files = {
        "/a/main": "auto lo\nsource d/*\nsource-directory e\n",
        "/a/d/one": "iface one inet manual",
        "/a/d/.hidden": "iface hidden inet manual\n",
        "/a/d/deep/two": "iface two inet manual\n",
        "/a/e/three": "iface three inet manual\nsource /a/main\n",  # ifupdown refuses circles; here they end
        "/a/e/four.dpkg-old": "iface four inet manual\n",
    }
    assert ifupdown.expand(files, "/a/main") == "auto lo\niface one inet manual\niface three inet manual\n"


def test_a_stanza_has_its_options():
    stanza = ifupdown.stanzas(BARE)[1]
    assert (stanza.name, stanza.head, stanza.family, stanza.method) == (
        "eth0",
        "iface eth0 inet static",
        "inet",
        "static",
    )
    assert stanza.options == (("address", "10.88.0.11/24"), ("up", "ip route add 10.0.0.0/8 via 10.88.0.1"))
    assert (stanza.value("address"), stanza.value("mtu")) == ("10.88.0.11/24", "")


def test_blank_lines_elsewhere_stay():
    assert (
        ifupdown.without("auto lo\n\n\n\n# two\n\n\n\nauto eth0\n\niface eth1 inet dhcp\n", ["eth0"])
        == "auto lo\n\n\n\n# two\n\n\n\niface eth1 inet dhcp\n"
    )


@given(st.text(), st.lists(st.text(min_size=1, max_size=8), max_size=3))
def test_any_text_is_survived_and_nothing_is_taken_out_twice(text, names):
    once = ifupdown.without(text, names)
    assert ifupdown.without(once, names) == once
