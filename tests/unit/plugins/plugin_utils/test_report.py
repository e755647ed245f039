# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports as files."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client.files import _MARK
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.report import read_kept
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.report_folder import unfinished
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report

from tests.report_samples import assessment, four_hosts

WORLD, FOUND = four_hosts()
NOW = datetime(2026, 11, 25, 10, tzinfo=timezone.utc)


def built(previous=None, run_id="run1"):
    return report.build(
        assessment(WORLD, FOUND),
        WORLD.profiles(),
        WORLD.intent(),
        WORLD.rules(),
        (),
        made=NOW,
        run_id=run_id,
        previous=previous,
    )


def write(made, folder, name=report.PREFLIGHT):
    return report.write(made, WORLD.profiles(), WORLD.intent(), str(folder), name)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".preflight.lock")


def test_four_files_and_the_next_run_compares(tmp_path):
    folder = tmp_path / "new" / "reports"
    assert report.read(str(folder)) is None
    made = built()
    places = write(made, folder)
    assert names(folder) == ["preflight.facts.json", "preflight.html", "preflight.json", "preflight.junit.xml"]
    assert set(places) == {"html", "json", "junit", "facts"}
    assert report.read(str(folder)) == json.loads((folder / "preflight.json").read_text()) == made
    assert built(report.read(str(folder)))["changes"]["new"] == []
    assert report.summary_lines(made, places)[-1] == f"report  {places['html']}"


def test_the_facts_are_for_their_owner_and_belong_to_the_report(tmp_path):
    write(built(), tmp_path)
    facts = json.loads((tmp_path / "preflight.facts.json").read_text())
    assert (tmp_path / "preflight.facts.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "preflight.json").stat().st_mode & 0o444 == 0o444
    assert (facts["run_id"], facts["created_at"], sorted(facts["hosts"])) == (
        "run1",
        "2026-11-25T10:00:00+00:00",
        ["host1", "host2", "host3", "host4"],
    )


def test_a_run_that_began_and_did_not_end_is_marked_until_one_ends(tmp_path):
    write(built(), tmp_path)
    report.begin(str(tmp_path), "run2")
    before = (tmp_path / "preflight.json").read_text()
    [said] = unfinished(str(tmp_path))
    assert " by " in said
    assert (tmp_path / "preflight.json").read_text() == before, (
        "the report of before is there until the new one is whole"
    )
    report.begin(str(tmp_path), "run3")
    write(built(run_id="run3"), tmp_path)
    assert unfinished(str(tmp_path)) == []
    assert "preflight.unfinished.json" not in names(tmp_path)


def test_a_run_that_began_later_keeps_its_mark(tmp_path):
    report.begin(str(tmp_path), "run1")
    report.begin(str(tmp_path), "run2")
    write(built(run_id="run1"), tmp_path)
    assert len(unfinished(str(tmp_path))) == 1
    write(built(run_id="run2"), tmp_path)
    assert unfinished(str(tmp_path)) == []


def test_nothing_to_judge_takes_only_its_own_mark_away(tmp_path):
    report.begin(str(tmp_path), "run1")
    report.begin(str(tmp_path), "run2")
    report.cancel(str(tmp_path), "run2")
    assert len(unfinished(str(tmp_path))) == 1


def test_the_path_check_alone_leaves_no_facts_and_touches_no_mark(tmp_path):
    report.begin(str(tmp_path), "run1")
    places = write(built(run_id="run2"), tmp_path, report.PATH_CHECK)
    assert set(places) == {"html", "json", "junit"}
    assert len(unfinished(str(tmp_path))) == 1


def test_what_a_killed_writer_has_left_goes(tmp_path):
    unfinished = "a" * 16
    for name in (
        f".preflight.json{_MARK}{unfinished}",
        f".preflight.facts.json{_MARK}{unfinished}",
        ".preflight.other",
    ):
        (tmp_path / name).write_text("half")
    write(built(), tmp_path)
    assert [name for name in names(tmp_path) if name.startswith(".")] == [".preflight.other"]


def test_a_write_that_fails_leaves_the_files_of_before(tmp_path, monkeypatch):
    write(built(), tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        write(built(run_id="run2"), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def full_disk(_handle):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_two_runs_at_once_do_not_mix(tmp_path):
    """Four writers, each with its own run: what a reader sees belongs together at every moment."""
    reports = [built(run_id=f"run{number}") for number in range(4)]
    with ThreadPoolExecutor(5) as pool:
        writing = [pool.submit(write, made, tmp_path) for made in reports]
        seen = [read_kept(str(tmp_path)) for _number in range(60)]
        for each in writing:
            each.result()
    pairs = {(kept.report["run_id"], kept.facts["run_id"]) for kept in [*seen, read_kept(str(tmp_path))] if kept.report}
    assert pairs
    assert all(report_run == facts_run for report_run, facts_run in pairs)


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
        write(built(), tmp_path / "file" / "reports")
