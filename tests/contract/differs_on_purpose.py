# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the simulator answers otherwise than the real server, and why. By topic and entry name; a test refuses what no longer differs."""

from __future__ import annotations

NO_DRIVER = "the simulator has the driver ipmitool only; the others are kept, but would need a Redfish BMC or a second CloudStack"
COUNTERS = "capacities and details of Host HA come from parts of CloudStack that the simulator has not"
TIMING = "a matter of moments: the real server's agent was gone already when the answer was written"

HA_DRILL = "follows a fencing that configureSimulatorHAProviderState staged, a command of CloudStack's own simulator plug-in"

REASONS: dict[tuple[str, str], str] = {
    ("zone", "listZones by id with showcapacities"): COUNTERS,
    ("more", "listClusters with showcapacities"): COUNTERS,
    ("oobm", "STATUS with redfish 127.0.0.1 / result"): NO_DRIVER,
    ("oobm", "STATUS with redfish 127.0.0.1:9443 / result"): NO_DRIVER,
    ("oobm", "STATUS with nestedcloudstack http://127.0.0.1:8080/client/api / result"): NO_DRIVER,
    ("host-lifecycle", "reconnectHost when Up / result"): TIMING,
    ("ha", "listHosts after that"): HA_DRILL,
    ("ha", "cancelHostMaintenance if needed / result"): HA_DRILL,
}


def reason(topic: str, name: str) -> str:
    """Why this entry differs; empty if it should not."""
    return REASONS.get((topic, name), "")
