# SPDX-License-Identifier: GPL-3.0-or-later
"""Which elements a pair of hosts crosses, and how many pairs cross an element."""

from __future__ import annotations

from itertools import combinations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import (
    Tally,
    Topology,
    with_islands,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment


def _at(host: str, network: str = "Guest", place: str = "", nic: str = "") -> Attachment:
    return Attachment(host, network, f"{host} {network}", place, nic)


RACKS = [_at("a", place="r0"), _at("b", place="r0"), _at("c", place="r1"), _at("d", place="r2")]
CARDS = [
    _at(host, network, "r0", nic)
    for host in "ab"
    for network, nic in (("Guest", "bond0"), ("Storage", "bond0"), ("Public", "eth0"))
]


@pytest.mark.parametrize(
    ("attachments", "flow", "words"),
    [
        ([_at("a"), _at("b")], ("a", "b", "Guest"), {"a on Guest", "b on Guest", "the fabric on Guest"}),
        (RACKS, ("a", "b", "Guest"), {"a on Guest", "b on Guest", "r0 on Guest", "the fabric on Guest"}),
        (
            RACKS,
            ("a", "c", "Guest"),
            {
                "a on Guest",
                "c on Guest",
                "r0 on Guest",
                "the uplink of r0 on Guest",
                "r1 on Guest",
                "the uplink of r1 on Guest",
            }
            | {"the way between r0 and r1 on Guest", "the way between the places on Guest", "the fabric on Guest"},
        ),
        (
            CARDS,
            ("a", "b", "Guest"),
            {
                "a on Guest",
                "bond0 of a",
                "a",
                "b on Guest",
                "bond0 of b",
                "b",
                "r0 on Guest",
                "the fabric on Guest",
                "r0",
                "the fabric",
            },
        ),
        # a card with one network on it is the same as the host on that network
        (
            CARDS,
            ("a", "b", "Public"),
            {"a on Public", "a", "b on Public", "b", "r0 on Public", "the fabric on Public", "r0", "the fabric"},
        ),
    ],
)
def test_what_a_pair_crosses(attachments, flow, words):
    found = Topology(attachments).elements(flow)
    assert {str(element) for element in found} == words
    assert len(found) == len(words)


@pytest.mark.parametrize("attachments", [RACKS, CARDS, RACKS[:2] + [_at("x"), _at("y")]])
def test_a_tally_counts_the_pairs_that_cross_an_element(attachments):
    topology = Topology(attachments)
    networks = {
        each.network: [other.host for other in attachments if other.network == each.network] for each in attachments
    }
    flows = [(*sorted(pair), network) for network, hosts in networks.items() for pair in combinations(hosts, 2)]
    tally = Tally(topology, dict.fromkeys(flows, 1))
    for element in {element for flow in flows for element in topology.elements(flow)}:
        assert tally[element] == sum(element in topology.elements(flow) for flow in flows), element


@pytest.mark.parametrize(
    ("attachments", "good", "places"),
    [
        # two sides of two hosts, nothing between them
        (
            [_at(host) for host in "abcd"],
            [("a", "b", "Guest"), ("c", "d", "Guest")],
            ["the side of a", "the side of a", "the side of c", "the side of c"],
        ),
        (
            [_at(host) for host in "abcd"],
            [("a", "b", "Guest"), ("b", "c", "Guest"), ("c", "d", "Guest")],
            ["", "", "", ""],
        ),
        # one host alone is not a side
        ([_at(host) for host in "abc"], [("a", "b", "Guest")], ["", "", ""]),
        # somebody told the places
        ([_at("a", place="r0"), *map(_at, "bcd")], [("a", "b", "Guest"), ("c", "d", "Guest")], ["r0", "", "", ""]),
    ],
)
def test_sides_that_do_not_reach_each_other_are_places(attachments, good, places):
    topology = with_islands(Topology(attachments), good)
    assert [topology.at[each.host, each.network].place for each in attachments] == places
