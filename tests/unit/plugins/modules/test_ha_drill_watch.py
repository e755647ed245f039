# SPDX-License-Identifier: GPL-3.0-or-later
"""ha_drill_watch: what is over is not waited for again, and two of them are never at one drill."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile
from ansible_collections.cloudstack.kvm.plugins.modules import ha_drill_watch

from tests.drills import SETTINGS, drill, recorded

REAL = drill(looks=recorded(), settings=SETTINGS)


@pytest.fixture
def file(tmp_path):
    return DrillFile(str(tmp_path / "ha_drill.state.json"))


def body(file, until, check=False):
    params = {"drill_file": file.path, "until": until, "timeout": 60}
    return ha_drill_watch.body(SimpleNamespace(params=params, check_mode=check))


@pytest.mark.parametrize(
    ("stage", "until"), [("begun", "watched"), ("ready", "watched"), ("watched", "watched"), ("back", "back")]
)
def test_nothing_is_asked_where_there_is_nothing_to_wait_for(file, monkeypatch, stage, until):
    monkeypatch.setattr(ha_drill_watch, "connect", lambda options: pytest.fail("CloudStack was asked"))
    file.save(replace(REAL, stage=stage))
    plan, found = body(file, until)
    assert not plan
    assert found["timeline"][-1]["guest_host"] == "h1"


def test_no_drill_and_check_mode(file):
    assert body(file, "back") == (ha_drill_watch.Plan(), {"timeline": []})
    file.save(replace(REAL, stage="failing"))
    assert body(file, "watched", check=True)[1] == {"timeline": []}


def test_the_module_of_a_killed_run_is_waited_for(file, monkeypatch):
    """It goes on when its ansible-playbook is killed. The next run takes over what it has seen."""
    monkeypatch.setattr(ha_drill_watch, "connect", lambda options: pytest.fail("both were at it"))
    file.save(replace(REAL, stage="failing", seen=()))
    found = []
    second = threading.Thread(target=lambda: found.append(body(file, "watched")))
    with file.locked():
        second.start()
        second.join(0.3)
        assert second.is_alive(), "it waits"
        file.save(replace(REAL, stage="watched"))
    second.join(10)
    assert found[0][1]["timeline"][-1]["ha_state"] == "Fenced"
