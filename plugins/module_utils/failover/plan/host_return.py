# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What brings the host of a drill back, one step at a time: power, agent, maintenance, host HA."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import (
    AVAILABLE,
    FENCED,
    HaHost,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_state import MAINTENANCE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import KERNEL_HANG, POWER_OFF, Drill

# What to do next. WAIT: look again.
POWER_ON, RESET, WAIT, ENABLE, HOST_HA, DONE = "ON", "RESET", "wait", "enable", "host HA", "done"
# HA states in which CloudStack itself is about to reset the host or to power it off: a step of ours would cross it.
BUSY = ("Recovering", "Fencing")
# Seconds that a host with power has for its agent to connect, before the drill resets it.
PATIENCE = 180.0


def next_step(drill: Drill, host: HaHost, waited: float) -> str:
    """The step for a host as it is now. `waited`: seconds for which it has had power and no agent."""
    if host.ha_state in BUSY:
        return WAIT
    if host.power_state == "Off":
        return POWER_ON
    if host.state != "Up":
        return RESET if _must_be_reset(drill, waited) else WAIT
    if host.resource_state != "Enabled":
        return ENABLE if host.resource_state in MAINTENANCE else WAIT
    if host.enabled and host.ha_state == AVAILABLE:
        return DONE
    # Out of Fenced it leads at once, and not after the next good health check; from all other states CloudStack comes
    # back by itself.
    return HOST_HA if host.ha_state == FENCED or not host.enabled else WAIT


def _must_be_reset(drill: Drill, waited: float) -> bool:
    """A hung kernel never comes back by itself; after any other failure the host may still boot."""
    if drill.was_reset or drill.failure not in (KERNEL_HANG, POWER_OFF):
        return False
    # A host that was just powered on, by this drill or by CloudStack, boots.
    return waited >= PATIENCE


def not_back(host: HaHost, seconds: float) -> ApiError:
    """The error for a host that is not back in time."""
    return ApiError(
        "the host of the drill is not back",
        host=host.address,
        expected=f"Up, Enabled, host HA {AVAILABLE} within {seconds:.0f} s",
        observed=f"{host.state}, {host.resource_state}, host HA {host.ha_state}, power {host.power_state}",
        next_step=(
            "look at its console; when it boots and its agent runs, run the same command again: it goes on here and"
            " begins no failure"
        ),
    )
