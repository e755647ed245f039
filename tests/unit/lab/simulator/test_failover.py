# SPDX-License-Identifier: GPL-3.0-or-later
"""A host dies with guests on it: the recorded real failover step by step (recorded/kvm-host-ha.json), and what else
can become of it. Times follow the settings and CloudStack's rules, on a clock that stands still."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import failover

from tests.unit.lab.simulator.clouds import rounds

RECORDED = Path(__file__).parents[3] / "fixtures" / "recorded" / "kvm-host-ha.json"
RUN = "h2 hung (its QEMU stopped) with one HA VM on it; activity interval 15, attempts 4, recover wait 90, threshold 1"
SETTINGS = {
    "kvm.ha.activity.check.interval": "15",
    "kvm.ha.activity.check.max.attempts": "4",
    "kvm.ha.degraded.max.period": "60",
    "kvm.ha.recover.wait.period": "90",
    "kvm.ha.recover.failure.threshold": "1",
}
# States that a look each second does not always meet.
SHORT = ("Checking", "Recovering", "Fencing")


def recorded() -> list[tuple[float, dict]]:
    """(seconds, what was seen) of the real failover."""
    entries = json.loads(RECORDED.read_text())
    timeline = next(entry["timeline"] for entry in entries if entry["name"] == RUN)
    return [(seconds, seen) for seconds, _, seen in timeline]


def lasting(rows: list[tuple[float, tuple]]) -> list[tuple[float, tuple]]:
    """Without short states, and each of the others once."""
    long = [row for row in rows if row[1][0] not in SHORT]
    return [next(group) for _, group in groupby(long, key=lambda row: row[1])]


def seen_really(seen: dict) -> tuple[str, str, str]:
    """(HA state, state of the host, guest)."""
    host = seen["h2"][1].split(" ")[0]
    return seen["h2"][0].removeprefix("on "), host, seen["vm"]


def seen_here(site) -> tuple[str, str, str]:
    host = site.host("h2")
    return host["hostha"]["hastate"], f"{host['state']}/{host['resourcestate']}", site.shown("vm")


def prepare(site, **settings: str) -> None:
    """The settings of the recorded run, and a guest with HA on h2."""
    for name, value in {**SETTINGS, **settings}.items():
        site.api("updateConfiguration", name=name, value=value, clusterid=site.cluster)
    assert "virtualmachine" in site.deploy("vm", on="h2")["jobresult"]
    site.watch()
    assert seen_here(site) == ("Available", "Up/Enabled", "Running on h2")


@pytest.fixture
def dying(site):
    """h2 hangs now, with the guest on it."""
    prepare(site)
    site.machines.hang(site.hosts["h2"])
    return site


def test_the_recorded_failover_step_by_step(dying):
    real = lasting([(at, seen_really(seen)) for at, seen in recorded()])
    ours = lasting(rounds(dying.api, 500, lambda: seen_here(dying)))
    # between Stopped and Running the real guest was seen Starting; here it starts within one round
    real = [row for row in real if row[1][2].split(" ")[0] not in ("Stopped", "Starting")]
    assert [state for _, state in ours] == [state for _, state in real]
    for (at, state), (really, _) in zip(ours[1:], real[1:], strict=True):
        assert at == pytest.approx(really, rel=0.2), state


def test_fenced_and_back_in_time(dying):
    ours = rounds(dying.api, 500, lambda: seen_here(dying))
    fenced = next(at for at, state in ours if state[0] == "Fenced")
    back = next(at for at, state in ours if state[2] == "Running on h1")
    assert fenced == pytest.approx(333, rel=0.2)
    assert 418 * 0.8 <= back <= 446 * 1.2
    computed = failover({name: float(value) for name, value in SETTINGS.items()})
    assert fenced == pytest.approx(computed.fenced_at, rel=0.2)
    assert back == pytest.approx(computed.guests_at, rel=0.2)
