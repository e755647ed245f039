# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way in which host HA is not what it seems is told in words, with what is missing; a good host has none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import (
    STATES,
    HaHost,
    Scope,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import (
    explain,
    find_limits,
    find_obstacles,
    ha_result,
    not_available,
    plan_host_ha,
    plan_scope,
    provider_for,
    refuse,
)

ROOT = Path(__file__).parents[6]
NFS = ("primary1", "NetworkFilesystem", "Up")
# kvm-host-ha.json, "HA enabled a second time after the first poll"
GOOD = HaHost(
    "10.88.0.11",
    enabled=True,
    ha_state="Available",
    provider="kvmhaprovider",
    oobm_driver="ipmitool",
    oobm_enabled=True,
    power_state="On",
    neighbours=1,
    zone=Scope("zone", "zone1"),
    cluster=Scope("cluster", "cluster1"),
    pools=(NFS,),
    id="46da99de-fe2e-4479-808b-27fa4e439f47",
)
OFF = replace(GOOD, enabled=False, ha_state="Disabled", provider="")
FENCED = replace(GOOD, ha_state="Fenced", state="Down", resource_state="Maintenance", power_state="Off")
BACK = replace(GOOD, ha_state="Fenced")


def test_a_good_host_has_nothing_to_tell():
    assert find_obstacles(GOOD) == []
    assert find_limits(GOOD) == []
    assert explain(GOOD).observed == "host HA watches the host"


@pytest.mark.parametrize(
    ("enabled", "host", "provider", "expected"),
    [
        (True, GOOD, "kvmhaprovider", []),
        (True, replace(GOOD, provider="KVMHAProvider"), "kvmhaprovider", []),
        (True, OFF, "kvmhaprovider", ["configure", "enable"]),
        (True, replace(OFF, provider="kvmhaprovider"), "kvmhaprovider", ["enable"]),
        (True, replace(GOOD, provider="simulatorhaprovider"), "kvmhaprovider", ["configure"]),
        (True, FENCED, "kvmhaprovider", []),
        (True, BACK, "kvmhaprovider", ["disable", "enable"]),
        (True, replace(GOOD, ha_state="Ineligible"), "kvmhaprovider", []),
        (False, GOOD, "kvmhaprovider", ["disable"]),
        (False, FENCED, "kvmhaprovider", ["disable"]),
        (False, OFF, "kvmhaprovider", []),
    ],
)
def test_plan(enabled, host, provider, expected):
    assert [change.action for change in plan_host_ha(enabled, provider, host)] == expected


def test_calls_of_the_plan():
    calls = [change.data for change in plan_host_ha(True, "kvmhaprovider", OFF)]
    assert calls == [
        {
            "command": "configureHAForHost",
            "params": {"hostid": GOOD.id, "provider": "kvmhaprovider"},
            "is_async": True,
        },
        {"command": "enableHAForHost", "params": {"hostid": GOOD.id}, "is_async": True},
    ]


@pytest.mark.parametrize(
    ("hypervisor", "provider"),
    [("KVM", "kvmhaprovider"), ("LXC", "kvmhaprovider"), ("Simulator", "simulatorhaprovider"), ("VMware", "")],
)
def test_provider_of_a_hypervisor(hypervisor, provider):
    assert provider_for(replace(OFF, hypervisor=hypervisor)) == provider


# (what is staged, words of what was seen, words of what to do)
OBSTACLES = {
    "no BMC": (
        {"oobm_driver": "", "oobm_enabled": False, "power_state": "Disabled"},
        "out-of-band management is not configured",
        "cloudstack.kvm.configure_oobm",
    ),
    "OOBM disabled": (
        {"oobm_enabled": False, "power_state": "Disabled"},
        "out-of-band management is disabled for the host",
        "cloudstack.kvm.configure_oobm",
    ),
    "OOBM off for the zone": (
        {"zone": Scope("zone", "zone1", oobm=False), "power_state": "Disabled"},
        "out-of-band management is off for the zone zone1",
        "enableOutOfBandManagementForZone",
    ),
    "OOBM off for the cluster": (
        {"cluster": Scope("cluster", "cluster1", oobm=False), "power_state": "Disabled"},
        "out-of-band management is off for the cluster cluster1",
        "enableOutOfBandManagementForCluster",
    ),
    "BMC does not answer": ({"power_state": "Unknown"}, "power state Unknown: the BMC does not answer", "repair"),
    "HA off for the zone": (
        {"zone": Scope("zone", "zone1", ha=False)},
        "host HA is off for the zone zone1",
        "enableHAForZone",
    ),
    "HA off for the cluster": (
        {"cluster": Scope("cluster", "cluster1", ha=False)},
        "host HA is off for the cluster cluster1",
        "enableHAForCluster",
    ),
    "maintenance": ({"resource_state": "Maintenance"}, "in maintenance", "take it out of maintenance"),
    "going into maintenance": ({"resource_state": "PrepareForMaintenance"}, "in maintenance", "out of maintenance"),
    "disabled host": ({"resource_state": "Disabled"}, "the host is disabled", "enable it"),
    "degraded host": ({"resource_state": "Degraded"}, "declared as degraded", "take the declaration back"),
    "agent gone": ({"state": "Disconnected"}, "the host is Disconnected, not Up", "systemctl status cloudstack-agent"),
    "alone": ({"neighbours": 0}, "no other host of the cluster cluster1 is Up", "second host"),
    "another hypervisor": ({"hypervisor": "VMware"}, "hypervisor VMware", "leave host HA off"),
}


