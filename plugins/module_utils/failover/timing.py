# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a failover takes, computed from the settings, stage by stage.

The stages are the steps of CloudStack's own state machine (HAConfig.HAState, HAManagerImpl.HAManagerBgPollTask), and
each formula names the method of CloudStack 4.22 that it follows. What is not a setting is a constant below, with where
it comes from. A host is taken to be silent for good: it hangs, or has lost its power.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import Value, full
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import (
    BEST,
    CASES,
    DEGRADED,
    DETECTION,
    FENCING,
    RECOVERY,
    RESTART,
    SERIES,
    TYPICAL,
    WAIT,
    WORST,
    Stage,
    Timing,
)

# Seconds between two passes of the HA manager: a fixed delay of 4 s (BackgroundPollManagerImpl.getRoundDelay()), and
# the pass itself. No setting changes it.
PASS = 4.05
# A heartbeat is taken for alive below this age, whatever the agents are set to (kvmvmactivity.sh: "-lt 61").
HEARTBEAT_LIMIT = 61.0
# One tick of HaWorkVO's clock, which counts currentTimeMillis() >> 10.
TICK = 1.024
# Seconds for one power action (ipmitool: 1 to 1.6 seen), and for the start of a guest (27 seen, on emulated hosts).
POWER_ACTION = 1.0
GUEST_START = {BEST: 5.0, TYPICAL: 20.0, WORST: 60.0}

HEALTH = "HAManagerImpl.HAManagerBgPollTask.runInContext(), BaseHATask.call()"
ACTIVITY = "HAResourceCounter.canPerformActivityCheck(), ActivityCheckTask.processResult(), kvmvmactivity.sh"
RECHECK = "HAResourceCounter.canRecheckActivity()"
RESET = "RecoveryTask.processResult(), KVMHAProvider.recover()"
EXIT = "HAResourceCounter.canExitRecovery(), HAManagerImpl.HAManagerBgPollTask.runInContext()"
FENCE = "HAManagerImpl.HAManagerBgPollTask.runInContext(), FenceTask.processResult(), KVMHAProvider.fence()"
WORK = "HighAvailabilityManagerImpl.restart(), WorkerThread.runWithContext(), processWork()"


@dataclass(frozen=True)
class Case:
    """What is chance. `phase` is the share of a pass that goes by until the next one, `heartbeat_age` the age of the
    last heartbeat at the death of the host as a share of their interval; `slow`: everything takes as long as it may.
    """

    name: str
    phase: float
    heartbeat_age: float
    slow: bool = False


CHANCE = {
    BEST: Case(BEST, 0.0, 1.0),
    TYPICAL: Case(TYPICAL, 0.5, 0.5),
    WORST: Case(WORST, 1.0, 0.0, slow=True),
}


@dataclass
class _Run:
    """One failover while it is computed."""

    settings: Mapping[str, Value]
    case: Case
    stages: list[Stage] = field(default_factory=list)
    now: float = 0.0

    def number(self, name: str) -> float:
        return float(self.settings[name])

    def add(self, name: str, seconds: float, state: str, formula: str, source: str) -> None:
        self.stages.append(Stage(name, seconds, state, formula, source))
        self.now += seconds

    def next_pass(self) -> float:
        """Seconds until the next pass."""
        return self.case.phase * PASS


def failover(given: Mapping[str, Value], case: str = TYPICAL, *, guests: int = 1, reset: bool = True) -> Timing:
    """The stages from the death of a host until its last guest runs elsewhere, in seconds.

    `given` are settings and keys of agents by name, CloudStack's defaults stand for the rest. `guests` is how many
    guests of the host are restarted. `reset`: the BMC obeys a reset, which does not help; without it the BMC refuses
    (as one may that finds the machine off), and the host is fenced at once.
    """
    run = _Run(full(given), CHANCE[case])
    _detect(run)
    _judge(run)
    resets = int(run.number("kvm.ha.recover.failure.threshold"))
    first: Optional[float] = None
    for _attempt in range(resets):
        _recover(run, reset)
        if not reset:
            continue
        first = run.now if first is None else first
        _wait(run)
        _judge(run)
    _fence(run)
    fenced_at = run.now
    guests_at, gives_up_at = _restart(run, first, guests)
    return Timing(case, tuple(run.stages), first, fenced_at, guests_at, gives_up_at)


def all_cases(given: Mapping[str, Value], *, guests: int = 1) -> dict[str, Timing]:
    """The timing of each case by name."""
    return {name: failover(given, name, guests=guests) for name in CASES}


def self_reset(given: Mapping[str, Value], case: str = TYPICAL) -> Optional[float]:
    """Seconds from the loss of a pool until the host resets itself (KVMHAMonitor.executePoolHeartBeatCommand()); None
    where its agent is told not to. Independent of Host HA.
    """
    values = full(given)
    if not values["reboot.host.and.alert.management.on.heartbeat.timeout"]:
        return None
    frequency, timeout, pause = (
        float(values[name]) / 1000
        for name in (
            "kvm.heartbeat.update.frequency",
            "heartbeat.update.timeout",
            "kvm.heartbeat.update.retry.sleep",
        )
    )
    until_next = (1 - CHANCE[case].heartbeat_age) * frequency
    return until_next + float(values["kvm.heartbeat.update.max.tries"]) * (timeout + pause)


def attempts_window(given: Mapping[str, Value]) -> float:
    """Seconds from the first to the last attempt to restart a guest whose host is not yet known to be dead."""
    values = full(given)
    return (float(values["vm.ha.migration.max.retries"]) - 1) * retry_step(values)


