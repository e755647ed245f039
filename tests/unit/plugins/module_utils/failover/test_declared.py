# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as declared: read, refused in words, compared with each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import (
    contradictions,
    declared_settings,
    read_agent_keys,
    read_value,
    refuse,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import (
    AGENT_KEYS,
    PROFILES,
    RENAMED,
    SETTINGS,
    full,
)

ROOT = Path(__file__).parents[5]


def test_the_defaults_are_those_of_the_server():
    """The simulator has the settings of a real 4.22.1.0 as they were recorded."""
    table = json.loads((ROOT / "lab" / "simulator" / "data" / "settings.json").read_text())
    recorded = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    for name, setting in SETTINGS.items():
        row = recorded[name]
        assert read_value(name, row["defaultvalue"]) == setting.default, name
        scopes = (row["scope"] or "global").split(",")
        # Some have the scope cluster and are read once, from the global value: declared as what they are.
        assert setting.counts in (*scopes, "global"), name
        assert setting.restart or row["isdynamic"], name
    assert not set(RENAMED) & set(SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("ha.workers", "7", 7),
        ("ha.workers", 7, 7),
        ("ping.timeout", "2.50", 2.5),
        ("ping.timeout", 3, 3.0),
        ("kvm.ha.activity.check.failure.ratio", " 0.7 ", 0.7),
        ("vm.ha.enabled", True, True),
        ("vm.ha.enabled", "FALSE", False),
        ("ha.tag", None, ""),
        ("ha.tag", "spare", "spare"),
        ("kvm.ha.recover.failure.threshold", 0, 0),
    ],
)
def test_values(name, value, read):
    assert read_value(name, value) == read
    assert type(read_value(name, value)) is type(read)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ha.workers", "many", "a whole number from 1 up (threads)"),
        ("ha.workers", 0, "a whole number from 1 up (threads)"),
        ("ha.workers", -5, "a whole number from 1 up (threads)"),
        ("ha.workers", 2.5, "a whole number from 1 up (threads)"),
        ("ha.workers", True, "a whole number from 1 up (threads)"),
        ("ha.workers", "9" * 60, "a whole number"),
        ("ping.timeout", "nan", "a number from 0 up (x ping.interval)"),
        ("vm.ha.enabled", "yes", "true or false"),
        ("ha.enabled", True, "vm.ha.enabled"),
        ("heartbeat.update.interval", 60, "kvm.heartbeat.update.frequency (ms) in agent.properties"),
        ("kvm.ha.fence.timeouts", 60, "did you mean kvm.ha.fence.timeout?"),
        ("host", "x", "set it with the module configuration"),
    ],
)
def test_what_is_refused(name, value, told):
    with pytest.raises(InputError) as error:
        read_value(name, value)
    assert told in str(error.value)
    assert name in str(error.value)


def test_a_profile_and_what_differs_from_it():
    settings = declared_settings("fast", {"ha.workers": 9, "kvm.ha.recover.wait.period": "120"})
    assert settings["ha.workers"] == 9
    assert settings["kvm.ha.recover.wait.period"] == 120
    assert settings["kvm.ha.activity.check.interval"] == 15
    assert "kvm.ha.fence.timeout" not in settings, "what nobody declares is left as it is"
    assert full(declared_settings("default", {})) == full({})


def test_each_profile_undoes_the_others():
    assert {tuple(sorted(profile)) for profile in PROFILES.values()} == {tuple(sorted(PROFILES["fast"]))}


@pytest.mark.parametrize("name", ["kvm.heartbeat.update.frequency", "heartbeat.update.timeout"])
def test_a_key_of_the_agent_is_not_a_setting(name):
    with pytest.raises(InputError, match="cloudstack_agent_properties"):
        declared_settings("fast", {name: 30000})


def test_keys_of_the_agent():
    keys = read_agent_keys({"kvm.heartbeat.update.frequency": "30000", "guest.cpu.mode": "custom", "workers": 9})
    assert keys["kvm.heartbeat.update.frequency"] == 30000
    assert keys["kvm.heartbeat.update.max.tries"] == 5
    assert set(keys) == set(AGENT_KEYS)
    assert read_agent_keys({"kvm.heartbeat.update.max.tries": None}) == read_agent_keys({})
    for name in ("heartbeat.update.interval", "ha.enabled"):
        with pytest.raises(InputError, match="does not exist"):
            read_agent_keys({name: 1})
    with pytest.raises(InputError, match="kvm.heartbeat.update.max.tries is not valid"):
        read_agent_keys({"kvm.heartbeat.update.max.tries": 0})


def test_only_fatal_contradictions_are_refused():
    refuse(contradictions({}))
    with pytest.raises(InputError, match="nothing was changed") as error:
        refuse(contradictions({"ping.timeout": 1.0}))
    assert "set ping.timeout to 2 or more" in str(error.value)


def test_an_unknown_profile():
    with pytest.raises(InputError, match="default or fast or careful"):
        declared_settings("quick", {})


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_no_fatal_contradiction(profile):
    found = contradictions(declared_settings(profile, {}))
    assert [each.names[0] for each in found] == (["vm.ha.migration.max.retries"] if profile == "default" else [])
    assert not any(each.fatal for each in found)


@pytest.mark.parametrize(
    ("changed", "name", "fatal"),
    [
        ({"kvm.ha.activity.check.failure.ratio": 1.0}, "kvm.ha.activity.check.failure.ratio", True),
        ({"kvm.ha.activity.check.failure.ratio": 0.4}, "kvm.ha.activity.check.failure.ratio", False),
        ({"kvm.ha.fence.timeout": 59}, "kvm.ha.fence.timeout", True),
        ({"kvm.ha.recover.timeout": 59}, "kvm.ha.recover.timeout", True),
        ({"ping.timeout": 1.0}, "ping.timeout", True),
        ({"alert.wait": 149}, "alert.wait", True),
        ({"kvm.heartbeat.update.frequency": 61000}, "kvm.heartbeat.update.frequency", True),
        ({"kvm.ha.recover.wait.period": 1200}, "vm.ha.migration.max.retries", False),
    ],
)
def test_contradictions(changed, name, fatal):
    (found,) = contradictions({**PROFILES["fast"], **changed})
    assert (found.names[0], found.fatal) == (name, fatal)
    assert found.expected and found.observed and found.fix


@pytest.mark.parametrize(
    "changed",
    [
        {"kvm.ha.fence.timeout": 60},
        {"outofbandmanagement.action.timeout": 5, "kvm.ha.fence.timeout": 5, "kvm.ha.recover.timeout": 5},
        {"alert.wait": 150},
        {"kvm.heartbeat.update.frequency": 60000},
        {"kvm.ha.activity.check.failure.ratio": 0.5},
        {"kvm.ha.recover.failure.threshold": 0},
    ],
)
def test_what_just_fits(changed):
    assert contradictions({**PROFILES["fast"], **changed}) == []


def test_fatal_ones_come_first_and_the_time_is_not_computed_beside_them():
    found = contradictions({"ping.timeout": 0.5, "kvm.ha.activity.check.failure.ratio": 0.2})
    assert [each.fatal for each in found] == [True, False]
