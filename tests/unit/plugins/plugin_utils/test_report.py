# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports as files."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report

from tests.report_samples import assessment, four_hosts

WORLD, FOUND = four_hosts()
NOW = datetime(2026, 11, 25, 10, tzinfo=timezone.utc)


def built(previous=None):
    return report.build(assessment(WORLD, FOUND), WORLD.profiles(), WORLD.intent(), WORLD.rules(), (), made=NOW, previous=previous)


def test_three_files_and_the_next_run_compares(tmp_path):
    folder = tmp_path / "new" / "reports"
    assert report.read(str(folder)) is None
    made = built()
    places = report.write(made, WORLD.profiles(), str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["preflight.html", "preflight.json", "preflight.junit.xml"]
    assert set(places) == {"html", "json", "junit"}
    assert report.read(str(folder)) == json.loads((folder / "preflight.json").read_text()) == made
    assert built(report.read(str(folder)))["changes"]["same_inputs"] is True
    assert report.summary_lines(made, places)[-1] == f"report  {places['html']}"


def test_who_and_with_what():
    made = built()
    assert made["created_at"] == "2026-11-25T10:00:00+00:00"
    assert " on " in made["created_by"]
    assert made["versions"]["cloudstack.kvm"].count(".") == 2
    assert set(made["versions"]) == {"ansible-core", "cloudstack.kvm", "python"}


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"schema_version": "0"}'])
def test_an_unreadable_last_report_is_no_base_to_compare_with(tmp_path, content):
    (tmp_path / "preflight.json").write_bytes(content)
    assert report.read(str(tmp_path)) is None


def test_a_folder_that_cannot_be_is_an_error_with_a_next_step(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="preflight_report_dir"):
        report.write(built(), WORLD.profiles(), str(tmp_path / "file" / "reports"))
