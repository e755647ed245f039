# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in the words of an operator."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    MTU,
    Attachment,
    Element,
    Fault,
    Outcome,
    Probe,
)

AT = {
    (host, "stor"): Attachment(host, "stor", "10.0.1.1", place, "bond0")
    for host, place in (("h1", "r1"), ("h2", "r1"), ("h3", "r2"), ("h4", "r3"))
}
AT["h9", "mgmt"] = Attachment("h9", "mgmt", "10.0.0.9")


@pytest.mark.parametrize(
    ("element", "name", "hosts"),
    [
        (Element("port", host="h1", network="stor"), "h1 on stor (bond0 and its switch port)", "h1"),
        (Element("port", host="h9", network="mgmt"), "h9 on mgmt", "h9"),
        (Element("nic", host="h1", nic="bond0"), "bond0 of h1 and its switch port", "h1"),
        (Element("host", host="h1"), "h1 on all its networks", "h1"),
        (Element("place", place="r1", network="stor"), "the switch of r1 on stor", "h1 h2"),
        (Element("uplink", place="r1", network="stor"), "the uplink of r1 on stor", "h1 h2"),
        (Element("link", place="r1", other="r2", network="stor"), "the way between r1 and r2 on stor", "h1 h2 h3"),
        (Element("core", network="stor"), "the way between the racks on stor", "h1 h2 h3 h4"),
        (Element("fabric"), "the network between the hosts", "h1 h2 h3 h4 h9"),
        (
            Element("place", place="the side of h1", network="stor"),
            "the switch of the side of h1 on stor",
            "h1 h2 h3 h4",
        ),  # an island
        (Element("pair", host="h1", other="h3", network="stor"), "the way between h1 and h3 on stor", "h1 h3"),
    ],
)
def test_an_element(element, name, hosts):
    fault = Fault((MTU,), (element,), evidence=(Probe("h2", "stor", "h1", "10.0.1.1", 9000),))
    assert wording.element_name(element, AT) == name
    assert wording.hosts_of(fault, AT) == tuple(hosts.split())


@pytest.mark.parametrize(
    ("probe", "options", "command"),
    [
        (
            Probe("h1", "cloudbr2", "h2", "10.0.1.2", 9000),
            {"sized": True},
            "ping -M do -s 8972 -c 3 -I cloudbr2 10.0.1.2  # on h1",
        ),
        (
            Probe("h1", "cloudbr2", "h2", "2001:db8::2", 9000),
            {"sized": True},
            "ping -6 -M do -s 8952 -c 3 -I cloudbr2 2001:db8::2  # on h1",
        ),
        (Probe("h1", "cloudbr2", "h2", "10.0.1.2", 9000), {}, "ping -c 3 -I cloudbr2 10.0.1.2  # on h1"),
        (
            Probe("h1", "cloudbr2", "h2", "10.0.1.2", 9000),
            {"many": True},
            "ping -i 0.05 -c 200 -I cloudbr2 10.0.1.2  # on h1",
        ),
    ],
)
def test_the_command_that_shows_it(probe, options, command):
    assert wording.reproduce(probe, **options) == command


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"control": True, "passed": True}, "passed"),
        ({"control": True, "passed": False, "path_mtu": 1500}, "1500 bytes pass"),
        (
            {"control": True, "passed": False, "path_mtu": 1500, "text": "eth2 has MTU 1500"},
            "1500 bytes pass, eth2 has MTU 1500",
        ),
        ({"control": True, "passed": False}, "small packets pass only"),
        ({"control": True, "passed": True, "sent": 20, "lost": 3}, "3 of 20 lost"),
        ({"control": True, "passed": True, "sent": 20, "lost": 3, "bursts": 2}, "3 of 20 lost"),
        ({"control": True, "passed": True, "sent": 20, "lost": 3, "bursts": 1}, "3 of 20 lost in a row"),
        ({"control": True, "passed": True, "sent": 20, "lost": 1, "bursts": 1}, "1 of 20 lost"),
        ({"control": False, "failure": "no_neighbour"}, "no echo is answered (no neighbour)"),
        ({"control": False, "failure": "silent", "tcp": True}, "no echo is answered (silent, TCP is)"),
        ({"control": True, "passed": True, "neighbour": "aa", "neighbours": ("aa", "bb")}, "answered by aa and bb"),
    ],
)
def test_an_outcome(parts, text):
    assert wording.describe_outcome(Outcome(Probe("h1", "stor", "h2", "10.0.1.2", 9000), **parts)) == text
