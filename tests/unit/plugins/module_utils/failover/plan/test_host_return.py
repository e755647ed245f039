# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step that brings the host back, from each state in which a drill may leave it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import HaHost
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import Drill, Expectation
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.host_return import (
    PATIENCE,
    next_step,
    not_back,
)

DRILL = Drill("host1", "10.88.0.11", "power_off", "zone1", "cluster1", 1.0, "me", Expectation(True, 600.0))
HUNG = replace(DRILL, failure="kernel_hang")
CUT = replace(DRILL, failure="management_cut")
WHOLE = HaHost("10.88.0.11", state="Up", resource_state="Enabled", enabled=True, ha_state="Available", power_state="On")
FENCED = replace(WHOLE, state="Down", resource_state="Maintenance", ha_state="Fenced", power_state="Off")


@pytest.mark.parametrize(
    ("drill", "host", "waited", "step"),
    [
        (DRILL, WHOLE, 0, "done"),
        (DRILL, FENCED, 0, "ON"),
        (DRILL, replace(WHOLE, power_state="Off"), 0, "ON"),
        (DRILL, replace(FENCED, power_state="On"), 0, "wait"),
        (DRILL, replace(FENCED, power_state="On", state="Up"), 0, "enable"),
        (DRILL, replace(FENCED, power_state="On", state="Up", resource_state="Enabled"), 0, "host HA"),
        (DRILL, replace(WHOLE, enabled=False, ha_state="Disabled"), 0, "host HA"),
        (DRILL, replace(WHOLE, ha_state="Suspect"), 0, "wait"),
        (DRILL, replace(WHOLE, ha_state="Ineligible"), 0, "wait"),
        (DRILL, replace(WHOLE, ha_state="Degraded", state="Alert"), 0, "wait"),
        # CloudStack is about to act: our own step would cross it.
        (DRILL, replace(FENCED, ha_state="Fencing"), 0, "wait"),
        (HUNG, replace(WHOLE, ha_state="Recovering", state="Down"), 9 * PATIENCE, "wait"),
        # A kernel that hangs comes back only by a reset, which is sent once.
        (HUNG, replace(WHOLE, state="Down", ha_state="Suspect"), PATIENCE - 1, "wait"),
        (HUNG, replace(WHOLE, state="Down", ha_state="Suspect"), PATIENCE, "RESET"),
        (replace(HUNG, was_reset=True), replace(WHOLE, state="Down", ha_state="Suspect"), PATIENCE, "wait"),
        # A host that is only cut off has guests that run.
        (CUT, replace(WHOLE, state="Alert", ha_state="Degraded"), 9 * PATIENCE, "wait"),
        (DRILL, replace(WHOLE, resource_state="Disabled"), 0, "wait"),
    ],
)
def test_the_next_step(drill, host, waited, step):
    assert next_step(drill, host, waited) == step


def test_a_host_that_is_not_back_is_told_with_how_it_stands():
    message = str(not_back(FENCED, 1800))
    assert "Observed: Down, Maintenance, host HA Fenced, power Off" in message
    assert "run the same command again" in message
