# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has an address, what was heard of him, and who is asked first."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse.netlink import (
    FAILED,
    INCOMPLETE,
    PERMANENT,
    REACHABLE,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peers import (
    begin_after,
    heard_by,
    neighbour_of,
)

STALE = 0x04


@pytest.mark.parametrize(
    ("asked", "answered", "state", "control", "expected"),
    [
        (True, ["b"], 0, False, ("silent", "b")),
        (True, ["b", "c"], REACHABLE, True, ("silent", "b")),
        (True, [], INCOMPLETE, False, ("no_neighbour", "")),
        (True, [], STALE, False, ("no_neighbour", "")),
        (True, [], REACHABLE, False, ("no_neighbour", "")),  # it died within the last half a minute
        (True, [], REACHABLE, True, ("silent", "a")),
        (False, [], REACHABLE, False, ("silent", "a")),
        (False, [], STALE, False, ("silent", "")),
        (False, [], STALE, True, ("silent", "a")),
        (False, [], FAILED, False, ("no_neighbour", "")),
        (False, [], 0, False, ("no_neighbour", "")),
        (True, [], PERMANENT, False, ("silent", "a")),
    ],
)
def test_neighbours(asked, answered, state, control, expected):
    assert neighbour_of(asked, answered, state, "a", control) == expected


def test_not_all_hosts_begin_with_the_same_peer():
    peers = ["h1", "h2", "h3", "h4"]
    assert [peers[place] for place in begin_after("h2", peers)] == ["h3", "h4", "h1", "h2"]
    assert [peers[place] for place in begin_after("h9", peers)] == peers
    assert begin_after("h1", ["h1", "h1"]) == [0, 1]


def test_what_was_heard():
    heard = {("192.0.2.2", 7): [3, 0, 2, 0], ("192.0.2.2", 8): [19, 1, 20, 1], ("192.0.2.1", 7): [0, 0x8000, 0, 1]}
    assert heard_by("net", heard) == [
        {"network": "net", "address": "192.0.2.2", "count": 19, "first": 1, "last": 20, "fragmented": True}
    ]
