# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that knows nothing of us, the `cs` command line, against `python -m lab.simulator`: lists, creates,
deletes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CS = Path(sys.executable).with_name("cs")
DNS = ("dns1=192.0.2.53", "internaldns1=192.0.2.53")

Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def cs(simulator, tmp_path: Path) -> Run:
    """Runs the command line with the credentials in its environment, as an operator does."""
    assert CS.exists(), f"{CS} is not installed: pip install cs"
    env = {**os.environ, **simulator.env, "HOME": str(tmp_path), "CLOUDSTACK_POLL_INTERVAL": "0.1"}

    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [CS, "--quiet", *words], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def _answer(done: subprocess.CompletedProcess) -> dict:
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout or "{}")  # cs prints nothing for an empty list


def test_lists_creates_and_deletes(cs: Run, simulator) -> None:
    assert _answer(cs("listZones")) == {}
    zone = _answer(cs("createZone", "name=outside", "networktype=Advanced", *DNS))["zone"]
    assert [row["id"] for row in _answer(cs("listZones", "name=outside"))["zone"]] == [zone["id"]]
    assert _answer(cs("deleteZone", f"id={zone['id']}")) == {"success": True}
    assert _answer(cs("listZones")) == {}
    assert simulator.writes() == 2, "createZone and deleteZone changed something, the lists did not"


def test_waits_for_an_asynchronous_job(cs: Run) -> None:
    zone = _answer(cs("createZone", "name=outside", "networktype=Advanced", *DNS))["zone"]
    network = _answer(cs("createPhysicalNetwork", "name=physnet", f"zoneid={zone['id']}"))["physicalnetwork"]
    assert (network["name"], network["state"]) == ("physnet", "Disabled")
    assert _answer(cs("listPhysicalNetworks", f"zoneid={zone['id']}"))["count"] == 1
    assert _answer(cs("deletePhysicalNetwork", f"id={network['id']}"))["success"] is True


def test_posts(cs: Run) -> None:
    zone = _answer(cs("--post", "createZone", "name=by post", "networktype=Basic", *DNS))["zone"]
    assert zone["name"] == "by post"


def test_shows_what_the_server_refuses(cs: Run) -> None:
    done = cs("createZone", "name=outside", "networktype=Advanced", "dns1=nonsense", "internaldns1=192.0.2.53")
    assert done.returncode != 0
    assert "Please enter a valid IP address for DNS1" in done.stdout + done.stderr


def test_a_wrong_secret_is_refused(simulator, tmp_path: Path) -> None:
    env = {**os.environ, **simulator.env, "CLOUDSTACK_SECRET": "not-the-secret", "HOME": str(tmp_path)}
    done = subprocess.run(
        [CS, "listZones"], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "unable to verify user credentials and/or request signature" in done.stdout + done.stderr


def test_discovers_the_calls(cs: Run) -> None:
    calls = {row["name"]: row for row in _answer(cs("listApis"))["api"]}
    assert {"addHost", "listHosts", "createZone", "queryAsyncJobResult"} <= calls.keys()
    assert {row["name"] for row in calls["addHost"]["params"] if row["required"]} == {
        "hypervisor",
        "podid",
        "url",
        "zoneid",
    }
    assert calls["prepareHostForMaintenance"]["isasync"] is True
