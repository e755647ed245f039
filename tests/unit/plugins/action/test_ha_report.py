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
    assert result["report"] == str(folder / "ha_report.md")
    assert result["summary"][0] == "high availability of cluster1 in zone1: ready"
    files = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert files == {"ha_report.md", "ha_report.json", "ha_report.junit.xml"}
    assert json.loads((folder / "ha_report.json").read_text())["created_at"]


def test_a_module_that_failed(tmp_path):
    with pytest.raises(InputError, match="the zone zone9 does not exist"):
        outcome(readiness={"failed": True, "msg": "the zone zone9 does not exist"}, report_dir=str(tmp_path))
    assert not list(tmp_path.iterdir())
