# SPDX-License-Identifier: GPL-3.0-or-later
"""ha_settings and ha_readiness_info against the simulator: predicted, done, done again, and refused beforehand."""

from __future__ import annotations

import pytest

from tests.integration.modules import run_module

PLACE = {"zone": "zone1", "pod": "pod1", "cluster": "cluster1"}
DNS = {"dns1": "192.0.2.53", "internaldns1": "192.0.2.53"}
NET = {"gateway": "10.88.0.1", "netmask": "255.255.255.0", "startip": "10.88.0.100", "endip": "10.88.0.150"}


@pytest.fixture
def run(simulator):
    """Runs a module in a zone with a cluster of one host."""
    api = simulator.api
    zone = api.call("createZone", name="zone1", networktype="Advanced", **DNS)["zone"]["id"]
    pod = api.call("createPod", zoneid=zone, name="pod1", **NET)["pod"]["id"]
    inside = {"zoneid": zone, "podid": pod, "hypervisor": "Simulator"}
    cluster = api.call("addCluster", clustername="cluster1", clustertype="CloudManaged", **inside)["cluster"][0]["id"]
    login = {"username": "root", "password": "x", "url": "http://sim/c0/h0"}
    api.call("addHost", clusterid=cluster, **inside, **login)
    access = {
        "api_url": simulator.endpoint,
        "api_key": simulator.key,
        "api_secret": simulator.secret,
        "api_timeout": 60,
    }

    def go(name, check=False, **options):
        result = run_module(name, {**access, **PLACE, **options}, check)
        assert simulator.secret not in result.text
        return result

    return go


def _tells_what_follows_if_a_host_dies(simulator, run):
    """In the same cloud, since starting one takes the most time here."""
    writes = simulator.writes()
    told = run("ha_readiness_info").data
    assert simulator.writes() == writes and not told["changed"] and not told["ready"]
    (host,) = told["hosts"].values()
    assert not host["fenced"]
    assert {"HAV001", "HAV005", "HAV011"} <= set(host["findings"])
    assert set(told["timing"]) == {"best", "typical", "worst"}


def test_a_profile_is_predicted_applied_and_undone(simulator, run):
    writes = simulator.writes()
    predicted = run("ha_settings", check=True, profile="fast")
    assert predicted.changed and simulator.writes() == writes
    done = run("ha_settings", profile="fast")
    assert done.changed and done.data["diff"] == predicted.data["diff"]
    assert done.data["settings"] == predicted.data["settings"]
    assert done.data["timing"]["after"]["typical"]["guests_at"] < done.data["timing"]["before"]["typical"]["fenced_at"]
    assert "time.to.sleep" in done.data["restart"]
    assert done.data["summary"] == predicted.data["summary"] and len(done.data["summary"]) == 3
    assert not run("ha_settings", profile="fast").changed
    assert not run("ha_settings", check=True, profile="fast").changed
    assert run("ha_settings", profile="default").changed
    assert not run("ha_settings").changed
    _tells_what_follows_if_a_host_dies(simulator, run)


@pytest.mark.full
def test_a_value_that_cannot_be_used_is_told_and_left_alone(simulator, run):
    simulator.api.call("updateConfiguration", name="ha.workers", value="-5")
    told = run("ha_settings", check=True)
    assert told.data["remarks"][-1] == "ha.workers is -5, expected a whole number from 1 up (threads)"
    assert not told.changed


@pytest.mark.full
def test_contradictions_change_nothing(simulator, run):
    writes = simulator.writes()
    refused = run("ha_settings", settings={"kvm.ha.fence.timeout": 10})
    assert "outofbandmanagement.action.timeout" in refused.message
    old = run("ha_settings", settings={"heartbeat.update.interval": 10})
    assert "kvm.heartbeat.update.frequency" in old.message
    assert simulator.writes() == writes