@pytest.mark.parametrize(("staged", "observed", "next_step"), OBSTACLES.values(), ids=OBSTACLES)
def test_one_cause_is_one_obstacle_and_explains_an_ineligible_host(staged, observed, next_step):
    [found] = find_obstacles(replace(GOOD, **staged))
    assert observed in found.observed
    assert next_step in found.next_step
    ineligible = replace(GOOD, ha_state="Ineligible", **staged)
    assert explain(ineligible) == found
    message = str(not_available(ineligible, 60))
    for part in ("10.88.0.11: ", "state Available within 60 s", observed, next_step, "listHostHAResources hostid=46da"):
        assert part in message
    refused = str(refuse(replace(OFF, **staged)))
    assert observed in refused


def test_two_causes_are_both_told():
    message = str(refuse(replace(OFF, neighbours=0, oobm_driver="", oobm_enabled=False)))
    assert "out-of-band management is not configured" in message
    assert "no other host of the cluster cluster1 is Up" in message


def test_the_simulators_provider_wants_neither_a_bmc_nor_a_neighbour():
    host = HaHost("10.88.0.100", "Simulator", enabled=True, ha_state="Available", provider="simulatorhaprovider")
    assert find_obstacles(host) == []
    assert find_limits(host) == []


# What Available does not cover.
LIMITS = {
    "no pool": ({"pools": ()}, "no primary storage with a heartbeat is Up for the cluster cluster1"),
    "RBD only": ({"pools": (("ceph", "RBD", "Up"),)}, "observed: ceph (RBD, Up)"),
    "NFS in maintenance": ({"pools": ((*NFS[:2], "Maintenance"),)}, "primary1 (NetworkFilesystem, Maintenance)"),
    "disabled zone": ({"zone": Scope("zone", "zone1", guests=False)}, "the zone zone1 is disabled"),
    "disabled cluster": ({"cluster": Scope("cluster", "cluster1", guests=False)}, "the cluster cluster1 is disabled"),
    "BMC died later": ({"power_state": "Unknown"}, "could not be fenced"),
    "redfish": ({"oobm_driver": "redfish"}, "whose OFF is a shutdown that a hung system ignores"),
}  # fmt: skip


@pytest.mark.parametrize(("staged", "words"), LIMITS.values(), ids=LIMITS)
def test_what_an_available_host_does_not_cover(staged, words):
    [told] = ha_result(replace(GOOD, **staged))["limits"]
    assert words in told
    assert ". Next: " in told


@pytest.mark.parametrize(
    "pools", [(("a", "RBD", "Up"), NFS), (("b", "SharedMountPoint", "Up"),), (("c", "StorPool", "Up"),)]
)
def test_one_pool_with_a_heartbeat_is_enough(pools):
    assert find_limits(replace(GOOD, pools=pools)) == []


@pytest.mark.parametrize(
    ("host", "observed", "next_step"),
    [
        (OFF, "not enabled for the host, and has no provider", "cloudstack.kvm.enable_ha"),
        (replace(OFF, provider="kvmhaprovider"), "host HA is not enabled for the host", "cloudstack.kvm.enable_ha"),
        (replace(GOOD, ha_state="Disabled"), "has not taken it up yet", "run again"),
        (replace(GOOD, ha_state="Ineligible"), "nothing that it shows says why", "management-server.log"),
        (replace(GOOD, ha_state="Suspect"), "its health check fails", "systemctl status cloudstack-agent"),
        (replace(GOOD, ha_state="Checking"), "a neighbour looks right now", "wait"),
        (replace(GOOD, ha_state="Degraded"), "A host without guests always passes for active", "declareHostAsDegraded"),
        (replace(GOOD, ha_state="Recovering", state="Down"), "resets it through its BMC now", "keep away"),
        (replace(GOOD, ha_state="Recovered", state="Down"), "kvm.ha.recover.wait.period", "wait until"),
        (replace(GOOD, ha_state="Fencing", state="Down"), "powers it off through its BMC", "declareHostAsDegraded"),
        (FENCED, "the host is Down and Maintenance now", "cloudstack.kvm.enable_ha"),
        (replace(GOOD, ha_state="Dreaming"), "the state Dreaming", "management-server.log"),
    ],
)
def test_states(host, observed, next_step):
    told = explain(host)
    assert observed in told.observed
    assert next_step in told.next_step


@pytest.mark.parametrize("state", [state for state in STATES if state != "Available"])
def test_every_state_has_words_of_its_own(state):
    others = {explain(replace(GOOD, ha_state=each)).observed for each in STATES if each != state}
    assert explain(replace(GOOD, ha_state=state)).observed not in others


def test_enabling_that_did_not_last_is_told_so():
    message = str(not_available(replace(OFF, provider="kvmhaprovider"), 60, undone=3))
    assert "enabled 3 times, and each time switched off again" in message
    assert "HA.RESOURCE.DISABLE" in message


@pytest.mark.parametrize(
    ("scope", "enabled", "expected"),
    [
        (Scope("zone", "z"), True, []),
        (Scope("zone", "z"), False, ["disableHAForZone"]),
        (Scope("cluster", "c", ha=False), True, ["enableHAForCluster"]),
        (Scope("cluster", "c", ha=False), False, []),
    ],
)
def test_plan_of_a_scope(scope, enabled, expected):
    plan = plan_scope(scope, "7", enabled)
    assert [change.data["command"] for change in plan] == expected
    assert all(change.data["params"] == {f"{scope.kind}id": "7"} for change in plan)


def test_the_page_has_a_row_for_each_state():
    page = (ROOT / "docs" / "high-availability.md").read_text()
    rows = page.partition("## The states")[2].partition("###")[0]
    assert sorted(re.findall(r"^\| ([A-Z]\w+) \|", rows, re.MULTILINE)) == sorted(STATES)
