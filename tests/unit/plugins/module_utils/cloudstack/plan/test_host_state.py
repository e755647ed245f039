# SPDX-License-Identifier: GPL-3.0-or-later
"""Only ways that CloudStack allows lead from one resource state of a host to another."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_state import plan_absent, plan_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

IP = "192.0.2.11"
ENABLE, DISABLE = ("updateHost", "Enable"), ("updateHost", "Disable")
CANCEL, PREPARE, HEAL = (
    ("cancelHostMaintenance", None),
    ("prepareHostForMaintenance", None),
    ("cancelHostAsDegraded", None),
)


def _record(resource_state, state="Up"):
    return {"id": "h1", "name": "host1", "state": state, "resourcestate": resource_state}


def _calls(plan):
    return [(change.data["command"], change.data["params"].get("allocationstate")) for change in plan]


@pytest.mark.parametrize(
    ("wanted", "now", "expected"),
    [
        ("enabled", "Enabled", []),
        ("enabled", "Disabled", [ENABLE]),
        ("enabled", "Maintenance", [CANCEL]),
        ("enabled", "PrepareForMaintenance", [CANCEL]),
        ("enabled", "ErrorInMaintenance", [CANCEL]),
        ("enabled", "Degraded", [HEAL]),
        ("disabled", "Disabled", []),
        ("disabled", "Enabled", [DISABLE]),
        ("disabled", "Maintenance", [CANCEL, DISABLE]),
        ("disabled", "Degraded", [HEAL, DISABLE]),
        ("maintenance", "Maintenance", []),
        ("maintenance", "PrepareForMaintenance", []),
        ("maintenance", "Enabled", [PREPARE]),
        ("maintenance", "Disabled", [ENABLE, PREPARE]),
        ("maintenance", "ErrorInPrepareForMaintenance", [CANCEL, PREPARE]),
    ],
)
def test_way(wanted, now, expected):
    assert _calls(plan_state(wanted, IP, _record(now))) == expected


@pytest.mark.parametrize(
    ("now", "forced", "expected"),
    [
        ("Enabled", False, [PREPARE, ("deleteHost", None)]),
        ("Disabled", False, [ENABLE, PREPARE, ("deleteHost", None)]),
        ("Maintenance", False, [("deleteHost", None)]),
        ("Degraded", False, [("deleteHost", None)]),
        ("Enabled", True, [("deleteHost", None)]),
    ],
)
def test_removal(now, forced, expected):
    plan = plan_absent(IP, _record(now), forced)
    assert _calls(plan) == expected
    assert plan.changes[-1].data["params"] == ({"id": "h1", "forced": True} if forced else {"id": "h1"})


def test_a_host_that_is_gone_stays_gone():
    assert not plan_absent(IP, None, forced=False)


@pytest.mark.parametrize("state", ["Disconnected", "Alert", "Down"])
def test_a_host_that_is_not_up_cannot_be_emptied(state):
    with pytest.raises(InputError) as caught:
        plan_absent(IP, _record("Enabled", state), forced=False)
    for part in (IP, "Expected", state, "forced"):
        assert part in str(caught.value)
    assert plan_absent(IP, _record("Enabled", state), forced=True)


def test_diff_shows_the_states_on_the_way():
    diff = plan_state("maintenance", IP, _record("Disabled")).diff()
    assert [(step["before"], step["after"]) for step in diff] == [
        ("resource_state: Disabled\n", "resource_state: Enabled\n"),
        ("resource_state: Enabled\n", "resource_state: Maintenance\n"),
    ]
