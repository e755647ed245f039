# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a drill will do, and what CloudStack is expected to make of it, decided before anything is done.

Which failure leads where is docs/high-availability.md; what a real server did is in tests/fixtures/recorded
(kvm-host-ha.json): a hung host is judged dead by the disks of its guests, a host without its storage resets itself, and
a host whose guests write is never fenced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.consequences import if_dies
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.fencing import heartbeat_pools
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    AGENT_KILL,
    FAILING,
    FENCED,
    JUDGED,
    KERNEL_HANG,
    MANAGEMENT_CUT,
    POWER_OFF,
    RESTARTED,
    STORAGE_CUT,
    SUSPECT,
    Drill,
    Expectation,
    HostLook,
    Window,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import Value, full
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Guest, HaHost, Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import (
    BEST,
    CASES,
    DETECTION,
    SERIES,
    TYPICAL,
    WORST,
    Timing,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import readiness
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import (
    HEARTBEAT_LIMIT,
    failover,
    self_reset,
)

# The time that is left above the computed worst one, before the drill stops to wait: a fifth, and a minute.
SLACK, MARGIN = 1.2, 60.0
LONGEST_NAME = 63  # letters of a guest's name, which is a host name (RFC 1123)
DIES = {
    POWER_OFF: "the host loses its power: it is silent at once, and its guests stop writing",
    KERNEL_HANG: "the kernel stops: the host is silent, its guests stop writing, and its power stays on",
}


def canary_name(host: str) -> str:
    """The name of the guest of a drill, by which a later run finds it again."""
    plain = re.sub(r"[^a-z0-9-]+", "-", host.lower()).strip("-")
    return f"ha-drill-{plain}"[:LONGEST_NAME].strip("-")


def with_canary(site: Site, host: HaHost, offering: str, cpu: int, memory: int) -> Site:
    """The cluster as it is when the canary runs on the host. CPU in MHz, memory in bytes."""
    shared = tuple(pool.name for pool in heartbeat_pools(site) if pool.in_use)[:1]
    canary = Guest(canary_name(host.name), host.name, True, offering, cpu, memory, pools=shared)
    others = tuple(guest for guest in site.guests if not guest.name.startswith(canary.name))
    return replace(site, guests=(*others, canary))


def plan_drill(
    site: Site, host: HaHost, failure: str, keys: Mapping[str, Value], look: HostLook, has_canary: bool
) -> Expectation:
    """What is expected of this failure. `site` has the canary already, where there is one; `keys` are those of
    agent.properties. Raises InputError with all that speaks against the drill.
    """
    against = [*_findings(site, host, keys), *_losses(site, host)]
    if failure in look.cannot:
        against.append(look.cannot[failure])
    if not site.on(host.name):
        against.append("the host has no guest, and CloudStack never fences such a host: the drill would show nothing")
    if against:
        raise _refused(host.name, failure, against)
    given = {**site.settings, **keys}
    expected = _expectation(failure, given, look, len(if_dies(site, host).returns))
    remark = look.remarks.get(failure)
    missing = () if has_canary else (NO_CANARY,)
    return replace(expected, told=(*expected.told, *([remark] if remark else []), *missing))


def go_on(drill: Optional[Drill], address: str, failure: str) -> Optional[Drill]:
    """The drill that an earlier run has not brought to its end; None where a new one may begin. Raises InputError for
    one of another host, or with another failure: it comes first.
    """
    if drill is None:
        return None
    if (drill.address, drill.failure) != (address, failure):
        raise InputError(
            "an earlier drill of this cluster has not come to its end",
            host=address,
            expected="no drill that is unfinished, or the same one again",
            observed=f"{drill.failure} of {drill.host}, begun by {drill.begun_by}, stage {drill.stage}",
            next_step=f"run that one again first, with ha_drill_failure={drill.failure}: it goes on where it was",
        )
    # Nothing was done to the host yet: what follows if it dies is asked anew.
    return drill if drill.reached(FAILING) else None


def result(drill: Drill, *, resumed: bool) -> dict[str, Any]:
    """The documented keys of a drill."""
    return {
        "host": drill.host,
        "failure": drill.failure,
        "stage": drill.stage,
        "resumed": resumed,
        "dies": drill.expectation.dies,
        "ends_by": round(drill.expectation.ends_by),
        "told": list(drill.expectation.told),
    }


NO_CANARY = (
    "there is no canary (ha_drill_template): the drill cannot show that a guest comes back with its disk whole, nor"
    " that two guests never write to one disk"
)


def _findings(site: Site, host: HaHost, keys: Mapping[str, Value]) -> list[str]:
    """What the checks of ha_report say against this host, as errors."""
    found = readiness(site, keys).findings
    return [
        f"{each.id} {each.title}: {each.observed} ({each.fix})"
        for each in found
        if each.stops and host.name in each.hosts
    ]


def _losses(site: Site, host: HaHost) -> list[str]:
    """Guests that the drill would take down for good."""
    return [
        f"{loss.guest} would stay down: {loss.because} (migrate it to another host first)"
        for loss in if_dies(site, host).stays
    ]


def _refused(host: str, failure: str, against: Sequence[str]) -> InputError:
    return InputError(
        f"the drill {failure} is refused, and nothing was done",
        host=host,
        expected="a host that CloudStack would fence, and guests that would all come back",
        observed="; ".join(against),
        next_step="see ansible-playbook cloudstack.kvm.ha_report and docs/ha-drill.md, then run again",
    )


def _expectation(failure: str, given: Mapping[str, Value], look: HostLook, guests: int) -> Expectation:
    if failure in DIES:
        return _death(given, guests, DIES[failure])
    if failure == STORAGE_CUT:
        return _without_storage(given, guests)
    if failure == MANAGEMENT_CUT and _shares(look):
        devices = ", ".join(sorted(set(look.pools.values())))
        told = f"storage goes through the management device {devices} too: the host is cut off from everything"
        return _death(given, guests, told)
    return _stay(failure, given, guests)


def _shares(look: HostLook) -> bool:
    """Whether all storage is lost with the management network."""
    return bool(look.pools) and set(look.pools.values()) == {look.management}


def timings(given: Mapping[str, Value], guests: int) -> dict[str, list[Timing]]:
    """By case: with a BMC that obeys the reset, and with one that refuses it. Which it is, nobody knows before."""
    return {
        case: [failover(given, case, guests=max(guests, 1), reset=reset) for reset in (True, False)] for case in CASES
    }


def _death(given: Mapping[str, Value], guests: int, cause: str) -> Expectation:
    computed = timings(given, guests)
    windows = [
        _window(SUSPECT, {case: [_detected(each) for each in computed[case]] for case in CASES}),
        _window(JUDGED, {case: [_judged(each) for each in computed[case]] for case in CASES}),
        _window(FENCED, {case: [each.fenced_at for each in computed[case]] for case in CASES}),
        _window(RESTARTED, {case: [each.guests_at for each in computed[case]] for case in CASES}),
    ]
    known = tuple(each for each in windows if each)
    told = [
        cause,
        "CloudStack resets it through its BMC; if it does not come back by that, it is powered off (Fenced)",
        _told_guests(windows[-1]),
    ]
    return Expectation(True, SLACK * max(each.worst for each in known) + MARGIN, known, tuple(told))


def _told_guests(window: Optional[Window]) -> str:
    if window is None:
        return "with these settings CloudStack gives the guests up before the host is fenced (HAV019): they stay down"
    return f"its guests run on a neighbour after {window.typical:.0f} s, at the latest after {window.worst:.0f} s"


def _without_storage(given: Mapping[str, Value], guests: int) -> Expectation:
    """An agent that cannot write its heartbeat resets its host, whatever host HA does meanwhile."""
    death = _death(given, guests, "the host loses its primary storage: its guests stop writing, its agent goes on")
    if self_reset(given) is None:
        told = "its agent is told not to reset the host (agent.properties), so that only host HA can end this"
        return replace(death, told=(death.told[0], told, *death.told[1:]))
    by_itself = {case: self_reset(given, case) or 0.0 for case in CASES}
    back = float(full(given)["kvm.ha.recover.wait.period"])
    ends_by = max(death.ends_by, SLACK * (by_itself[WORST] + back) + MARGIN)
    told = (
        f"its agent resets the host after {by_itself[BEST]:.0f} to {by_itself[WORST]:.0f} s, CloudStack may show it Up"
        " all the time; whichever comes first, the reset of the agent or that of host HA, ends its guests"
    )
    return Expectation(True, ends_by, (), (death.told[0], told, "its guests are started again, here or on a neighbour"))


def _stay(failure: str, given: Mapping[str, Value], guests: int) -> Expectation:
    """The host lives, its guests write, and the neighbours see it: CloudStack must not touch it."""
    computed = timings(given, guests)
    detected = _window(SUSPECT, {case: [_detected(each) for each in computed[case]] for case in CASES})
    judged = _window(JUDGED, {case: [_judged(each) for each in computed[case]] for case in CASES})
    # The heartbeat of the agent is believed for a minute more.
    window = replace(detected, worst=detected.worst + HEARTBEAT_LIMIT) if detected else None
    ends_by = (judged.worst if judged else 0.0) + HEARTBEAT_LIMIT + MARGIN
    cause = {AGENT_KILL: "the agent is killed", MANAGEMENT_CUT: "the management network is cut, storage is not"}[
        failure
    ]
    told = (
        f"{cause}: guests go on and write, so the host goes between Suspect and Degraded, and is never fenced",
        f"watched for {ends_by:.0f} s, in which a dead host would have been reset; its guests stay where they are",
    )
    return Expectation(False, ends_by, (window,) if window else (), told)


def _window(event: str, times: Mapping[str, Sequence[Optional[float]]]) -> Optional[Window]:
    """None where one of the times is never."""
    if any(each is None or each == float("inf") for case in times.values() for each in case):
        return None
    known = {case: [each for each in found if each is not None] for case, found in times.items()}
    return Window(event, min(known[BEST]), max(known[TYPICAL]), max(known[WORST]))


def _detected(timing: Timing) -> float:
    return next(timing.ends_at(index) for index, stage in enumerate(timing.stages) if stage.name == DETECTION)


def _judged(timing: Timing) -> float:
    """When the first series is over that says that the host is dead."""
    ends = [
        timing.ends_at(index)
        for index, stage in enumerate(timing.stages)
        if (stage.name, stage.state) == (SERIES, "Recovering")
    ]
    return ends[0] if ends else float("inf")
