# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin ha_report: three files in the folder, and an error in words where there is nothing to report."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.action.ha_report import ActionModule
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import mapping_of, readiness

from tests.staged_site import healthy


def outcome(**options):
    return ActionModule.outcome(ActionModule.__new__(ActionModule), options, {})


def test_the_files_of_a_ready_cluster(tmp_path):
    site = healthy()
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(readiness(site, {}), site)}
    folder = tmp_path / "reports" / "cluster1"
    result = outcome(readiness=told, report_dir=str(folder))
    assert result["ready"] is True
    assert result["report"] == str(folder / "ha_report.html")
    assert result["summary"][0] == "high availability of cluster1 in zone1: ready"
    files = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert files == {"ha_report.html", "ha_report.md", "ha_report.json", "ha_report.junit.xml"}
    assert json.loads((folder / "ha_report.json").read_text())["created_at"]


def test_a_module_that_failed(tmp_path):
    with pytest.raises(InputError, match="the zone zone9 does not exist"):
        outcome(readiness={"failed": True, "msg": "the zone zone9 does not exist"}, report_dir=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_last_drill_of_each_host(tmp_path):
    site = healthy()
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(readiness(site, {}), site)}
    drill = {"host": "host1", "failure": "power_off", "finished": "2026-11-28T10:00:00Z", "verdict": "failed"}
    (tmp_path / "ha-drill-host1.json").write_text(json.dumps({**drill, "seconds": 400.5}))
    later = {**drill, "finished": "2026-11-29T10:00:00+01:00", "verdict": "passed", "seconds": 343}
    (tmp_path / "cluster1").mkdir()
    (tmp_path / "cluster1" / "ha-drill-host1.json").write_text(json.dumps(later))
    (tmp_path / "ha-drill-host2.json").write_text("{")
    of_playbook = {"host": "host3", "failure": "agent_kill", "created_at": "2026-11-29T10:00:00+00:00", "passed": False}
    (tmp_path / "cluster1" / "ha_drill.host3.agent_kill.json").write_text(json.dumps(of_playbook))
    (tmp_path / "cluster1" / "ha_drill.state.json").write_text("{}")  # a drill that goes on
    outcome(readiness=told, report_dir=str(tmp_path / "cluster1"), drill_dir=str(tmp_path))
    report = json.loads((tmp_path / "cluster1" / "ha_report.json").read_text())
    assert report["hosts"]["host1"]["drill"] == {**later, "finished": "2026-11-29T09:00:00+00:00"}
    assert report["hosts"]["host2"]["drill"] is None
    assert report["hosts"]["host3"]["drill"]["verdict"] == "failed"
    assert len(report["drills_unread"]) == 1 and "ha-drill-host2.json: " in report["drills_unread"][0]
    assert "passed 2026-11-29: power off, 343 s" in (tmp_path / "cluster1" / "ha_report.html").read_text()
