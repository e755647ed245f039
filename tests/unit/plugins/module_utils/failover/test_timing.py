# SPDX-License-Identifier: GPL-3.0-or-later
"""The computed time to failover against real ones, and against what the defaults must give by the same formulas."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import PROFILES, full
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import CASES
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import (
    PASS,
    all_cases,
    attempts_window,
    failover,
    failures_needed,
    passes,
    retry_step,
    self_reset,
)

# Of a real 4.22.1.0 (recorded/kvm-host-ha.json): a host that hangs with one guest.
RECORDED = {
    "kvm.ha.activity.check.interval": 15,
    "kvm.ha.activity.check.max.attempts": 4,
    "kvm.ha.degraded.max.period": 60,
    "kvm.ha.recover.wait.period": 90,
}
TIMELINE = [
    ("detection", "Suspect", 10.5),
    ("activity checks", "Degraded", 61.7),
    ("degraded", "Suspect", 122.0),
    ("activity checks", "Recovering", 174.3),
    ("recovery", "Recovered", 175.4),
    ("recovery wait", "Suspect", 276.3),
    ("activity checks", "Recovering", 328.2),
    ("fencing", "Fenced", 333.5),
    ("restart of guests", "Fenced", 446.2),
]


def test_the_recorded_failover_is_computed_stage_by_stage():
    timing = failover(RECORDED)
    assert [(stage.name, stage.state) for stage in timing.stages] == [row[:2] for row in TIMELINE]
    for index, (_name, _state, at) in enumerate(TIMELINE):
        assert timing.ends_at(index) == pytest.approx(at, rel=0.2), timing.stages[index]


def test_the_recorded_failover_as_a_whole():
    timing = failover(RECORDED)
    assert timing.fenced_at == pytest.approx(333, rel=0.2)
    assert 418 * 0.8 <= timing.guests_at <= 446 * 1.2
    best, worst = failover(RECORDED, "best"), failover(RECORDED, "worst")
    assert best.fenced_at < 333 < worst.fenced_at
    assert best.guests_at < 446 < worst.guests_at


@pytest.mark.parametrize(("index", "at"), [(0, 11.4), (1, 62.0), (2, 121.7)])
def test_a_second_recording_of_another_run(index, at):
    """The hang of a host without a guest: as long as its heartbeat is judged, the same stages."""
    assert failover(RECORDED).ends_at(index) == pytest.approx(at, rel=0.2)


@pytest.mark.parametrize(
    ("profile", "reset", "fenced", "guests"),
    [
        # 12 detection + 2 + 9 x 60.75 + 1 checks = 562; 1 reset; 2 + 603.5 + 4 wait; 2 + 9 x 60.75 + 1; 4 + 1 fencing
        ("default", True, 1727, None),
        ("default", False, 568, 588),
        # the same, and attempts enough: 563 + 10 x 120, + 20 for the start
        ("careful", True, 1727, 1783),
        # 12 + 2 + 6 x 16.2 + 1 = 112; 1; 2 + 93 + 4; 2 + 6 x 16.2 + 1; 5
        ("fast", True, 318, 343),
        ("fast", False, 118, 138),
    ],
)
def test_profiles(profile, reset, fenced, guests):
    timing = failover(PROFILES[profile], reset=reset)
    assert timing.fenced_at == pytest.approx(fenced, abs=2)
    assert timing.guests_at == (guests and pytest.approx(guests, abs=2))


def test_the_defaults_give_up_before_the_host_is_fenced():
    """Five attempts in 480 s, and Fenced 1164 s after the reset."""
    timing = failover({})
    assert timing.gives_up_at == pytest.approx(timing.recovered_at + 480)
    assert timing.gives_up_at < timing.fenced_at


@pytest.mark.parametrize("profile", PROFILES)
def test_best_is_before_typical_is_before_worst(profile):
    best, typical, worst = (all_cases(PROFILES[profile])[case] for case in CASES)
    assert best.fenced_at < typical.fenced_at < worst.fenced_at


@pytest.mark.parametrize("case", CASES)
def test_every_stage_says_how_and_where(case):
    for stage in failover(RECORDED, case).stages:
        assert stage.seconds >= 0
        assert stage.formula
        assert "()" in stage.source


@pytest.mark.parametrize(
    ("changed", "later"),
    [
        # The first series outlives the heartbeat, and need not be repeated after Degraded.
        ({"kvm.ha.activity.check.interval": 30}, False),
        ({"kvm.ha.activity.check.interval": 60}, True),
        ({"kvm.ha.activity.check.max.attempts": 6}, True),
        ({"kvm.ha.recover.wait.period": 300}, True),
        ({"kvm.ha.recover.failure.threshold": 2}, True),
        ({"kvm.ha.recover.failure.threshold": 0}, False),
        ({"kvm.ha.health.check.timeout": 2}, False),
        ({"kvm.ha.degraded.max.period": 10}, False),
    ],
)
def test_what_a_setting_does(changed, later):
    assert (failover({**RECORDED, **changed}).fenced_at > failover(RECORDED).fenced_at) is later


def test_a_host_that_is_not_reset_has_its_guests_back_when_it_is_fenced():
    timing = failover({**PROFILES["fast"], "kvm.ha.recover.failure.threshold": 0})
    assert timing.recovered_at is None
    assert timing.guests_at == pytest.approx(timing.fenced_at + 20)


def test_a_ratio_that_cannot_be_exceeded_never_ends():
    assert failover({"kvm.ha.activity.check.failure.ratio": 1.0}).fenced_at == math.inf


@pytest.mark.parametrize(("guests", "rounds"), [(0, 1), (1, 1), (5, 1), (6, 2), (23, 5)])
def test_workers_start_guests_in_rounds(guests, rounds):
    timing = failover(RECORDED, guests=guests)
    assert timing.guests_at == pytest.approx(failover(RECORDED).guests_at + (rounds - 1) * 20)


@pytest.mark.parametrize(("seconds", "waits"), [(15, 4), (60, 15), (90, 23), (0, 1), (4.05, 2)])
def test_waits_end_at_a_pass(seconds, waits):
    assert passes(seconds) == pytest.approx(waits * PASS)


@pytest.mark.parametrize(
    ("interval", "sleep", "step"),
    # 60 s are 61.44 in ticks of 1.024 s: the workers' look after 60 s is too early, hence every two minutes (recorded)
    [(60, 60, 120), (58, 60, 60), (25, 30, 30), (30, 30, 60), (10, 60, 60), (120, 60, 180)],
)
def test_the_step_between_attempts(interval, sleep, step):
    settings = {"investigate.retry.interval": interval, "time.to.sleep": sleep}
    assert retry_step(full(settings)) == step
    assert attempts_window(settings) == 4 * step


@pytest.mark.parametrize(
    ("attempts", "ratio", "needed"), [(10, 0.7, 8), (4, 0.7, 3), (7, 0.55, 4), (5, 1.0, 6), (1, 0.5, 1)]
)
def test_failures_needed(attempts, ratio, needed):
    names = ("kvm.ha.activity.check.max.attempts", "kvm.ha.activity.check.failure.ratio")
    assert failures_needed(dict(zip(names, (attempts, ratio), strict=True))) == needed


def test_a_host_without_its_storage_resets_itself():
    """Recorded: 347 s after the cable was pulled, five tries of 60 s."""
    assert self_reset({}, "best") == pytest.approx(347, rel=0.2)
    assert self_reset({}) == pytest.approx(347, rel=0.2)
    assert self_reset({"kvm.heartbeat.update.max.tries": 2}, "best") == 140
    assert self_reset({"reboot.host.and.alert.management.on.heartbeat.timeout": False}) is None


PAGE = (Path(__file__).parents[5] / "docs" / "failover-time.md").read_text()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("reset", "bmc"), [(True, "obeys the reset, which does not help"), (False, "refuses the reset")]
)
def test_the_page_has_the_computed_times(profile, reset, bmc):
    timings = [failover(PROFILES[profile], case, reset=reset) for case in CASES]
    fenced = ", ".join(str(round(each.fenced_at)) for each in timings)
    back = ", ".join("never" if each.guests_at is None else str(round(each.guests_at)) for each in timings)
    assert f"| {profile} | {bmc} | {fenced} | {back} |" in PAGE


def test_the_page_has_the_recorded_failover_and_its_sources():
    timing = failover(RECORDED)
    for index, (name, _state, at) in enumerate(TIMELINE):
        row = re.search(rf"^\| {name}[^|]* \| {at} s \| {round(timing.ends_at(index))} s \|$", PAGE, re.MULTILINE)
        assert row, (name, at, timing.ends_at(index))
    for stage in [*timing.stages, *failover(RECORDED, reset=False).stages]:
        for source in stage.source.split(", "):
            assert source.split("(")[0] in PAGE, source
