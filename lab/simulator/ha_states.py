# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine of Host HA: one pass over one host (HAConfig.java:64-145; recorded/ha.json, kvm-host-ha.json)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Optional

Counters = dict[str, Any]  # columns of a host's `ha`: state, checks, failed, recoveries, checked, since, suspect
Answer = Optional[bool]  # None: it was asked, and the answer is not there yet
Transition = tuple[str, str, str]  # from, event, to


@dataclass(frozen=True)
class Timers:
    """When a provider does what. Seconds; `interval` 0: an activity check in every pass."""

    interval: float
    attempts: int  # activity checks before a decision
    ratio: float  # share of failed ones from which the host is recovered
    degraded: float
    recover_wait: float
    threshold: int  # recoveries after which the host is fenced
    forgives: bool = False  # one that worked does not count


# Not settings of the server: as the states of ha.json follow each other, with a pass each 4 s.
SIMULATOR = Timers(interval=0, attempts=3, ratio=0.7, degraded=10, recover_wait=5, threshold=2, forgives=True)


@dataclass(frozen=True)
class Look:
    """What the provider sees of a host, and what it can do to it. Both actions say whether they worked. What is not
    answered yet is asked again in the next pass."""

    healthy: bool
    active: Callable[[], Answer]  # guests of the host write to their disks; always so where it has none
    recover: Callable[[], Answer]
    fence: Callable[[], Answer]


def counters() -> Counters:
    """Of a host that was never suspect."""
    return {"checks": 0, "failed": 0, "recoveries": 0, "checked": 0.0, "since": 0.0, "suspect": 0.0}


def step(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    """One pass over a host that is enabled and eligible. Changes `ha`; yields each transition after it was made, and
    before its counters are cleared."""
    yield from _STEPS[ha["state"]](ha, look, timers, now)


def _to(ha: Counters, event: str, state: str, now: float) -> Transition:
    before, ha["state"], ha["since"] = ha["state"], state, now
    return before, event, state


def _enter(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    event = "Enabled" if ha["state"] == "Disabled" else "Eligible"
    yield _to(ha, event, "Available", now)


def _available(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    if look.healthy:
        ha.update(counters())
        return
    ha.update(checks=0, failed=0, suspect=now)
    ha["checked"] = now - timers.interval  # the first check comes with the next pass
    yield _to(ha, "HealthCheckFailed", "Suspect", now)


def _suspect(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    if look.healthy:
        ha.update(counters())
        yield _to(ha, "HealthCheckPassed", "Available", now)
        return
    if now - ha["checked"] < timers.interval:
        ha["suspect"] = now  # with each health check that fails (HAResourceCounter.markResourceSuspected())
        return
    ha["checked"] = now
    yield _to(ha, "PerformActivityCheck", "Checking", now)
    yield from _checking(ha, look, timers, now)


def _checking(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    """A neighbour was asked."""
    active = look.active()
    if active is None:
        return
    ha.update(checks=ha["checks"] + 1, failed=ha["failed"] + (not active))
    if ha["checks"] < timers.attempts:
        yield _to(ha, "TooFewActivityCheckSamples", "Suspect", now)
        return
    yield from _decide(ha, look, timers, now)


def _decide(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    """After the last activity check."""
    if ha["failed"] / ha["checks"] <= timers.ratio:
        yield _to(ha, "ActivityCheckFailureUnderThresholdRatio", "Degraded", now)
        ha.update(checks=0, failed=0)
        return
    yield _to(ha, "ActivityCheckFailureOverThresholdRatio", "Recovering", now)
    ha.update(checks=0, failed=0)
    if ha["recoveries"] < timers.threshold:
        yield from _recover(ha, look, timers, now)


def _recover(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    worked = look.recover()
    if worked is None:
        return
    ha["recoveries"] += 0 if worked and timers.forgives else 1
    if worked:
        yield _to(ha, "Recovered", "Recovered", now)
    elif ha["recoveries"] < timers.threshold:
        yield _to(ha, "RetryRecovery", "Recovering", now)


def _recovering(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    if ha["recoveries"] < timers.threshold:
        yield from _recover(ha, look, timers, now)
        return
    yield _to(ha, "RecoveryOperationThresholdExceeded", "Fencing", now)
    yield from _fencing(ha, look, timers, now)


def _recovered(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    """The wait for the host; it ends in Available whether the host came back or not."""
    if now - ha["since"] >= timers.recover_wait:
        yield _to(ha, "RecoveryWaitPeriodTimeout", "Available", now)


def _degraded(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    if look.healthy:
        ha.update(counters())
        yield _to(ha, "HealthCheckPassed", "Available", now)
    elif now - ha["since"] >= timers.degraded:
        ha["checked"] = now - timers.interval
        yield _to(ha, "PeriodicRecheckResourceActivity", "Suspect", now)
    else:
        ha["suspect"] = now


def _fencing(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    fenced = look.fence()
    if fenced is None:
        return
    if not fenced:
        yield _to(ha, "RetryFencing", "Fencing", now)
        return
    ha.update(counters())
    yield _to(ha, "Fenced", "Fenced", now)


def _fenced(ha: Counters, look: Look, timers: Timers, now: float) -> Iterator[Transition]:
    """Its host is in maintenance, and nobody looks (45 s of good health changed nothing, ha.json). After that the first
    good health leads out, by way of Ineligible (HAConfig.java:142)."""
    if look.healthy:
        yield _to(ha, "HealthCheckPassed", "Ineligible", now)


_STEPS: dict[str, Callable[[Counters, Look, Timers, float], Iterator[Transition]]] = {
    "Disabled": _enter,
    "Ineligible": _enter,
    "Available": _available,
    "Suspect": _suspect,
    "Checking": _checking,
    "Recovering": _recovering,
    "Recovered": _recovered,
    "Degraded": _degraded,
    "Fencing": _fencing,
    "Fenced": _fenced,
}
