# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching and bringing back, on a CloudStack that plays the recorded failover."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill import bring_back, watch
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.verdict import verdict

from tests.drills import SETTINGS, drill, recorded

ADDRESS = "10.88.0.11"


class Clock:
    """Moves when somebody sleeps; `now` and `monotonic` go together."""

    def __init__(self, at: float = 1000.0) -> None:
        self.time = at

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, timezone.utc)

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Played:
    """CloudStack as it was seen at each moment of the recording, or as `shown` says; notes what is sent."""

    def __init__(self, shown) -> None:
        self.clock, self.shown, self.sent = Clock(), shown, []
        self.access = SimpleNamespace(timeout=900, poll_interval=2.0)

    def list(self, command, kind, **params):
        if command == "listVirtualMachines":
            each = self.shown(self.clock.time - 1000.0)
            return [{"id": "v1", "state": each.guest_state, "hostname": each.guest_host or None}]
        if command == "listHosts":
            return [self.host()]
        return []

    def host(self):
        each = self.shown(self.clock.time - 1000.0)
        return {
            "id": "h1", "name": "host1", "ipaddress": ADDRESS, "zoneid": "z1", "hypervisor": "KVM",
            "state": each.state, "resourcestate": each.resource_state,
            "hostha": {"haenable": True, "hastate": each.ha_state, "haprovider": "kvmhaprovider"},
            "outofbandmanagement": {"enabled": True, "driver": "ipmitool", "powerstate": each.power},
        }  # fmt: skip

    def job(self, command, **params):
        self.sent.append(" ".join([command, *(str(value) for key, value in params.items() if key == "action")]))
        return {}

    call = job


def at_time(looks):
    return lambda now: [each for each in looks if each.at <= max(now, 0.0)][-1]


@pytest.fixture
def file(tmp_path):
    found = DrillFile(str(tmp_path / "ha_drill.state.json"))
    found.save(drill(settings=SETTINGS, stage="failing"))
    return found


def test_the_recorded_failover_is_watched(file):
    client = Played(at_time(recorded()))
    done = watch(client, file)
    assert done == file.load()
    assert done.stage == "watched"
    wanted = [each.shows() for each in drill(looks=recorded()).seen]
    assert [each.shows() for each in done.seen] == wanted, "no state is missed at a second between two looks"
    assert verdict(replace(done, stage="back"), {"boots": [1, 2]}).passed
    assert client.sent == [], "it only looks"


@pytest.mark.parametrize("at", [0.0, 9.0, 60.0, 174.0, 333.0, 420.0])
def test_a_watch_that_was_killed_goes_on(file, at):
    """At any moment; half a minute later it is run again. What it had seen is there, and the gap is told."""
    client = Played(at_time(recorded()))

    def killed(seconds):
        client.clock.time += seconds
        if client.clock.time >= 1000.0 + at:
            raise KeyboardInterrupt

    client.clock.sleep = killed
    with pytest.raises(KeyboardInterrupt):
        watch(client, file)
    before = file.need()
    assert before.stage == "failing"
    again = Played(at_time(recorded()))
    again.clock.time = client.clock.time + 30.0
    done = watch(again, file)
    assert done.seen[: len(before.seen)] == before.seen
    assert done.seen[-1].guest_host == "h1"
    assert done.gaps


def test_a_watch_ends_although_nothing_happens(file):
    client = Played(lambda now: recorded()[0])
    done = watch(client, file)
    assert client.clock.time == pytest.approx(1000.0 + done.expectation.ends_by, abs=3)


class Machine:
    """A host that was fenced: on, it boots for `boot` seconds; each step is taken when it is asked for."""

    def __init__(self, boot=120.0, **begin) -> None:
        first = replace(recorded()[0], guest_state="", guest_host="")
        self.look, self.on_at, self.boot = replace(first, **begin), None, boot

    def shown(self, client):
        if self.on_at is not None and client.clock.time - self.on_at >= self.boot:
            self.look = replace(self.look, state="Up", power="On")
        return self.look

    def play(self):
        client = Played(None)
        client.shown = lambda now: self.shown(client)
        ask = client.job

        def job(command, **params):
            ask(command, **params)
            if params.get("action") in ("ON", "RESET"):
                self.on_at, self.look = client.clock.time, replace(self.look, power="On")
            elif command == "cancelHostMaintenance":
                self.look = replace(self.look, resource_state="Enabled")
            elif command == "disableHAForHost":
                self.look = replace(self.look, ha_state="Disabled")
            elif command == "enableHAForHost":
                self.look = replace(self.look, ha_state="Available")
            return {}

        client.job = client.call = job
        return client


FENCED = {"state": "Down", "resource_state": "Maintenance", "ha_state": "Fenced", "power": "Off"}


def test_a_fenced_host_is_brought_back(file, monkeypatch):
    client = Machine(**FENCED).play()
    done = bring_back(client, file, 1800)
    assert done.stage == "back" == file.need().stage
    assert client.sent == [
        "issueOutOfBandManagementPowerAction ON",
        "cancelHostMaintenance",
        "disableHAForHost",
        "enableHAForHost",
    ]


def test_a_bmc_that_does_not_switch_on_at_once_is_told_again(file):
    machine = Machine(**FENCED)
    client = machine.play()
    tell = client.job

    def job(command, **params):
        if params.get("action") == "ON" and len(client.sent) < 2:
            client.sent.append("refused")
            raise ApiError("busy", code=530)
        return tell(command, **params)

    client.job = job
    bring_back(client, file, 1800)
    assert client.sent[:3] == ["refused", "refused", "issueOutOfBandManagementPowerAction ON"]


def test_a_hung_host_is_reset_once_also_by_two_runs(file):
    hung = {"state": "Down", "ha_state": "Suspect"}
    client = Machine(boot=10000.0, **hung).play()
    with pytest.raises(ApiError, match="the host of the drill is not back"):
        bring_back(client, file, 600)
    assert client.sent == ["issueOutOfBandManagementPowerAction RESET"]
    again = Machine(boot=10000.0, **hung).play()
    with pytest.raises(ApiError, match="the host of the drill is not back"):
        bring_back(again, file, 600)
    assert again.sent == []
    assert file.need().stage == "failing", "a third run goes on"


def test_a_host_that_is_whole_is_left_alone(file):
    client = Machine().play()
    assert bring_back(client, file, 1800).stage == "back"
    assert client.sent == []
