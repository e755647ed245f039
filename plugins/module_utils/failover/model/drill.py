# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A drill as values: what is asked for, what is expected, what was seen, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

FAILURES = ("power_off", "kernel_hang", "management_cut", "storage_cut", "agent_kill")
POWER_OFF, KERNEL_HANG, MANAGEMENT_CUT, STORAGE_CUT, AGENT_KILL = FAILURES
# How far a drill has come, in this order. FAILING is written before the failure is begun: from then on no run begins it
# again.
BEGUN, READY, FAILING, WATCHED, BACK = STAGES = ("begun", "ready", "failing", "watched", "back")
# What is compared with the computed times: the first time that each is seen.
SUSPECT, JUDGED, FENCED, RESTARTED = EVENTS = ("suspect", "judged dead", "fenced", "guest back")


@dataclass(frozen=True)
class HostLook:
    """What the host says of itself before the drill. `pools` are the devices by which it reaches its storage, by
    address; `management` is the device of its management address. `cannot` says why a failure cannot be begun here,
    by the name of the failure; `remarks` what else to know of it.
    """

    management: str = ""
    pools: Mapping[str, str] = field(default_factory=dict)
    boot_id: str = ""
    cannot: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """When something is to be seen, in seconds from the failure, for each case of the computation."""

    event: str
    best: float
    typical: float
    worst: float


@dataclass(frozen=True)
class Expectation:
    """What CloudStack is expected to do. `dies`: it takes the host for dead and restarts its guests; otherwise the host
    stays, and is never fenced. The drill is watched for `ends_by` seconds at the most; `told` says all this in words.
    """

    dies: bool
    ends_by: float
    windows: tuple[Window, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """Host and guest as CloudStack showed them `at` seconds after the failure. `power` is that of out-of-band
    management; `guest_host` the name of the host that the guest is on, empty for none; `guest_updated` when CloudStack
    last changed the guest's state, as listVirtualMachines writes it.
    """

    at: float
    state: str
    resource_state: str
    ha_state: str
    power: str
    guest_state: str = ""
    guest_host: str = ""
    guest_updated: str = ""

    def shows(self) -> tuple[str, ...]:
        """All but the time."""
        guest = (self.guest_state, self.guest_host, self.guest_updated)
        return (self.state, self.resource_state, self.ha_state, self.power, *guest)


@dataclass(frozen=True)
class Canary:
    """The guest of the drill. `id` is empty until CloudStack has told it. `pool` is where hosts have mounted the pool
    of its disk, `pool_address` its address where it is NFS, `volume` the path of the disk there; empty where the disk
    is on no pool that hosts mount.
    """

    name: str
    id: str = ""
    host: str = ""
    pool: str = ""
    pool_address: str = ""
    volume: str = ""


@dataclass(frozen=True)
class Drill:
    """One drill. Times are seconds since 1970 by the controller's clock; `failed_at` is that of the failure. `gaps` are
    the times in which nobody watched, in seconds from the failure. `was_reset`: whether the drill itself
    has reset the host to bring it back, which it does once.
    """

    host: str
    address: str
    failure: str
    zone: str
    cluster: str
    begun_at: float
    begun_by: str
    expectation: Expectation
    stage: str = BEGUN
    canary: Optional[Canary] = None
    failed_at: float = 0.0
    seen: tuple[Seen, ...] = ()
    gaps: tuple[tuple[float, float], ...] = ()
    was_reset: bool = False
    boot_id: str = ""
    problems: tuple[str, ...] = ()

    def reached(self, stage: str) -> bool:
        """Whether the drill has come to this stage."""
        return STAGES.index(self.stage) >= STAGES.index(stage)


@dataclass(frozen=True)
class Timed:
    """An event against its window: when it was seen (None: never), and what that is: in time, early, late, not seen."""

    window: Window
    seen: Optional[float]
    outcome: str


@dataclass(frozen=True)
class Verdict:
    """`passed` where there is no problem. `unproven` is what this drill could not show."""

    passed: bool
    ending: str
    problems: tuple[str, ...]
    unproven: tuple[str, ...]
    timed: tuple[Timed, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
