# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What CloudStack's driver redfish cannot do with a machine, in words. Only its own source decides (4.22.1)."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.redfish import RedfishSystem

# utils/.../redfish/RedfishWrapper.java:26-46: an action of CloudStack -> ResetType.
RESET_TYPES = {
    "ON": "On",
    "OFF": "GracefulShutdown",
    "SOFT": "GracefulShutdown",
    "CYCLE": "PowerCycle",
    "RESET": "ForceRestart",
}
# RedfishClient.getSystemPowerState; any other word is an exception there.
POWER_STATES = ("On", "Off", "PoweringOn", "PoweringOff")
TRIED = ("dell", "supermicro", "super micro")  # the vendors that CloudStack's documentation names
FENCING = (
    "OFF is GracefulShutdown: a hung system ignores it, and a BMC may answer 409 for a machine that is off already, so"
    " that Host HA stays in Fencing and the guests are not started elsewhere (apache/cloudstack#13376)"
)


def impossible_actions(system: RedfishSystem) -> list[str]:
    """Actions of CloudStack for which this BMC has no ResetType; none where the BMC does not say what it has."""
    if system.reset_types is None:
        return []
    return [action for action, reset in RESET_TYPES.items() if reset not in system.reset_types]


def limits(system: RedfishSystem) -> list[str]:
    """One sentence for each limit. The first holds for every machine."""
    found = [FENCING]
    if not system.manufacturer.lower().startswith(TRIED):
        vendor = system.manufacturer or "a vendor that it does not name"
        found.append(f"CloudStack's driver is made for Dell and Supermicro; this machine is of {vendor}")
    if system.systems > 1:
        found.append(
            f"{system.systems} systems are behind this address; CloudStack switches the first one, {system.system_id}"
        )
    if system.power_state not in POWER_STATES:
        found.append(f"the power state {system.power_state} is not one of {', '.join(POWER_STATES)}: CloudStack fails")
    found += [
        f"{action} cannot work: the BMC has no {RESET_TYPES[action]}, it has {', '.join(system.reset_types or ())}"
        for action in impossible_actions(system)
    ]
    return found
