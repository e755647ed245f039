# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook configure_failover on two clusters: predicted, set, set again; and refused as a whole."""

from __future__ import annotations

import pytest

from tests.integration.playbooks import play

pytestmark = pytest.mark.full
DNS = {"dns1": "192.0.2.53", "internaldns1": "192.0.2.53"}
NET = {"gateway": "10.88.0.1", "netmask": "255.255.255.0", "startip": "10.88.0.100", "endip": "10.88.0.150"}
PLACE = {"cloudstack_zone": "zone1", "cloudstack_pod": "pod1"}
WAIT = "kvm.ha.recover.wait.period"


@pytest.fixture
def site(simulator):
    """The simulator with the clusters cluster1 and cluster2."""
    api = simulator.api
    zone = api.call("createZone", name="zone1", networktype="Advanced", **DNS)["zone"]["id"]
    pod = api.call("createPod", zoneid=zone, name="pod1", **NET)["pod"]["id"]
    for name in ("cluster1", "cluster2"):
        api.call(
            "addCluster", clustername=name, clustertype="CloudManaged", zoneid=zone, podid=pod, hypervisor="Simulator"
        )
    return simulator


@pytest.fixture
def configure(site, inventory):
    """Runs the playbook; the second cluster has its own variables."""

    def run(*arguments, second=None, **first):
        hosts = {
            "host1": {"ansible_host": "192.0.2.1", "cloudstack_cluster": "cluster1", **first},
            "host2": {"ansible_host": "192.0.2.2", "cloudstack_cluster": "cluster1", **first},
            "host3": {"ansible_host": "192.0.2.3", "cloudstack_cluster": "cluster2", **(second or first)},
        }
        done = play("configure_failover.yml", inventory(hosts, **PLACE), *arguments, env=site.env)
        assert site.secret not in done.output
        return done

    return run


def test_a_profile_is_predicted_set_and_then_there(site, configure):
    declared = {"failover_profile": "fast", "failover_settings": {WAIT: 240}}
    writes = site.writes()
    predicted = configure("--check", "--diff", **declared)
    assert predicted.code == 0 and site.writes() == writes, predicted.output
    assert "cluster1, profile fast" in predicted.output and "typical: fenced after" in predicted.output
    assert WAIT in predicted.output
    done = configure("--diff", **declared)
    assert done.code == 0, done.output
    assert set(done.changed) == {"host1", "host3"}, "one host asks for its cluster"
    assert "restart cloudstack-management" in " ".join(done.output.split())
    again = configure(**declared)
    assert (again.code, again.changed) == (0, {}), again.output


REFUSED = {
    "no profile": ({}, None, "Expected: default, fast or careful in failover_profile. Observed: nothing"),
    "a contradiction in the second cluster": (
        {"failover_profile": "fast"},
        {"failover_profile": "fast", "failover_settings": {"kvm.ha.fence.timeout": 10}},
        "contradict each other, nothing was changed",
    ),
    "two values for what counts for both": (
        {"failover_profile": "fast"},
        {"failover_profile": "careful"},
        "time.to.sleep counts for all clusters of this CloudStack. Expected: one value. Observed: 30 for cluster1,",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_as_a_whole(site, configure, case):
    first, second, words = REFUSED[case]
    writes = site.writes()
    run = configure(second=second, **first)
    assert run.code != 0 and site.writes() == writes, run.output
    assert words in " ".join(run.output.split()), run.output
