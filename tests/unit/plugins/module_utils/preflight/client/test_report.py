# SPDX-License-Identifier: GPL-3.0-or-later
"""What a join reads of the folder of the reports, and that every unreadable file is refused in words."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client import report as preflight_report
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.report import read_kept, require_preflight

from tests.cluster_profiles import healthy
from tests.kept_reports import NOW, kept

WORLD = healthy()
KEPT = kept(WORLD)
FACTS = json.dumps(WORLD.hosts["host4"]["facts"])
THERE = {
    "address": "10.88.0.14",
    "url": "http://10.88.0.14",
    "username": "root",
    "zone_pod_cluster": ("zone1", "pod1", "cluster1"),
}


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of reports five minutes old."""
    monkeypatch.setattr(preflight_report, "SystemClock", Noon)
    (tmp_path / "preflight.json").write_text(json.dumps(KEPT.report))
    (tmp_path / "preflight.facts.json").write_text(json.dumps(KEPT.facts))
    return tmp_path


def ask(folder, facts=FACTS, **changes):
    given = {"report_dir": str(folder), "host": "host4", "facts": facts, "policy": {}, "waivers": [], **changes}
    require_preflight(given, **THERE)


def test_a_host_with_a_fresh_verdict_may_join(folder):
    ask(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["preflight.facts.json", "preflight.json"], (
        "a reader leaves nothing behind"
    )


@pytest.mark.parametrize("name", ["preflight.json", "preflight.facts.json"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 100000, b"[Infinity]", b"[1" + b"0" * 5000 + b"]"]
)
def test_a_file_that_is_not_json_is_refused_in_words(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        ask(folder)
    assert str(caught.value).startswith("host4: ")
    assert name in str(caught.value)
    assert "cloudstack.kvm.preflight" in caught.value.next_step


@pytest.mark.parametrize("name", ["preflight.json", "preflight.facts.json"])
def test_a_folder_in_the_place_of_a_file_is_refused_in_words(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(InputError, match=name):
        ask(folder)


@pytest.mark.parametrize(
    "content", ['{"run1": {"at": "2026-11-25T11:59:00+00:00", "by": "bob on ci"}}', "[]", "{", '{"run1": 7}']
)
def test_a_mark_of_a_run_that_did_not_end_refuses(folder, content):
    (folder / "preflight.unfinished.json").write_text(content)
    with pytest.raises(InputError, match="has not ended with a report"):
        ask(folder)


def test_a_folder_that_is_not_there_has_no_report(tmp_path):
    assert read_kept(str(tmp_path / "none")).report is None


@pytest.mark.parametrize("facts", ["", "[]", "7", "{'a': 1}", "[" * 100000])
def test_facts_that_are_none_are_refused(folder, facts):
    with pytest.raises(InputError, match="to_json"):
        ask(folder, facts)


@pytest.mark.parametrize(
    ("policy", "words"), [({"verdict_max_age_s": 1}, "holds for 1 s"), ({"loss_max_percent": 5.0}, "another policy")]
)
def test_the_policy_is_that_of_the_inventory(folder, policy, words):
    with pytest.raises(InputError, match=words):
        ask(folder, policy=policy)


@pytest.mark.parametrize(
    "changes",
    [{"policy": {"verdict_max_age_s": "long"}}, {"policy": {"loss_max_percent": float("nan")}}, {"waivers": [{}]}],
)
def test_a_policy_or_waiver_that_is_none_is_refused(folder, changes):
    with pytest.raises(InputError, match="preflight_"):
        ask(folder, **changes)


def test_without_the_option_no_host_joins():
    with pytest.raises(InputError, match="without a verdict"):
        require_preflight(None, **THERE)


def test_the_clock_is_the_controllers():
    assert preflight_report.SystemClock().now().tzinfo is timezone.utc
