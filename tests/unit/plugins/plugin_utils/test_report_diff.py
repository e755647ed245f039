# SPDX-License-Identifier: GPL-3.0-or-later
"""From one report to the next: new, gone, other verdicts."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import WARNING
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_diff import changes, is_change, verdict_changes

from tests.report_samples import WAIVER, finding, healthy, report

WORLD = healthy()
BRIDGE = finding("NET001", ["host4"])


def between(before, now, world=WORLD):
    return changes(report(WORLD, before), report(world, now))


def test_nothing():
    found = between([BRIDGE], [replace(BRIDGE, observed="another text", evidence="and another")])
    assert not is_change(found)


def test_new_and_gone():
    found = between([BRIDGE], [finding("TIM001", ["host4"])])
    assert [each["id"] for each in found["new"]] == ["TIM001"]
    assert [each["id"] for each in found["gone"]] == ["NET001"]
    assert found["verdicts"] == []


def test_one_host_more_is_new_for_this_host_only():
    found = between([BRIDGE], [finding("NET001", ["host3", "host4"])])
    assert [(each["id"], each["hosts"]) for each in found["new"]] == [("NET001", ["host3"])]
    assert found["verdicts"] == [{"host": "host3", "before": "pass", "now": "fail"}]


def test_a_waiver_and_another_severity_are_changes():
    found = between([BRIDGE], [replace(BRIDGE, waiver=WAIVER)])
    assert [(each["waived"], each["id"]) for each in (*found["gone"], *found["new"])] == [
        (False, "NET001"),
        (True, "NET001"),
    ]
    assert is_change(between([BRIDGE], [replace(BRIDGE, severity=WARNING)]))


def test_a_host_more():
    found = between([], [], healthy(3, 3))
    assert verdict_changes(found) == [("not there", "pass", ["host5", "host6"])]
