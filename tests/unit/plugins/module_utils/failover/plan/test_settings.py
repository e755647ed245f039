# SPDX-License-Identifier: GPL-3.0-or-later
"""What is changed, where, and what is left as it is."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import PROFILES, SETTINGS
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.settings import (
    as_text,
    conflicts,
    needs_restart,
    plan_settings,
    settings_result,
    summary,
    timing_result,
)

ZONE, CLUSTER = {"id": "z1", "name": "zone1"}, {"id": "c1", "name": "cluster1"}
CURRENT = {name: {"name": name, "value": as_text(setting.default)} for name, setting in SETTINGS.items()}


def plan(wanted, **current):
    records = {**CURRENT, **{name: {"name": name, "value": value} for name, value in current.items()}}
    return plan_settings(records, wanted=wanted, zone=ZONE, cluster=CLUSTER)


def calls(made):
    return [change.data["params"] for change in made]


@pytest.mark.parametrize(
    ("wanted", "call"),
    [
        ({"kvm.ha.fence.timeout": 90}, {"name": "kvm.ha.fence.timeout", "value": "90", "clusterid": "c1"}),
        ({"vm.ha.enabled": False}, {"name": "vm.ha.enabled", "value": "false", "zoneid": "z1"}),
        ({"ha.workers": 9}, {"name": "ha.workers", "value": "9"}),
        (
            {"kvm.ha.activity.check.failure.ratio": 0.55},
            {"name": "kvm.ha.activity.check.failure.ratio", "value": "0.55", "clusterid": "c1"},
        ),
    ],
)
def test_a_setting_is_set_where_it_counts(wanted, call):
    made = plan(wanted)
    assert calls(made) == [call]
    assert made.diff()[0]["after"].strip() == f"value: {call['value']}"


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("ping.timeout", "2.50", 2.5),
        ("ha.workers", " 5 ", 5),
        ("vm.ha.enabled", "TRUE", True),
        ("ha.tag", None, ""),
        ("kvm.ha.activity.check.failure.ratio", "0.70", 0.7),
    ],
)
def test_the_same_value_in_another_form_is_no_change(name, text, wanted):
    assert not plan({name: wanted}, **{name: text})


def test_a_value_that_cannot_be_used_is_replaced():
    assert calls(plan({"ha.workers": 5}, **{"ha.workers": "-5"})) == [{"name": "ha.workers", "value": "5"}]


def test_what_is_not_declared_is_left_alone():
    assert not plan({}, **{"ha.tag": "spare", "kvm.ha.fence.timeout": "99"})


def test_what_needs_a_restart():
    made = plan(PROFILES["fast"])
    assert needs_restart(made) == ["investigate.retry.interval", "time.to.sleep", "vm.ha.migration.max.retries"]
    assert len(made.changes) == len(PROFILES["fast"])
    assert not plan(PROFILES["default"])


def test_a_server_without_a_setting():
    with pytest.raises(InputError, match="ha.workers"):
        plan_settings({}, wanted={"ha.workers": 5}, zone=ZONE, cluster=CLUSTER)


def test_the_time_before_and_after():
    times = timing_result({}, PROFILES["fast"], 1)
    assert times["before"]["typical"]["guests_at"] is None
    assert times["before"]["typical"]["gives_up_at"] > 0
    assert times["after"]["typical"]["guests_at"] < times["before"]["typical"]["fenced_at"]
    assert times["after"]["typical"]["stages"][-1]["ends_at"] == times["after"]["typical"]["guests_at"]


def test_the_time_in_words():
    assert summary(timing_result({}, PROFILES["fast"], 1))[1] == (
        "typical: fenced after 1727 s, guests never back (given up after 1043 s)"
        " -> fenced after 318 s, guests back after 343 s"
    )
    endless = timing_result({"kvm.ha.activity.check.failure.ratio": 1.0}, {}, 1)
    assert summary(endless)[0].startswith("best: never fenced -> fenced after")


def test_the_result_has_no_keys_of_agents():
    assert settings_result({"ha.workers": 5, "kvm.heartbeat.update.max.tries": 5}) == {"ha.workers": 5}


FAST, CAREFUL = PROFILES["fast"], PROFILES["careful"]
RETRIES, SLEEP = "vm.ha.migration.max.retries", "time.to.sleep"


def declares(cluster, settings, zone="zone1", api=""):
    return {"cluster": cluster, "zone": zone, "api": api, "settings": settings}


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ([declares("a", FAST), declares("b", FAST)], []),
        ([declares("a", FAST)], []),
        # what counts for a cluster may differ
        ([declares("a", {"kvm.ha.fence.timeout": 60}), declares("b", {"kvm.ha.fence.timeout": 90})], []),
        # named by one cluster alone: it is set, and the other one has not asked for another value
        ([declares("a", {"alert.wait": 900}), declares("b", {})], []),
        ([declares("a", {SLEEP: 30}), declares("b", {SLEEP: 60})], [f"{SLEEP} counts for all clusters"]),
        ([declares("a", {SLEEP: 30}), declares("b", {SLEEP: 60}, zone="zone2")], ["30 for a, 60 for b"]),
        ([declares("a", {SLEEP: 30}), declares("b", {SLEEP: 60}, api="https://other")], []),
        ([declares("a", {"vm.ha.enabled": True}), declares("b", {"vm.ha.enabled": False})], ["the whole zone"]),
        ([declares("a", {"vm.ha.enabled": True}), declares("b", {"vm.ha.enabled": False}, zone="zone2")], []),
        (
            [declares("a", FAST), declares("b", CAREFUL), declares("c", FAST)],
            ["investigate.retry.interval", "30 for a and c, 60 for b"],
        ),
    ],
)
def test_clusters_that_declare_one_setting_differently(declared, words):
    found = conflicts(declared)
    assert len(found) == len(words)
    for text, word in zip(found, words, strict=True):
        assert word in text
        assert "Nothing was changed. Next: " in text
