# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ha_drill on a simulated CloudStack whose hosts are files: a host loses its power, its guests come back,
and the host is back afterwards, whatever ends the run on its way."""

from __future__ import annotations

import json
import stat
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile

from tests.integration.drill_world import PASSWORD, World, running
from tests.integration.playbooks import ROOT, play

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
PLACE = {"cloudstack_zone": "z", "cloudstack_pod": "p", "cloudstack_cluster": "c", "ha_drill_template": "tiny"}
OFF, NOTED = "ipmitool off right password", "Note that the failure is about to be begun"
STAGES = (
    "Start the canary on the host",
    "Note that the failure is about to be begun",
    "Switch the host off through its BMC, without CloudStack",
    "Watch host and guest until CloudStack is done with both",
    "Bring the host back",
    "Remove the canary",
)


class Drills:
    """Runs of the playbook on h1."""

    def __init__(self, world, env, folder) -> None:
        self.world, self.env, self.folder = world, env, folder
        self.file = DrillFile(str(folder / "reports" / "c" / "ha_drill.state.json"))
        hosts = {f"h{number}": self._host(number) for number in (1, 2, 3)}
        shared = {**LOCAL, **PLACE, "preflight_report_dir": str(folder / "reports")}
        (folder / "hosts.yml").write_text(yaml.safe_dump({"kvm_hosts": {"hosts": hosts, "vars": shared}}))

    def _host(self, number: int) -> dict:
        bmc = {"oobm_address": f"198.51.100.1{number}", "oobm_username": "a", "oobm_password": PASSWORD}
        return {"cloudstack_host_address": f"192.0.2.1{number}", **bmc}

    def run(self, failure="power_off", *arguments, kill="", **extra):
        env = dict(self.env)
        if kill:
            env.update(
                ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "tests" / "integration" / "callback"),
                ANSIBLE_CALLBACKS_ENABLED="kill_after",
                KILL_AFTER_LOG=str(self.folder / "kill.log"),
                KILL_AFTER_TASK=kill,
            )
        extra = {"ha_drill_host": "h1", "ha_drill_failure": failure, **extra}
        done = play("ha_drill.yml", self.folder / "hosts.yml", *arguments, extra=extra, env=env, alone=bool(kill))
        assert PASSWORD not in done.output
        return done

    def report(self, failure="power_off"):
        return json.loads((self.folder / "reports" / "c" / f"ha_drill.h1.{failure}.json").read_text())

    def file_is_private(self) -> bool:
        return stat.S_IMODE(Path(self.file.path).stat().st_mode) == 0o600

    def let_time_pass(self, drill, stage) -> None:
        """Of a drill whose failure was noted and never begun: the time of its watch is over."""
        if stage == NOTED:
            self.world.write_journal([("a" * 16, 1)])
            self.file.save(replace(drill, failed_at=drill.failed_at - drill.expectation.ends_by))

    def power_offs(self) -> list[str]:
        return [line for line in self.world.log if line.startswith("ipmitool off")]

    def assert_whole(self) -> None:
        """All as before the drill, and nothing of it is left."""
        host = self.world.site.host("h1")
        found = (host["state"], host["resourcestate"], host["hostha"]["hastate"])
        assert found == ("Up", "Enabled", "Available")
        api = self.world.api
        assert [each["name"] for each in api("listVirtualMachines")["virtualmachine"]] == ["vm2"]
        assert [each["name"] for each in api("listNetworks")["network"]] == ["n"]
        offerings = [each["name"] for each in api("listServiceOfferings")["serviceoffering"]]
        assert offerings[-1] == "ha" and "cloudstack-kvm-ha-drill" not in offerings
        assert (self.world.folder / "agent").read_text() == "active"
        assert self.file.load() is None
        kept = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "hosts.yml"]
        assert not [path for path in kept if PASSWORD.encode() in path.read_bytes() and "bin" not in path.parts]


@pytest.fixture
def drills(tmp_path, monkeypatch):
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world", sys.executable)
    with running(world, monkeypatch) as port:
        yield Drills(world, world.env(port), tmp_path)


def test_a_host_loses_its_power_and_its_guest_comes_back(drills):
    done = drills.run()
    assert done.code == 0, done.output
    report = drills.report()
    assert (report["passed"], report["ending"], report["problems"]) == (True, "fenced", [])
    assert drills.power_offs() == [OFF]
    last = report["timeline"][-1]
    assert last["ha_state"] == "Fenced" and last["guest_state"] == "Running" and last["guest_host"] in ("h2", "h3")
    assert [each["id"] for each in report["canary"]["journal"]["boots"]] == ["a" * 16, "b" * 16]
    assert "its guests run on a neighbour after" in done.output, "told before"
    assert "drill power_off of h1: passed, fenced" in done.output
    drills.assert_whole()


def test_host_and_failure_are_typed_out(drills):
    refused = drills.run(ha_drill_host="h9")
    assert refused.code == 2
    assert "Observed: ha_drill_host=h9, ha_drill_failure=power_off" in " ".join(refused.output.split())
    assert drills.world.log == []


@pytest.mark.full
def test_check_mode_says_what_would_happen(drills):
    predicted = drills.run("power_off", "--check")
    assert predicted.code == 0, predicted.output
    assert "its guests run on a neighbour after" in predicted.output
    assert drills.world.log == [] and drills.file.load() is None


@pytest.mark.full
def test_a_host_with_a_guest_that_would_stay_down_is_refused(drills):
    drills.world.site.deploy("vm1", "h1", offering="plain")
    with drills.world.api.cloud.lock:
        for guest in drills.world.api.cloud.table("virtualmachine"):
            guest["haenable"] = guest["name"] != "vm1"
    refused = drills.run()
    assert refused.code == 2
    assert "vm1" in refused.output and "would stay down: HA is off for it" in " ".join(refused.output.split())
    assert drills.world.log == [] and drills.file.load() is None


@pytest.mark.full
def test_two_writers_fail_the_drill_loudly(drills):
    drills.world.write_journal([("a" * 16, 1), ("b" * 16, 1)], turns=2)
    done = drills.run()
    assert done.code == 2
    assert "problem   TWO GUESTS WROTE TO ONE DISK" in done.output
    assert drills.report()["passed"] is False
    drills.assert_whole()


@pytest.mark.full
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_is_killed_is_run_again_to_a_whole_host(drills, stage):
    """By SIGKILL behind each step. Never more than one power-off; behind the note it may be that none was sent."""
    killed = drills.run(kill=stage)
    assert killed.code == -9, killed.output
    drill = drills.file.load()
    assert drill is not None, "the host is not yet known to be whole"
    assert drills.file_is_private()
    drills.let_time_pass(drill, stage)
    again = drills.run()
    if stage == NOTED:
        assert again.code == 2 and "no sign of the failure" in again.output
        assert drills.power_offs() == []
    elif stage == "Remove the canary":
        # Its guest is gone, and its journal with it.
        assert drills.power_offs() == [OFF]
    else:
        assert again.code == 0, again.output
        assert drills.report()["ending"] == "fenced"
        assert drills.power_offs() == [OFF]
    drills.assert_whole()


@pytest.mark.full
def test_a_host_whose_agent_is_killed_stays(drills):
    """Never fenced, as told before. The minutes of its watch are taken for over when the run was ended in them."""
    killed = drills.run("agent_kill", kill="Begin the failure on the host")
    assert killed.code == -9, killed.output
    assert "is never fenced" in " ".join(killed.output.split())
    assert drills.world.log[-2:] == [
        "systemctl mask --runtime cloudstack-agent.service",
        "systemctl kill --signal=SIGKILL cloudstack-agent.service",
    ]
    wait_for(lambda: drills.world.site.host("h1")["hostha"]["hastate"] == "Degraded")
    drill = drills.file.load()
    drills.file.save(replace(drill, failed_at=drill.failed_at - drill.expectation.ends_by))
    drills.world.write_journal([("a" * 16, 1)])
    done = drills.run("agent_kill")
    report = drills.report("agent_kill")
    assert report["ending"] == "stayed" and report["problems"] == [], done.output
    assert done.code == 0
    assert not [line for line in drills.world.log if line.startswith("CloudStack")], "no power action"
    drills.assert_whole()


def wait_for(ready):
    """Until it is so, a minute at the most."""
    end = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < end, "it did not come to be so"
        threading.Event().wait(0.2)
