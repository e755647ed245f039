# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before addHost, against the simulator: a verdict that does not hold sends nothing, and a pre-flight that
ended early leaves its mark."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.cluster_profiles import healthy
from tests.integration.modules import run_module
from tests.integration.playbooks import ROOT, command, environment, play
from tests.integration.simulator import run_simulator
from tests.kept_reports import kept

WORLD = healthy()
FACTS = WORLD.hosts["host4"]["facts"]
HERE = {"ip_address": "10.88.0.14", "zone": "zone1", "pod": "pod1", "cluster": "cluster1"}
MARK = "preflight.unfinished.json"


@pytest.fixture(scope="module")
def cloud():
    """A server with the clusters cluster1 and cluster2, and no host."""
    with run_simulator() as running:
        api = running.api
        zone = api.call(
            "createZone", name="zone1", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54"
        )["zone"]["id"]
        pods = [
            api.call(
                "createPod",
                name=f"pod{each}",
                zoneid=zone,
                gateway=f"10.8{each}.0.1",
                netmask="255.255.255.0",
                startip=f"10.8{each}.0.100",
            )["pod"]
            for each in (1, 2)
        ]
        for name, pod in (("cluster1", pods[0]), ("cluster2", pods[0]), ("cluster1", pods[1])):
            api.call(
                "addCluster",
                clustername=name,
                zoneid=zone,
                podid=pod["id"],
                hypervisor="KVM",
                clustertype="CloudManaged",
            )
        yield running


@pytest.fixture
def reports(tmp_path) -> Path:
    """What a pre-flight of five minutes ago has left."""
    left = kept(WORLD, made=datetime.now(timezone.utc) - timedelta(minutes=5))
    (tmp_path / "preflight.json").write_text(json.dumps(left.report))
    (tmp_path / "preflight.facts.json").write_text(json.dumps(left.facts))
    return tmp_path


def add(cloud, reports, facts=FACTS, policy=None, **changes):
    """One run of the module host; what it printed must not hold the facts."""
    access = {
        "api_url": cloud.endpoint,
        "api_key": cloud.key,
        "api_secret": cloud.secret,
        "api_timeout": 60,
        "up_timeout": 1,
    }
    preflight = {"report_dir": str(reports), "host": "host4", "facts": json.dumps(facts), "policy": policy or {}}
    result = run_module("host", {**access, **HERE, "preflight": preflight, **changes})
    assert "svme-addr-chk" not in result.text, "the facts are in what the module says"
    return result


def edited(**edits):
    return WORLD.edit({"host4": {f"facts.{path}": value for path, value in edits.items()}}).hosts["host4"]["facts"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ip_address": "10.88.0.99"}, "host4 at 10.88.0.14, and 10.88.0.99 is to be added, which was not looked at"),
        ({"url": "http://10.88.0.99"}, "http://10.88.0.99 is to be added"),
        ({"ssh_port": 2222}, "http://10.88.0.14:2222 is to be added"),
        ({"username": "cloud"}, "CloudStack is to log in as cloud"),
        ({"cluster": "cluster2"}, "about cluster cluster1, and the host is to join cluster cluster2"),
        ({"pod": "pod2"}, "about pod pod1, and the host is to join pod pod2"),
        ({"policy": {"verdict_max_age_s": 60}}, "s old, and holds for 60 s"),
        ({"policy": {"clock_offset_max_s": 0.2}}, "another policy: clock_offset_max_s was 1.0, is 0.2"),
        ({"facts": edited(**{"bridges[cloudbr1].mtu": 1400})}, "bridges.cloudbr1.mtu was 1500, is 1400"),
        ({"preflight": None}, "no host joins without a verdict"),
    ],
)
def test_a_verdict_that_does_not_hold_sends_nothing(cloud, reports, changes, words):
    writes = cloud.writes()
    assert words in add(cloud, reports, **changes).message
    assert cloud.writes() == writes


