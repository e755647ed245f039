# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a daemon run with what its files say? The start of the process against the time of the file, also where the
clock was set in between."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.daemon import (
    DaemonGoal,
    Moment,
    ReadFile,
    UnitState,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.plan.daemon import (
    changed_since_start,
    plan_daemon,
    reasons,
)

NOON = 1_795_000_000.0  # some second of 2026
HOUR = 3600.0
BOOTED = 100.0  # seconds between boot and the start of the daemon
CONF = "/etc/chrony/chrony.conf"


def started(second: float = NOON) -> Moment:
    """A start as systemd tells it: the wall clock to the second, the other one to the microsecond (here: 0.4 s into the
    second)."""
    return Moment(second, BOOTED + 0.4)


def later(seconds: float, clock_set_by: float = 0.0) -> Moment:
    """So long after the start; `clock_set_by` is how far the wall clock was set meanwhile."""
    return Moment(NOON + 0.4 + seconds + clock_set_by, BOOTED + 0.4 + seconds)


@pytest.mark.parametrize(
    ("file", "now", "stale"),
    [
        pytest.param(NOON - 86400, later(60), False, id="a day before"),
        pytest.param(NOON + 0.1, later(60), False, id="the same second, before the start"),
        pytest.param(NOON + 0.6, later(60), True, id="the same second, after the start"),
        pytest.param(NOON + 0.397, later(60), True, id="the kernel's tick before: may have been after"),
        pytest.param(NOON + 30, later(60), True, id="half a minute after"),
        pytest.param(NOON + 60.39, later(60), True, id="just now"),
        pytest.param(NOON + 5 * HOUR, later(60), False, id="a date to come: from a clock before this start"),
        # The clock was an hour ahead and was set back after the start: the first run on a host whose firmware keeps
        # local time.
        pytest.param(NOON - 1, later(60, -HOUR), False, id="set back: written before the start, by the old clock"),
        pytest.param(NOON - 1, later(2 * HOUR, -HOUR), False, id="set back: the same, when that time has come again"),
        pytest.param(NOON + 20, later(60, -HOUR), True, id="set back: written after the start, by the old clock"),
        pytest.param(
            NOON - HOUR + 50,
            later(60, -HOUR),
            True,
            id="set back: written after it was set, looks older than the start",
        ),
        pytest.param(NOON - 2 * HOUR, later(60, -HOUR), False, id="set back: older by both clocks"),
        # The clock was behind and was set forward after the start.
        pytest.param(NOON - 10, later(60, HOUR), False, id="set forward: written before the start"),
        pytest.param(NOON + 10, later(60, HOUR), True, id="set forward: written before it was set, after the start"),
        pytest.param(NOON + HOUR + 50, later(60, HOUR), True, id="set forward: written after it was set"),
        pytest.param(
            NOON + HOUR - 300,
            later(60, HOUR),
            False,
            id="set forward: a file of the last boot, when the clock was right",
        ),
        pytest.param(NOON, later(60, 20 * 365 * 86400), False, id="set forward by years: an empty battery"),
        pytest.param(
            NOON + 10 * 365 * 86400,
            later(60, 20 * 365 * 86400),
            False,
            id="an empty battery, and a file of years in between",
        ),
    ],
)
def test_changed_since_start(file, now, stale):
    assert changed_since_start(file, started(), now) is stale


def unit(name: str = "chrony.service", **values) -> UnitState:
    return UnitState(
        **{
            "name": name,
            "load": "loaded",
            "active": "active",
            "unit_file": "enabled",
            "reload_needed": False,
            "started": started(),
            **values,
        }
    )


def plan(goal: DaemonGoal, *units: UnitState, files=()) -> list[str]:
    return plan_daemon(goal, {each.name: each for each in units}, files, later(60)).summary()


OLD, NEW = ReadFile(CONF, NOON - 5), ReadFile(CONF, NOON + 5)
CHRONY = DaemonGoal("chrony.service", enabled=True)
AGENT = DaemonGoal("cloudstack-agent.service", start=False)
LIBVIRTD = DaemonGoal("libvirtd.service", exclude=("libvirtd.socket", "libvirtd-ro.socket"), enabled=True)


