# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The settings that decide whether and how fast a failover happens: names, defaults, where they count, and profiles.

Names, defaults and scopes are those of CloudStack 4.22.1.0 (listConfigurations and AgentProperties.java).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

Value = Union[bool, int, float, str]
GLOBAL, ZONE, CLUSTER, AGENT = "global", "zone", "cluster", "agent"


@dataclass(frozen=True)
class Setting:
    """One setting. `counts` is where the server reads it: some have the scope cluster, and yet only their global value
    is ever read. `least` is the smallest value with a meaning; `restart` whether the management servers (for a key of
    the agent: the agents) must be restarted.
    """

    default: Value
    counts: str
    unit: str
    says: str
    least: float = 0
    restart: bool = False


_HA = "HighAvailabilityManagerImpl.configure() reads it once, from the global value"
SETTINGS: Mapping[str, Setting] = {
    "kvm.ha.health.check.timeout": Setting(10, CLUSTER, "s", "longest wait for one health check", 1),
    "kvm.ha.activity.check.interval": Setting(60, CLUSTER, "s", "time between two activity checks", 1),
    "kvm.ha.activity.check.timeout": Setting(60, CLUSTER, "s", "longest wait for one activity check", 1),
    "kvm.ha.activity.check.max.attempts": Setting(10, CLUSTER, "checks", "activity checks of one series", 1),
    "kvm.ha.activity.check.failure.ratio": Setting(
        0.7, CLUSTER, "ratio", "share of a series that must be exceeded by failed checks"
    ),
    "kvm.ha.degraded.max.period": Setting(300, CLUSTER, "s", "wait in Degraded before the next series", 1),
    "kvm.ha.recover.timeout": Setting(60, CLUSTER, "s", "longest wait for the reset by the BMC", 1),
    "kvm.ha.recover.wait.period": Setting(600, CLUSTER, "s", "time that a host has to come back after its reset", 1),
    "kvm.ha.recover.failure.threshold": Setting(1, CLUSTER, "resets", "resets before the host is fenced"),
    "kvm.ha.fence.timeout": Setting(60, CLUSTER, "s", "longest wait for the power-off by the BMC", 1),
    "outofbandmanagement.action.timeout": Setting(60, CLUSTER, "s", "longest wait for the BMC itself", 1),
    "force.ha": Setting(False, GLOBAL, "", "restart guests whose offering has no HA, too"),
    "vm.ha.enabled": Setting(True, ZONE, "", "whether guests are restarted at all"),
    "ha.tag": Setting("", GLOBAL, "", f"hosts with this tag are kept free for restarts; {_HA}", restart=True),
    "ha.workers": Setting(5, GLOBAL, "threads", f"guests that are restarted at a time; {_HA}", 1, True),
    "time.to.sleep": Setting(60, GLOBAL, "s", f"time between two looks of an HA worker; {_HA}", 1, True),
    "investigate.retry.interval": Setting(60, GLOBAL, "s", f"wait before a guest is looked at again; {_HA}", 1, True),
    "restart.retry.interval": Setting(600, GLOBAL, "s", f"wait after a restart that failed; {_HA}", 1, True),
    "vm.ha.migration.max.retries": Setting(
        5, GLOBAL, "attempts", f"attempts before a guest is given up; {_HA}", 1, True
    ),
    "ping.interval": Setting(60, GLOBAL, "s", "time between two pings of an agent", 1, True),
    "ping.timeout": Setting(2.5, GLOBAL, "x ping.interval", "silence after which a host is investigated"),
    "alert.wait": Setting(1800, GLOBAL, "s", "time after which a disconnected host is in Alert", 1),
}
AGENT_KEYS: Mapping[str, Setting] = {
    "kvm.heartbeat.update.frequency": Setting(60000, AGENT, "ms", "time between two heartbeats on a pool", 1000, True),
    "heartbeat.update.timeout": Setting(60000, AGENT, "ms", "longest wait for the write of one heartbeat", 1000, True),
    "kvm.heartbeat.update.max.tries": Setting(
        5, AGENT, "tries", "writes that may fail before the host reacts", 1, True
    ),
    "kvm.heartbeat.update.retry.sleep": Setting(10000, AGENT, "ms", "pause after a write that failed", 0, True),
    "reboot.host.and.alert.management.on.heartbeat.timeout": Setting(
        True, AGENT, "", "whether a host without its storage resets itself", restart=True
    ),
}
ALL: Mapping[str, Setting] = {**SETTINGS, **AGENT_KEYS}
# What is written in older texts -> what to do today. None of these names exists in 4.22.
RENAMED: Mapping[str, str] = {
    "ha.enabled": "vm.ha.enabled (guests, for each zone); Host HA is turned on by enableHAForHost, not by a setting",
    "heartbeat.update.interval": "kvm.heartbeat.update.frequency (ms) in agent.properties",
    "max.retries": "vm.ha.migration.max.retries",
    "workers": "ha.workers (restarts of guests); workers is about the threads of agents and jobs",
}
# A series that is over in less than two minutes and still outlives the last heartbeat; a reset host has 90 s.
_FAST: Mapping[str, Value] = {
    "kvm.ha.activity.check.interval": 15,
    "kvm.ha.activity.check.max.attempts": 7,
    "kvm.ha.activity.check.failure.ratio": 0.55,
    "kvm.ha.degraded.max.period": 60,
    "kvm.ha.recover.wait.period": 90,
    "time.to.sleep": 30,
    "investigate.retry.interval": 25,
    "vm.ha.migration.max.retries": 30,
}
_DEFAULT: Mapping[str, Value] = {name: SETTINGS[name].default for name in _FAST}
# All profiles have the same settings, so that each undoes the others; what they do not have is left as it is.
PROFILES: Mapping[str, Mapping[str, Value]] = {
    "default": _DEFAULT,
    "fast": _FAST,
    # The defaults' patience, and attempts enough that guests are still waiting when the host is fenced at last.
    "careful": {**_DEFAULT, "vm.ha.migration.max.retries": 30},
}


def full(given: Mapping[str, Value]) -> dict[str, Value]:
    """All settings and keys: the given ones, and CloudStack's default where none is given."""
    return {name: given.get(name, setting.default) for name, setting in ALL.items()}
