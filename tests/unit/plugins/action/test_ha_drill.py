# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin ha_drill: the failure is begun by one run only, and the file goes when the drill is over."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.cloudstack.kvm.plugins.action.ha_drill import ActionModule
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_drill import name_of

from tests.drills import SETTINGS, drill, recorded

REAL = drill(looks=recorded(), settings=SETTINGS)
TWICE = {"boots": [{"id": "a"}, {"id": "b"}], "overlaps": []}


@pytest.fixture
def file(tmp_path):
    return DrillFile(str(tmp_path / "cluster1" / "ha_drill.state.json"))


def outcome(file, step, check=False, **options):
    plugin = ActionModule.__new__(ActionModule)
    plugin._task = SimpleNamespace(check_mode=check)
    given = {"drill_file": file.path, "step": step, "journal": None, "boot_id": "", "problem": "", **options}
    return plugin.outcome(given, {})


@pytest.mark.parametrize("stage", ["begun", "ready"])
def test_one_run_begins_the_failure(file, stage):
    file.save(replace(REAL, stage=stage, failed_at=0.0, seen=()))
    assert outcome(file, "begin", check=True) == {"begin": False, "changed": False}
    assert file.need().stage == stage
    assert outcome(file, "begin") == {"begin": True, "changed": True}
    assert file.need().stage == "failing"
    assert file.need().failed_at > 0
    assert outcome(file, "begin") == {"begin": False, "changed": False}


@pytest.mark.parametrize("stage", ["failing", "watched", "back"])
def test_nothing_is_begun_twice(file, stage):
    file.save(replace(REAL, stage=stage))
    assert outcome(file, "begin") == {"begin": False, "changed": False}
    assert file.need().failed_at == REAL.failed_at


def test_times_count_from_the_moment_in_which_the_failure_has_been_begun(file):
    file.save(replace(REAL, stage="failing", failed_at=5.0, seen=()))
    assert outcome(file, "begun") == {"changed": False}
    assert (file.need().stage, file.need().failed_at > 5.0) == ("failing", True)


def test_a_drill_that_is_over(file, tmp_path):
    file.save(REAL)
    told = outcome(file, "report", journal={**TWICE, "changed": False, "failed": False}, boot_id="boot2")
    assert told["passed"] is True
    assert told["report"] == str(tmp_path / "cluster1" / f"{name_of(REAL)}.md")
    made = json.loads((tmp_path / "cluster1" / "ha_drill.host1.kernel_hang.json").read_text())
    assert made["passed"] is True and made["canary"]["journal"] == TWICE
    assert file.load() is None


def test_a_host_that_is_not_back_keeps_its_drill(file):
    file.save(replace(REAL, stage="watched"))
    told = outcome(file, "report", journal=TWICE, problem="Bring the host back: not within 1800 s")
    assert told["passed"] is False
    assert "problem   Bring the host back: not within 1800 s" in told["summary"]
    assert file.need().stage == "watched"


def test_a_drill_that_did_nothing_is_over(file):
    file.save(replace(REAL, stage="begun", failed_at=0.0, seen=()))
    assert outcome(file, "report", problem="Start the canary: there is no template x")["passed"] is False
    assert file.load() is None


def test_no_drill(file):
    with pytest.raises(InputError, match="there is no drill to go on with"):
        outcome(file, "report")