@pytest.mark.parametrize(
    ("goal", "units", "files", "steps"),
    [
        pytest.param(CHRONY, [unit()], [OLD], [], id="runs with its file"),
        pytest.param(
            CHRONY,
            [unit()],
            [NEW],
            ["daemon-reload systemd", "restart chrony.service"],
            id="an old daemon and a new file",
        ),
        pytest.param(CHRONY, [unit()], [ReadFile(CONF, None)], [], id="no file"),
        pytest.param(
            CHRONY,
            [unit(active="failed", started=None)],
            [OLD],
            ["daemon-reload systemd", "start chrony.service"],
            id="failed",
        ),
        pytest.param(
            CHRONY,
            [unit(active="activating")],
            [OLD],
            ["daemon-reload systemd", "start chrony.service"],
            id="between two tries",
        ),
        pytest.param(
            CHRONY,
            [unit(unit_file="disabled")],
            [OLD],
            ["daemon-reload systemd", "enable chrony.service"],
            id="not at boot",
        ),
        pytest.param(CHRONY, [unit(reload_needed=True)], [OLD], ["daemon-reload systemd"], id="unit file changed"),
        pytest.param(
            CHRONY,
            [],
            [],
            ["daemon-reload systemd", "enable chrony.service", "start chrony.service"],
            id="not installed yet",
        ),
        pytest.param(
            CHRONY,
            [unit(started=None)],
            [OLD],
            ["daemon-reload systemd", "restart chrony.service"],
            id="nobody knows when it was started",
        ),
        pytest.param(
            AGENT,
            [unit("cloudstack-agent.service", active="inactive")],
            [NEW],
            [],
            id="an agent that waits for the join",
        ),
        pytest.param(
            AGENT,
            [unit("cloudstack-agent.service", active="failed")],
            [NEW],
            [],
            id="an agent that does not run reads it when it starts",
        ),
        pytest.param(
            AGENT,
            [unit(AGENT.name)],
            [NEW],
            ["daemon-reload systemd", "restart cloudstack-agent.service"],
            id="an agent with old keys",
        ),
        pytest.param(
            AGENT,
            [unit("cloudstack-agent.service")],
            [ReadFile(CONF, NOON + 5, self_written=True)],
            [],
            id="the agent wrote it itself",
        ),
        pytest.param(
            LIBVIRTD,
            [
                unit("libvirtd.service"),
                unit("libvirtd.socket", started=None),
                unit("libvirtd-ro.socket", active="inactive", started=None),
            ],
            [OLD],
            ["daemon-reload systemd", "stop libvirtd.socket", "restart libvirtd.service"],
            id="a socket in front of libvirtd",
        ),
        pytest.param(
            LIBVIRTD,
            [
                unit("libvirtd.service"),
                unit("libvirtd.socket", active="inactive", load="masked", unit_file="masked", started=None),
            ],
            [OLD],
            [],
            id="as it shall be",
        ),
    ],
)
def test_plan(goal, units, files, steps):
    assert plan(goal, *units, files=files) == steps


def test_what_this_run_changed_counts_whatever_the_clock_says():
    goal = DaemonGoal("chrony.service", changed=(CONF, "/etc/hosts"))
    assert reasons(goal, unit(), [OLD], {}, later(60)) == [
        "it was started 2026-11-18 11:06:40 UTC, /etc/chrony/chrony.conf is changed by this run"
    ]
    assert not reasons(goal, unit(), [ReadFile("/etc/chrony.keys", NOON - 5)], {}, later(60)), (
        "only files that the daemon reads count"
    )


def test_the_reason_names_both_times():
    assert reasons(CHRONY, unit(), [NEW], {}, later(60)) == [
        "it was started 2026-11-18 11:06:40 UTC, /etc/chrony/chrony.conf was changed 2026-11-18 11:06:45 UTC"
    ]
