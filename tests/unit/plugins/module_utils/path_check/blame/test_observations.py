# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes of several rounds become one, and so does what was heard."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import collect
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    NOT_ASKED,
    SILENT,
    TOO_LARGE,
    Attachment,
    Heard,
    Outcome,
    Probe,
)

AT = [Attachment("a", "Guest", "10.0.0.1", mac="02::1"), Attachment("b", "Guest", "10.0.0.2", mac="02::2")]
PROBE = Probe("a", "Guest", "b", "10.0.0.2", 1550)
PASSED = Outcome(PROBE, True, True, 20, 1, path_mtu=1550, neighbour="02::2")
SMALL = Outcome(PROBE, True, False, 20, 0, path_mtu=1500, failure=TOO_LARGE, forward=True)
NOTHING = Outcome(PROBE, False, None, 8, 8, failure=SILENT)
LATER = Outcome(PROBE, False, None, failure=NOT_ASKED)


@pytest.mark.parametrize(
    ("outcomes", "merged"),
    [
        ([PASSED], PASSED),
        ([PASSED, PASSED], replace(PASSED, sent=40, lost=2)),
        ([replace(PASSED, lost=3, bursts=1), replace(PASSED, bursts=1)], replace(PASSED, sent=40, lost=4, bursts=2)),
        ([PASSED, SMALL], replace(SMALL, sent=40, lost=1, neighbours=("02::2",))),
        ([SMALL, PASSED], replace(SMALL, sent=40, lost=1, neighbours=("02::2",))),
        ([NOTHING, SMALL], replace(NOTHING, sent=28, lost=8)),
        ([replace(SMALL, forward=None), SMALL], replace(SMALL, sent=40)),
        ([SMALL, replace(SMALL, forward=None)], replace(SMALL, sent=40)),
        ([PASSED, LATER], PASSED),
        ([LATER, PASSED], PASSED),
    ],
)
def test_the_worse_answer_counts_with_the_losses_of_all(outcomes, merged):
    assert collect(AT, outcomes, (), ()).flows == {("a", "b", "Guest"): [merged]}


def test_what_was_not_asked_or_is_unknown_says_nothing():
    strange = replace(PASSED, probe=replace(PROBE, peer="z"))
    assert collect(AT, [LATER, strange], (), ()).flows == {}


def test_who_answered_or_is_said_to_have_run():
    assert collect(AT, [PASSED], (), ["c"]).ran == {"a", "c"}


def test_a_second_run_goes_on_counting():
    heard = [Heard("b", "Guest", "a", 18, 0, 19), Heard("b", "Guest", "a", 10, 5, 14)]
    (merged,) = collect(AT, (), heard, ()).heard_by.values()
    assert (merged.count, merged.last - merged.first + 1) == (28, 30)


def test_answers_of_a_device_with_another_ones_address_are_left_out():
    back = replace(PASSED, probe=Probe("b", "Guest", "a", "10.0.0.1", 1550), neighbour="02::9")
    assert collect(AT, [PASSED, back], (), ()).of_owners().flows == {("a", "b", "Guest"): [PASSED]}
