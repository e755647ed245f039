# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected of each failure, and which hosts are refused, on clusters of tests/fixtures/failover/staged.yml."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    FAILURES,
    STAGES,
    Drill,
    Expectation,
    HostLook,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.drill import (
    canary_name,
    go_on,
    plan_drill,
    result,
    with_canary,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import failover, self_reset

from tests.staged_site import GIB, ROWS, edited, healthy

APART = HostLook("cloudbr0", {"10.88.2.254": "eth2"}, "boot1")
SHARED = HostLook("cloudbr0", {"10.88.0.254": "cloudbr0"}, "boot1")
MIB256 = 256 * 2**20


def plan(site, failure="power_off", look=APART, host="host1", keys=None, canary=True):
    [found] = [each for each in site.hosts if each.name == host]
    site = with_canary(site, found, "", 500, MIB256) if canary else site
    return plan_drill(site, found, failure, keys or {}, look, canary)


def seconds(expected):
    return {each.event: (each.best, each.worst) for each in expected.windows}


@pytest.mark.parametrize(
    ("failure", "look", "dies", "words"),
    [
        ("power_off", APART, True, "loses its power"),
        ("kernel_hang", APART, True, "the kernel stops"),
        ("management_cut", APART, False, "never fenced"),
        ("management_cut", SHARED, True, "cut off from everything"),
        ("storage_cut", APART, True, "its agent resets the host after 350 to 410 s"),
        ("agent_kill", APART, False, "never fenced"),
        ("agent_kill", SHARED, False, "never fenced"),
    ],
)
def test_what_is_expected(failure, look, dies, words):
    expected = plan(healthy(), failure, look)
    assert expected.dies is dies
    assert words in "; ".join(expected.told)


def test_the_windows_of_a_death_hold_every_computed_case():
    site = healthy()
    expected = plan(site)
    found = seconds(expected)
    assert list(found) == ["suspect", "judged dead", "fenced", "guest back"]
    for case in ("best", "typical", "worst"):
        for reset in (True, False):
            timing = failover(site.settings, case, guests=3, reset=reset)
            for event, at in (("fenced", timing.fenced_at), ("guest back", timing.guests_at)):
                assert found[event][0] <= at <= found[event][1]
    assert expected.ends_by > found["guest back"][1]


def test_a_host_that_stays_is_watched_longer_than_a_dead_one_is_judged():
    dead, stays = plan(healthy()), plan(healthy(), "agent_kill")
    assert stays.ends_by > seconds(dead)["judged dead"][1] + 61
    assert list(seconds(stays)) == ["suspect"]


def test_a_storage_cut_outlasts_the_reset_by_the_agent():
    site = healthy()
    expected = plan(site, "storage_cut")
    assert expected.ends_by > self_reset(site.settings, "worst") + site.settings["kvm.ha.recover.wait.period"]
    never = {"reboot.host.and.alert.management.on.heartbeat.timeout": False}
    told = "; ".join(plan(site, "storage_cut", keys=never).told)
    assert "told not to reset" in told


def test_guests_that_are_given_up_are_told_before():
    """CloudStack's defaults (HAV019): the guests stay down, and are waited for no longer than the fencing."""
    site = healthy()
    expected = plan(replace(site, settings={**site.settings, **edited({"settings": DEFAULTS}).settings}))
    assert "they stay down" in "; ".join(expected.told)
    assert "guest back" not in seconds(expected)


DEFAULTS = {
    "kvm.ha.activity.check.interval": 60,
    "kvm.ha.activity.check.max.attempts": 10,
    "kvm.ha.activity.check.failure.ratio": 0.7,
    "kvm.ha.degraded.max.period": 300,
    "kvm.ha.recover.wait.period": 600,
    "time.to.sleep": 60,
    "investigate.retry.interval": 60,
    "vm.ha.migration.max.retries": 5,
}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"hosts": {"host1": {"oobm_enabled": False}}}, "HAV001"),
        ({"hosts": {"host1": {"ha_enabled": False}}}, "HAV005"),
        ({"hosts": {"host1": {"resource_state": "Maintenance"}}}, "HAV009"),
        ({"hosts": {"host1": {"ha_state": "Degraded"}}}, "HAV010"),
        ({"hosts": {"host2": {"state": "Down"}, "host3": {"state": "Down"}}}, "no other host of the cluster is Up"),
        ({"guests": {"vm1": {"ha": False}}}, "vm1 would stay down: HA is off for it"),
        ({"guests": {"vm2": {"memory": 1000}}}, "vm2 would stay down"),
        ({"settings": {"kvm.ha.activity.check.failure.ratio": 1.0}}, "HAV014"),
    ],
)
def test_a_host_that_would_not_be_fenced_or_lose_guests_is_refused(row, words):
    with pytest.raises(InputError) as refused:
        plan(edited(row))
    assert str(refused.value).startswith("host1: the drill power_off is refused, and nothing was done")
    assert words in str(refused.value)


