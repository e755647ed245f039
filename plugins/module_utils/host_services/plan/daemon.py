# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a daemon run with what its files say? Decided by what is, not by what this run has done: an earlier run may have
ended in between. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.daemon import (
    DaemonGoal,
    Moment,
    ReadFile,
    UnitState,
)

TICK = 0.01  # seconds: the kernel stamps files by its tick, which is up to this much late (CONFIG_HZ=100)
ABSENT_UNIT = UnitState("", "not-found", "inactive", "", False)
RUNNING = ("active", "reloading")
ENABLED = ("enabled", "static", "alias", "indirect", "generated")


def changed_since_start(changed: float, started: Moment, now: Moment) -> bool:
    """Whether a file with the ctime `changed` was changed after the start of a process. Seconds.

    Where the clock was set in between (a host's first look at its time servers), a ctime is read in both ways: by the
    clock of the start, and by that of today. One that fits between boot and start by the clock of the start is from
    there.
    """
    running = now.monotonic - started.monotonic
    today = now.wall - running  # the start, by the clock of today
    was_set = not -0.5 < today - started.wall < 1.5
    then = started.wall + 1 if was_set else today  # by the clock of the start, known to the second only
    boot = then - started.monotonic
    after_by_old_clock = then - TICK < changed <= then + running
    after_by_new_clock = today - TICK < changed <= now.wall
    return after_by_old_clock or (after_by_new_clock and not (was_set and boot <= changed <= then))


def reasons(
    goal: DaemonGoal, unit: UnitState, files: Sequence[ReadFile], others: Mapping[str, UnitState], now: Moment
) -> list[str]:
    """Why the daemon must be started anew, none if it runs with what its files say."""
    beside = [
        f"{name} was active beside it" for name in goal.exclude if others.get(name, ABSENT_UNIT).active in RUNNING
    ]
    if unit.active not in RUNNING:
        return ["it was not running", *beside] if goal.start else []
    started = unit.started
    if started is None:
        return ["systemd does not know when it was started", *beside]
    news = [news for each in files if (news := _news(each, goal, started, now))]
    return [f"it was started {_clock(started.wall)}, {one}" for one in news] + beside


def _news(file: ReadFile, goal: DaemonGoal, started: Moment, now: Moment) -> str:
    """What the daemon has not read yet, empty where it has read it all."""
    if file.path in goal.changed:
        return f"{file.path} is changed by this run"
    if file.changed is None or file.self_written or not changed_since_start(file.changed, started, now):
        return ""
    return f"{file.path} was changed {_clock(file.changed)}"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def plan_daemon(goal: DaemonGoal, units: Mapping[str, UnitState], files: Sequence[ReadFile], now: Moment) -> Plan:
    """The steps, in order: systemd reads its units again, what must not run beside is stopped, the daemon is enabled
    and started anew."""
    unit = units.get(goal.name, ABSENT_UNIT)
    why = reasons(goal, unit, files, units, now)
    steps = [
        change
        for change in (*(_stop(units.get(name)) for name in goal.exclude), _enable(goal, unit), _start(goal, unit, why))
        if change
    ]
    return Plan.of([_reload(goal, units, bool(steps)), *steps])


def _reload(goal: DaemonGoal, units: Mapping[str, UnitState], before_others: bool) -> Optional[Change]:
    """systemd does not say that it has not read a mask yet, so it reads its units again before it does anything with
    them."""
    old = [name for name in (goal.name, *goal.exclude) if name in units and units[name].reload_needed]
    if not old and not before_others:
        return None
    return Change("daemon-reload", "systemd", {"units": ", ".join(old) or "as read last"}, {"units": "read again"})


def _start(goal: DaemonGoal, unit: UnitState, why: Sequence[str]) -> Optional[Change]:
    if not why:
        return None
    verb = "restart" if unit.active in RUNNING else "start"
    return Change(verb, goal.name, _shown(unit), {"active": "active", "because": "; ".join(why)})


def _stop(unit: Optional[UnitState]) -> Optional[Change]:
    if unit is None or unit.active not in RUNNING:
        return None
    return Change("stop", unit.name, {"active": unit.active}, {"active": "inactive"})


def _enable(goal: DaemonGoal, unit: UnitState) -> Optional[Change]:
    if goal.enabled is None or (unit.unit_file in ENABLED) == goal.enabled:
        return None
    verb = "enable" if goal.enabled else "disable"
    return Change(verb, goal.name, {"at boot": unit.unit_file or "absent"}, {"at boot": f"{verb}d"})


def _shown(unit: UnitState) -> dict[str, str]:
    since = f" since {_clock(unit.started.wall)}" if unit.started and unit.active in RUNNING else ""
    return {"active": f"{unit.active}{since}"}
