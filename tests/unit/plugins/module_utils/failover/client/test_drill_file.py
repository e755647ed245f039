# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a drill on the disk: for its owner alone, never half, and refused in words."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile

from tests.drills import SETTINGS, drill, recorded

DRILL = drill(looks=recorded(), settings=SETTINGS)


def test_a_drill_is_kept_for_its_owner_alone(tmp_path):
    file = DrillFile(str(tmp_path / "reports" / "cluster1" / "ha_drill.state.json"))
    assert file.load() is None
    file.save(DRILL)
    assert file.load() == DRILL
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    file.save(replace(DRILL, stage="watched"))
    assert file.need().stage == "watched"
    assert os.listdir(os.path.dirname(file.path)) == ["ha_drill.state.json"], "nothing lies beside it"
    file.remove()
    assert file.load() is None


def test_a_file_that_is_not_whole_says_how_the_host_is_brought_back(tmp_path):
    path = tmp_path / "ha_drill.state.json"
    path.write_text('{"version": 1')
    with pytest.raises(InputError, match="bring the host back by hand"):
        DrillFile(str(path)).load()


def test_no_drill_to_go_on_with(tmp_path):
    with pytest.raises(InputError, match="there is no drill to go on with"):
        DrillFile(str(tmp_path / "none.json")).need()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "reports").write_text("a file")
    file = DrillFile(str(tmp_path / "reports" / "ha_drill.state.json"))
    with pytest.raises(InputError, match="the file of the drill cannot be written"):
        file.save(DRILL)
    with pytest.raises(InputError, match="cannot be locked"), file.locked():
        pass