def test_every_staged_error_of_a_host_refuses_its_drill():
    """Findings of severity error that name host1: no drill begins. Others are no reason."""
    refused = 0
    for row in ROWS.values() if isinstance(ROWS, dict) else ROWS:
        site = edited(row)
        if "host1" not in {each.name for each in site.hosts}:
            continue
        try:
            plan(site)
        except InputError as error:
            refused += "nothing was done" in str(error)
    assert refused >= 15


def test_an_empty_host_without_a_canary_is_refused():
    row = {"drop_guests": ["vm1", "vm2"]}
    with pytest.raises(InputError, match="never fences such a host"):
        plan(edited(row), canary=False)
    assert plan(edited(row)).dies


def test_without_a_canary_it_says_what_it_cannot_prove():
    assert "two guests never write to one disk" in plan(healthy(), canary=False).told[-1]
    assert "two guests" not in plan(healthy()).told[-1]


def test_what_the_host_says_against_a_failure():
    look = replace(APART, cannot={"agent_kill": "cloudstack-agent.service does not run on the host"})
    with pytest.raises(InputError, match="does not run on the host"):
        plan(healthy(), "agent_kill", look)
    assert plan(healthy(), "power_off", look).dies


def test_a_remark_of_the_host_is_told():
    look = replace(APART, remarks={"kernel_hang": "a watchdog of the host is active"})
    assert "a watchdog of the host is active" in plan(healthy(), "kernel_hang", look).told


def test_the_canary_of_an_earlier_run_counts_once():
    site = healthy()
    twice = with_canary(with_canary(site, site.hosts[0], "", 500, MIB256), site.hosts[0], "", 500, 2 * GIB)
    [canary] = [each for each in twice.guests if each.name.startswith("ha-drill-")]
    assert (canary.memory, canary.host, canary.ha, canary.pools) == (2 * GIB, "host1", True, ("primary",))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("kvm04", "ha-drill-kvm04"),
        ("KVM04.example.org", "ha-drill-kvm04-example-org"),
        ("x" * 80, "ha-drill-" + "x" * 54),
        ("_kvm_", "ha-drill-kvm"),
    ],
)
def test_the_name_of_the_canary_is_a_host_name(host, name):
    assert canary_name(host) == name


def drill(stage, address="10.88.0.11", failure="power_off"):
    return Drill("host1", address, failure, "zone1", "cluster1", 1.0, "me@here", Expectation(True, 600.0), stage=stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_drill_goes_on_once_its_failure_may_have_begun(stage):
    found = go_on(drill(stage), "10.88.0.11", "power_off")
    assert (found is not None) is (stage in ("failing", "watched", "back"))


@pytest.mark.parametrize(("address", "failure"), [("10.88.0.12", "power_off"), ("10.88.0.11", "agent_kill")])
@pytest.mark.parametrize("stage", STAGES)
def test_an_unfinished_drill_comes_first(stage, address, failure):
    with pytest.raises(InputError, match="has not come to its end.*power_off of host1, begun by me@here"):
        go_on(drill(stage), address, failure)


def test_no_drill_is_none():
    assert go_on(None, "10.88.0.11", "power_off") is None


def test_the_result_names_the_drill():
    assert result(drill("failing"), resumed=True) == {
        "host": "host1",
        "failure": "power_off",
        "stage": "failing",
        "resumed": True,
        "dies": True,
        "ends_by": 600,
        "told": [],
    }


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_is_planned_on_a_healthy_host(failure):
    expected = plan(healthy(), failure)
    assert 60 < expected.ends_by < 3 * 3600
    assert expected.told
