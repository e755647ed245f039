# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict about drills: the recorded failover, what must fail it, and what it does not prove."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.canary import Record, boots, overlaps
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.verdict import verdict

from tests.drills import SETTINGS, drill, recorded, row

ONCE = {"boots": [{"id": "a"}], "overlaps": []}
TWICE = {"boots": [{"id": "a"}, {"id": "b"}], "overlaps": []}


def real(**more):
    return drill(looks=recorded(), settings=SETTINGS, **more)


def test_the_recorded_failover_passes():
    found = verdict(real(), TWICE, "boot2")
    assert found.problems == ()
    assert (found.passed, found.ending, found.unproven) == (True, "fenced", ())
    assert [(each.window.event, each.outcome) for each in found.timed] == [
        ("suspect", "in time"),
        ("judged dead", "in time"),
        ("fenced", "in time"),
        ("guest back", "in time"),
    ]


def test_two_writers_fail_every_drill_and_are_told_first():
    """Of the canary's own records: the boot a writes again after b began."""
    records = [Record(1, "a", 1, 5), Record(2, "b", 1, 6), Record(3, "a", 2, 7), Record(4, "b", 2, 8)]
    both = [{"earlier": each.earlier, "later": each.later} for each in overlaps(records)]
    journal = {"boots": [{"id": each.id} for each in boots(records)], "overlaps": both}
    late = replace(real(), problems=("Bring the host back: it took too long",))
    for each in (real(), late, drill("agent_kill", STAYED)):
        found = verdict(each, journal)
        assert not found.passed
        assert found.problems[0].startswith("TWO GUESTS WROTE TO ONE DISK: the boots a and b of the canary")


STAYED = [row(0, "Up", "Available"), row(70, "Up", "Suspect"), row(90, "Up", "Degraded"), row(150, "Up", "Suspect")]


def test_a_host_that_stays_as_expected_passes():
    found = verdict(drill("agent_kill", STAYED), ONCE, "boot1")
    assert (found.passed, found.ending, found.problems) == (True, "stayed", ())


CASES = {
    "not fenced": (real(), 20, "neither fenced nor back"),
    "guest never back": (real(), -3, "the guest ha-drill-host1 did not run again"),
    "no sign": (real(), 1, "no sign of the failure"),
    "never watched": (real(), 0, "no sign of the failure"),
}


@pytest.mark.parametrize(("whole", "count", "words"), CASES.values(), ids=CASES)
def test_a_failover_that_does_not_come_to_its_end(whole, count, words):
    found = verdict(replace(whole, seen=whole.seen[:count]), ONCE, "boot1")
    assert not found.passed
    assert any(words in each for each in found.problems), found.problems


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([row(200, "Up", "Recovering")], "took a host for dead whose guests were running"),
        ([row(200, "Down/Maintenance", "Fenced")], "took a host for dead whose guests were running"),
        ([row(200, "Up", "Degraded", "Stopped", "")], "the guest did not stay: Stopped on no host"),
        ([row(200, "Up", "Degraded", "Running", "h1")], "the guest did not stay: Running on h1"),
    ],
)
def test_a_host_that_was_to_stay(more, words):
    found = verdict(drill("agent_kill", [*STAYED, *more]), ONCE)
    assert not found.passed
    assert any(words in each for each in found.problems)


def test_a_host_that_was_to_stay_and_booted():
    assert "was started anew" in " ".join(verdict(drill("agent_kill", STAYED), ONCE, "boot2").problems)
    assert "was started anew" in " ".join(verdict(drill("agent_kill", STAYED), TWICE, "boot1").problems)
    assert "no sign of the failure" in " ".join(verdict(drill("agent_kill", STAYED[:1]), ONCE).problems)


def test_a_reset_that_cloudstack_does_not_show_counts():
    """Recorded: a host without its storage reset itself, and was Up all the time."""
    looks = [row(0, "Up", "Available"), row(500, "Up", "Available", power="Unknown")]
    assert verdict(drill("storage_cut", looks), TWICE, "boot2").passed
    assert not verdict(drill("storage_cut", looks), ONCE, "boot1").passed


def test_later_than_the_worst_time_by_a_fifth_is_a_problem():
    late = [replace(each, at=each.at * 8) for each in recorded()]
    found = verdict(drill(looks=late, settings=SETTINGS), TWICE, "boot2")
    assert [each.outcome for each in found.timed][-1] == "late"
    assert any("guest back: after 3570 s, computed were at most" in each for each in found.problems)


@pytest.mark.parametrize(
    ("gap", "outcome"), [((0.0, 400.0), "not dated"), ((100.0, 400.0), "late"), ((10.0, 300.0), "late")]
)
def test_what_came_while_nobody_watched_is_late_only_if_the_gap_began_late(gap, outcome):
    """Suspect is computed for 75 s at the latest, and late from 95 s on."""
    looks = [row(0, "Up", "Available"), row(400, "Up", "Suspect")]
    found = verdict(drill("agent_kill", looks, gaps=(gap,)), ONCE)
    assert [each.outcome for each in found.timed] == [outcome]
    assert found.passed is (outcome == "not dated")


def test_a_host_that_is_not_back_has_not_passed():
    found = verdict(real(stage="watched"), TWICE)
    assert "the host is not back" in found.problems[-1]
    why = verdict(real(stage="watched", problems=("Bring the host back: no power",)), TWICE)
    assert why.problems == ("Bring the host back: no power",), "one cause, one message"


def test_nothing_that_was_done_is_nothing_to_judge():
    found = verdict(drill(failed_at=0.0, stage="begun", problems=("Start the canary: no template",)))
    assert (found.ending, found.problems) == ("nothing was done to the host", ("Start the canary: no template",))
    assert found.unproven == ()


@pytest.mark.parametrize(
    ("whole", "journal", "words"),
    [
        (real(canary=None), None, "there was no canary"),
        (real(), None, "the journal of the canary was not read"),
        (real(gaps=((20.0, 300.0),)), TWICE, "nobody watched from 20 to 300 s"),
    ],
)
def test_what_is_not_proven(whole, journal, words):
    found = verdict(whole, journal, "boot2")
    assert any(words in each for each in found.unproven), found.unproven


def test_a_host_that_came_back_has_not_shown_its_fencing():
    looks = [*recorded()[:19], row(300, "Up", "Available", "Stopped", ""), row(330, "Up", "Available", "Running", "h1")]
    found = verdict(drill(looks=looks, settings=SETTINGS), TWICE, "boot2")
    assert (found.passed, found.ending) == (True, "reset, and back by itself")
    assert any("powering it off (Fenced) was not shown" in each for each in found.unproven)