@pytest.mark.parametrize("content", ["[]", '"report"', "7", "{", '{"schema_version": "2", "created_at": NaN}'])
def test_a_file_that_is_not_a_report_sends_nothing(cloud, reports, content):
    (reports / "preflight.json").write_text(content)
    writes = cloud.writes()
    message = add(cloud, reports).message
    assert "preflight.json" in message
    assert "unexpected" not in message, "a traceback, told as a defect"
    assert cloud.writes() == writes


def test_a_host_that_has_changed_without_consequence_reaches_addhost(cloud, reports):
    cloud.fault("530", "addHost")
    churn = edited(
        **{
            "memory.numa": [{"node": 0, "total_bytes": 270582939649, "cpus": "0-63"}],
            "time.source": "10.88.0.253",
            "listeners": [],
        }
    )
    result = add(cloud, reports, churn)
    assert "join" in result.data, result.data["msg"]
    assert "pre-flight" not in result.data["msg"]


def preflight(inventory, reports, port, playbook="preflight.yml", **extra):
    """The arguments of a run over a host at this port of this machine."""
    path = inventory({"host1": {"ansible_host": "127.0.0.1", "ansible_port": port, "lab_number": 1}})
    return playbook, path, {"preflight_report_dir": str(reports), "preflight_ask_cloudstack": False, **extra}


@pytest.fixture
def silent_port():
    """Accepts a connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


def test_a_killed_preflight_leaves_its_mark_and_the_report_of_before_and_the_next_one_clears_it(
    cloud, reports, inventory, silent_port
):
    before = (reports / "preflight.json").read_text()
    port = silent_port.getsockname()[1]
    playbook, path, extra = preflight(inventory, reports, port)
    running = subprocess.Popen(
        command(playbook, path, extra, ()),
        cwd=ROOT,
        env=environment({}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    connection, _address = silent_port.accept()  # the run has come to the host
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    connection.close()
    assert (reports / "preflight.json").read_text() == before
    assert (reports / MARK).is_file()
    writes = cloud.writes()
    assert "has not ended with a report" in add(cloud, reports).message
    assert cloud.writes() == writes

    silent_port.close()  # now it refuses: the host is unreachable, which the report says
    done = play(playbook, path, extra=extra)
    assert done.code != 0, done.output[-6000:]
    assert not (reports / MARK).exists(), done.output[-3000:]
    report, facts = (json.loads((reports / f"preflight{name}.json").read_text()) for name in ("", ".facts"))
    assert report["run_id"] == facts["run_id"] != json.loads(before)["run_id"]
    assert report["hosts"]["host1"]["seen"] is False


def test_the_path_check_leaves_no_mark(reports, inventory, silent_port):
    port = silent_port.getsockname()[1]
    silent_port.close()
    before = (reports / "preflight.json").read_text()
    playbook, path, extra = preflight(inventory, reports, port, "path_check.yml")
    done = play(playbook, path, extra=extra)
    assert (reports / "path_check.json").is_file()
    assert (reports / "preflight.json").read_text() == before
    assert not (reports / MARK).exists(), done.output[-3000:]


def test_where_there_is_nothing_to_judge_the_report_of_before_stands(reports, inventory):
    before = (reports / "preflight.json").read_text()
    with run_simulator() as running:
        api = running.api
        zone = api.call(
            "createZone", name="zone1", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54"
        )["zone"]["id"]
        pod = api.call(
            "createPod",
            name="pod1",
            zoneid=zone,
            gateway="10.88.0.1",
            netmask="255.255.255.0",
            startip="10.88.0.100",
            endip="10.88.0.150",
        )
        own = {"zoneid": zone, "podid": pod["pod"]["id"], "hypervisor": "Simulator"}
        api.call("addCluster", clustername="cluster1", clustertype="CloudManaged", **own)
        api.call(
            "addHost", clustername="cluster1", url="http://sim/c0/h0", username="root", password="simulated", **own
        )
        path = inventory({"host1": {"ansible_host": "10.88.0.100", "lab_number": 1}})
        extra = {"preflight_report_dir": str(reports), "preflight_only_for_candidates": True}
        done = play("preflight.yml", path, extra=extra, env=running.env)
    assert done.code == 0, done.output[-3000:]
    assert (reports / "preflight.json").read_text() == before
    assert not (reports / MARK).exists(), done.output[-3000:]
