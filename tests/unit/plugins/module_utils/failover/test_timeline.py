# SPDX-License-Identifier: GPL-3.0-or-later
"""When there is nothing more to wait for: the recorded failover look by look, and rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timeline import (
    LONGEST,
    add,
    add_gap,
    ended,
    first,
    is_restarted,
    settled,
)

from tests.drills import SETTINGS, drill, recorded, row

EVENTS = ("suspect", "judged dead", "fenced", "guest back")


def test_the_recorded_failover_ends_when_its_guest_runs_again():
    looks = recorded()
    for count in range(1, len(looks)):
        assert not ended(drill(looks=looks[:count], settings=SETTINGS), looks[count - 1].at), looks[count - 1]
    whole = drill(looks=looks, settings=SETTINGS)
    assert ended(whole, looks[-1].at)
    assert [first(whole, event) for event in EVENTS] == [10.5, 174.3, 333.5, 446.2]


def test_without_a_canary_it_ends_when_the_host_is_fenced():
    looks = [replace(each, guest_state="", guest_host="") for each in recorded()]
    watched = [ended(drill(looks=looks[:count], settings=SETTINGS, canary=None), 1) for count in range(1, len(looks))]
    assert watched.index(True) == [each.ha_state for each in looks].index("Fenced")


def test_what_shows_nothing_new_is_not_kept():
    same = [row(1.0, "Up", "Available"), row(3.0, "Up", "Available"), row(5.0, "Up", "Suspect")]
    assert [each.at for each in drill(looks=same).seen] == [1.0, 5.0]
    found = drill(looks=same)
    assert add(found, row(9.0, "Up", "Suspect")) is found


BACK = [row(1, "Up", "Available"), row(12, "Up", "Suspect"), row(60, "Up", "Recovering"), row(61, "Down", "Recovered")]


@pytest.mark.parametrize(
    ("looks", "is_settled", "restarted"),
    [
        ([], False, False),
        (BACK, False, False),
        # "Available" at the end of the recovery wait, of a host that is still Down (recorded).
        ([*BACK, row(150, "Down", "Available")], False, False),
        ([*BACK, row(150, "Up", "Available")], True, False),
        ([*BACK, row(150, "Up", "Available", "Stopped", "")], True, False),
        ([*BACK, row(100, "Up", "Available", "Stopped", ""), row(150, "Up", "Available")], True, True),
        ([*BACK, row(150, "Up", "Available", "Running", "h1")], True, True),
        ([row(1, "Up", "Available"), row(12, "Up", "Suspect"), row(30, "Up", "Available")], False, False),
        ([*BACK, row(150, "Down/Maintenance", "Fenced", power="Off")], True, False),
    ],
)
def test_when_cloudstack_is_done(looks, is_settled, restarted):
    found = drill(looks=looks)
    assert (settled(found.seen), bool(found.seen) and is_restarted(found)) == (is_settled, restarted)
    assert ended(found, 200.0) is (is_settled and restarted)


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        (["00:10", "00:10", "00:10", "01:40"], True),  # down and up again between two looks
        (["00:10", "00:30", "00:30", "00:30"], False),  # its agent told that it runs, before the reset
        (["00:10", "00:10", "00:10", "00:10"], False),
        (["", "", "", ""], False),
    ],
)
def test_a_start_between_two_looks_is_seen_by_the_time_of_the_last_change(changes, restarted):
    looks = [
        row(1, "Up", "Available"),
        row(12, "Up", "Suspect"),
        row(60, "Up", "Recovering"),
        row(99, "Up", "Available"),
    ]
    found = drill(looks=[replace(look, guest_updated=at) for look, at in zip(looks, changes, strict=True)])
    assert is_restarted(found) is restarted
    assert ended(found, 100.0) is restarted


def test_a_host_that_stays_is_watched_to_the_end():
    looks = [row(1, "Up", "Suspect"), row(30, "Up", "Degraded")]
    found = drill("agent_kill", looks)
    assert not ended(found, found.expectation.ends_by - 1)
    assert ended(found, found.expectation.ends_by)


def test_time_in_which_nobody_watched_is_kept():
    found = drill()
    assert add_gap(found, 10.0, 10.0 + LONGEST) is found
    assert add_gap(found, 10.0, 100.0).gaps == ((10.0, 100.0),)
