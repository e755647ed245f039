# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of Host HA follow each other as they did on real servers (recorded/ha.json, kvm-host-ha.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.simulator import ha_states
from lab.simulator.ha_states import SIMULATOR, Look, Timers

RECORDED = Path(__file__).parents[3] / "fixtures" / "recorded"
PASS = 4.0  # seconds between two looks of the server
# What was set for the drills of kvm-host-ha.json.
KVM = Timers(interval=15, attempts=4, ratio=0.7, degraded=60, recover_wait=90, threshold=1)
SEEN = 6.0  # seconds; a pass, and what the real server needs for a check


def drill(timers, looks, seconds, state="Available"):
    """(seconds, state) of each change; `looks`: what the provider sees from which second on."""
    ha = {**ha_states.counters(), "state": state}
    changes, now = [], 0.0
    while now <= seconds:
        look = next(look for begin, look in reversed(looks) if now >= begin)
        changes += [(now, after) for _, _, after in ha_states.step(ha, look, timers, now)]
        now += PASS
    return changes


def staged(healthy=False, active=False, recovers=True, fences=True):
    return Look(healthy, lambda: active, lambda: recovers, lambda: fences)


def observed(name):
    """(seconds, hastate) where it changed, of an observation of ha.json."""
    entries = json.loads((RECORDED / "ha.json").read_text())["entries"]
    rows = next(entry["observed"] for entry in entries if entry["name"] == name)
    changes = []
    for row in rows[1:]:
        if not changes or changes[-1][1] != row[2]:
            changes.append((row[0], row[2]))
    return changes


def lasting(changes):
    """Without states that a poll does not see: Checking, and what the same pass leaves again."""
    shown = []
    for at, state in changes:
        if shown and shown[-1][0] == at:
            shown.pop()
        if state != "Checking" and (not shown or shown[-1][1] != state):
            shown.append((at, state))
    return shown


def alike(ours, recorded):
    assert [state for _, state in ours] == [state for _, state in recorded]
    for (left, state), (right, _) in zip(ours, recorded, strict=True):
        assert left - ours[0][0] == pytest.approx(right - recorded[0][0], abs=SEEN), state


def test_recovery_that_works():
    alike(
        lasting(drill(SIMULATOR, [(0, staged())], 48)),
        observed("states with health=false, activity=false, recover works"),
    )


def test_recovery_that_works_goes_on_for_ever():
    states = {state for _, state in lasting(drill(SIMULATOR, [(0, staged())], 600))}
    assert states == {"Suspect", "Recovered", "Available"}


def test_recovery_that_fails_ends_in_a_fence():
    fenced = lasting(drill(SIMULATOR, [(0, staged(recovers=False))], 60))
    alike(fenced[1:], observed("states until fenced"))
    assert fenced[-1][1] == "Fenced"


def test_a_real_host_with_a_guest():
    """h2 hung with one guest on it: its first four checks found it active half of the time, all later ones did not."""
    half = Look(False, lambda: True, lambda: True, lambda: True)
    looks = [(0, half), (40, staged())]
    shown = lasting(drill(KVM, looks, 340))
    # seconds of kvm-host-ha.json, its Suspect taken for 0
    recorded = [(10.5, "Suspect"), (61.7, "Degraded"), (122.0, "Suspect"), (175.4, "Recovered"), (271.8, "Available")]
    recorded += [(276.3, "Suspect"), (328.2, "Recovering"), (333.5, "Fenced")]
    assert [state for _, state in shown] == [state for _, state in recorded]
    ours, theirs = shown[-1][0] - shown[0][0], recorded[-1][0] - recorded[0][0]
    assert ours == pytest.approx(theirs, rel=0.1)


def test_a_real_host_without_guests_is_never_fenced():
    empty = Look(False, lambda: True, lambda: True, lambda: True)
    states = {state for _, state in lasting(drill(KVM, [(0, empty)], 3600))}
    assert states == {"Suspect", "Degraded"}


def test_health_that_comes_back_ends_suspicion():
    shown = lasting(drill(KVM, [(0, staged()), (30, staged(healthy=True))], 60))
    assert [state for _, state in shown] == ["Suspect", "Available"]


def test_a_bmc_that_does_not_answer_is_tried_for_ever():
    changes = drill(SIMULATOR, [(0, staged(recovers=False, fences=False))], 120)
    assert changes[-1][1] == "Fencing"
    assert [state for _, state in changes].count("Fencing") > 10


def test_fenced_stays_fenced_while_the_host_is_dead():
    assert drill(SIMULATOR, [(0, staged())], 60, state="Fenced") == []


def test_good_health_leads_out_of_fenced():
    """Of a host that is in service again; one in maintenance is not looked at."""
    shown = drill(SIMULATOR, [(0, staged(healthy=True))], 8, state="Fenced")
    assert [state for _, state in shown] == ["Ineligible", "Available"]