def retry_step(given: Mapping[str, Value]) -> float:
    """Seconds between two attempts: the retry interval, in ticks, and then the next time that the workers look."""
    values = full(given)
    look = float(values["time.to.sleep"])
    return math.ceil(float(values["investigate.retry.interval"]) * TICK / look) * look


def failures_needed(given: Mapping[str, Value]) -> int:
    """How many checks of a series must fail: more than attempts x ratio (hasActivityFailureThresholdExceeded())."""
    values = full(given)
    attempts = float(values["kvm.ha.activity.check.max.attempts"])
    return math.floor(attempts * float(values["kvm.ha.activity.check.failure.ratio"])) + 1


def passes(seconds: float) -> float:
    """A wait of the HA manager: over at the first pass that comes later than this."""
    return (math.floor(seconds / PASS) + 1) * PASS


def _detect(run: _Run) -> None:
    """Available -> Suspect. The best case is a connection that breaks: then the check fails at once."""
    timeout = run.number("kvm.ha.health.check.timeout") if run.case.name != BEST else 0.0
    run.add(
        DETECTION,
        run.next_pass() + timeout,
        "Suspect",
        f"next pass {run.next_pass():.0f} s + kvm.ha.health.check.timeout {timeout:.0f} s",
        HEALTH,
    )


def _judge(run: _Run) -> None:
    """Series of activity checks until one of them fails, Suspect -> Recovering."""
    attempts, needed = int(run.number("kvm.ha.activity.check.max.attempts")), failures_needed(run.settings)
    while True:
        failed = sum(1 for at in _checks_at(run) if at >= _stale_at(run))
        # A ratio that no series can exceed never ends; contradictions() refuses it, and the stage is endless here.
        enough = failed >= needed
        seconds = run.next_pass() + (attempts - 1) * _gap(run) + _check_seconds(run)
        told = f"next pass + {attempts - 1} x {_gap(run):.0f} s (kvm.ha.activity.check.interval) + one check; "
        told += f"{failed} of {attempts} fail, {needed} are needed"
        run.add(
            SERIES, seconds if needed <= attempts else math.inf, "Recovering" if enough else "Degraded", told, ACTIVITY
        )
        if enough or needed > attempts:
            return
        period = run.number("kvm.ha.degraded.max.period")
        run.add(DEGRADED, passes(period), "Suspect", f"kvm.ha.degraded.max.period {period:.0f} s, in passes", RECHECK)


def _checks_at(run: _Run) -> Iterator[float]:
    for number in range(int(run.number("kvm.ha.activity.check.max.attempts"))):
        yield run.now + run.next_pass() + number * _gap(run)


def _gap(run: _Run) -> float:
    return passes(max(run.number("kvm.ha.activity.check.interval"), _check_seconds(run)))


def _check_seconds(run: _Run) -> float:
    return run.number("kvm.ha.activity.check.timeout") if run.case.slow else 1.0


def _stale_at(run: _Run) -> float:
    """When the last heartbeat of the host is too old to count."""
    frequency = float(run.settings["kvm.heartbeat.update.frequency"]) / 1000
    return HEARTBEAT_LIMIT - run.case.heartbeat_age * frequency


def _recover(run: _Run, reset: bool) -> None:
    """Recovering: one reset. One that fails is tried again at the next pass, or followed by fencing."""
    seconds = run.number("kvm.ha.recover.timeout") if run.case.slow else POWER_ACTION
    if reset:
        run.add(RECOVERY, seconds, "Recovered", f"reset by the BMC {seconds:.0f} s", RESET)
    else:
        run.add(RECOVERY, seconds, "Recovering", f"the BMC refuses the reset, {seconds:.0f} s", RESET)


def _wait(run: _Run) -> None:
    """Recovered -> Available -> Suspect: nobody looks until the wait is over; then the check of a host that is Down
    fails at once."""
    period = run.number("kvm.ha.recover.wait.period")
    seconds = run.next_pass() + passes(period) + PASS
    told = f"next pass + kvm.ha.recover.wait.period {period:.0f} s, in passes, + one pass for the health check"
    run.add(WAIT, seconds, "Suspect", told, EXIT)


def _fence(run: _Run) -> None:
    """Recovering -> Fencing -> Fenced."""
    seconds = run.number("kvm.ha.fence.timeout") if run.case.slow else POWER_ACTION
    run.add(FENCING, PASS + seconds, "Fenced", f"next pass + power-off by the BMC {seconds:.0f} s", FENCE)


def _restart(run: _Run, first: Optional[float], guests: int) -> tuple[Optional[float], Optional[float]]:
    """When the last guest runs, and when CloudStack gives up if none does.

    The restart is scheduled once, when the host is taken down: at the first reset, else when it is fenced
    (HAAbstractHostProvider.fenceSubResources() leaves a host alone that is Down already). An attempt before Fenced
    finds the guest alive, because the HA state says so (HAManagerImpl.isVMAliveOnHost()), and is tried again.
    """
    scheduled = run.now if first is None else first
    step = retry_step(run.settings)
    attempt = math.ceil((run.now - scheduled) / step) if math.isfinite(run.now) else math.inf
    if attempt >= run.number("vm.ha.migration.max.retries"):
        return None, scheduled + attempts_window(run.settings)
    rounds = math.ceil(max(guests, 1) / run.number("ha.workers"))
    wait = scheduled + attempt * step - run.now
    seconds = wait + rounds * GUEST_START[run.case.name]
    told = (
        f"next attempt {wait:.0f} s (every {step:.0f} s since the reset) + {rounds} x {GUEST_START[run.case.name]:.0f}"
    )
    run.add(RESTART, seconds, "Fenced", f"{told} s for a start ({guests} guests, ha.workers at a time)", WORK)
    return run.now, None
