# SPDX-License-Identifier: GPL-3.0-or-later
"""register_cluster.yml against an empty CloudStack: predicted, done, left alone; and what it says about bad input."""

from __future__ import annotations

import pytest
import yaml

from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import play
from tests.integration.simulator import run_simulator

HOSTS = {"host1": {"ansible_host": "192.0.2.1"}, "host2": {"ansible_host": "192.0.2.2"}}
PLAYBOOK = "register_cluster.yml"


@pytest.fixture(scope="module")
def empty():
    """One server for all inputs that must not get through to it."""
    with run_simulator() as running:
        yield running


def _one_failure(run, *parts):
    """The run failed with one message per host that says all of this."""
    assert run.code != 0, run.output
    assert run.failures, run.output
    text = run.failures[0]
    for part in parts:
        assert part in text, f"{part!r} is not in: {text}"
    return text


def _registered(simulator) -> dict[str, list[str]]:
    lists = {
        "listZones": "zone",
        "listPhysicalNetworks": "physicalnetwork",
        "listPods": "pod",
        "listClusters": "cluster",
    }
    return {kind: [row["name"] for row in simulator.api.list(command, kind)] for command, kind in lists.items()}


NOTHING = {"zone": [], "physicalnetwork": [], "pod": [], "cluster": []}
EVERYTHING = {"zone": ["zone1"], "physicalnetwork": ["physnet1"], "pod": ["pod1"], "cluster": ["cluster1"]}


def test_check_then_do_then_leave_alone(simulator, inventory):
    hosts = inventory(HOSTS)
    predicted = play(PLAYBOOK, hosts, "--check", "--diff", env=simulator.env)
    assert predicted.code == 0, predicted.output
    assert predicted.changed["host1"]
    assert "+kvm_label: cloudbr2" in predicted.output
    assert simulator.writes() == 0
    assert _registered(simulator) == NOTHING

    done = play(PLAYBOOK, hosts, env=simulator.env)
    assert done.code == 0, done.output
    assert done.changed == predicted.changed
    assert _registered(simulator) == EVERYTHING
    [zone] = simulator.api.list("listZones", "zone")
    assert zone["allocationstate"] == "Enabled"
    labels = simulator.api.list("listTrafficTypes", "traffictype", physicalnetworkid=_network(simulator)["id"])
    assert {entry["traffictype"]: entry.get("kvmnetworklabel") for entry in labels} == {
        "Management": "cloudbr0",
        "Public": "cloudbr1",
        "Guest": "cloudbr1",
        "Storage": "cloudbr2",
    }

    writes = simulator.writes()
    again = play(PLAYBOOK, hosts, env=simulator.env)
    assert again.code == 0, again.output
    assert again.changed == {}
    assert simulator.writes() == writes


def _network(simulator):
    return simulator.api.list("listPhysicalNetworks", "physicalnetwork")[0]


def test_two_clusters_share_a_zone(simulator, tmp_path):
    groups = {
        name: {"hosts": {f"{name}-host": {}}, "vars": {**CLUSTER, "cloudstack_cluster": name}}
        for name in ("cluster1", "cluster2")
    }
    path = tmp_path / "two.yml"
    path.write_text(yaml.safe_dump({"kvm_hosts": {"children": groups}}))
    done = play(PLAYBOOK, path, env=simulator.env)
    assert done.code == 0, done.output
    assert _registered(simulator) == {**EVERYTHING, "cluster": ["cluster1", "cluster2"]}


@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        ({"cluster_zone_dns_1": "192.0.2.3"}, ["host1", "expected", "did you mean cluster_zone_dns1?", "Next"]),
        ({"cluster_traffic_labels": [{"type": "Guest", "lable": "x"}]}, ["lable"]),
        (
            {"cluster_traffic_labels": [{"type": "Guest", "label": "x"}]},
            ["host1", "Management", "observed: Guest", "Next"],
        ),
        ({"cluster_arch": "amd64"}, ["cluster_arch", "x86_64"]),
        (
            {"cloudstack_cluster": ""},
            ["host1", "expected cloudstack_zone, cloudstack_pod and cloudstack_cluster", "Next"],
        ),
    ],
    ids=["misspelt variable", "misspelt key", "no management label", "wrong architecture", "no cluster"],
)
def test_bad_values_end_the_run_before_the_first_call(empty, inventory, variables, parts):
    _one_failure(play(PLAYBOOK, inventory(HOSTS, **variables), env=empty.env), *parts)
    assert empty.writes() == 0
    assert _registered(empty) == NOTHING


def test_key_and_endpoint_then_success(empty, inventory):
    """Runs after the bad values on the same server: nothing of them is in the way."""
    hosts = inventory(HOSTS)
    run = play(PLAYBOOK, hosts, env={**empty.env, "CLOUDSTACK_KEY": "nobodys-key"})
    _one_failure(run, "host1", "CloudStack refused the API key", "401", "CLOUDSTACK_KEY")
    assert len(run.failures) == 1
    assert empty.secret not in run.output

    run = play(PLAYBOOK, hosts, env={**empty.env, "CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"})
    _one_failure(run, "host1", "http://127.0.0.1:1/client/api cannot be reached", "refused", "CLOUDSTACK_ENDPOINT")
    assert len(run.failures) == 1

    assert _registered(empty) == NOTHING
    assert play(PLAYBOOK, hosts, env=empty.env).code == 0
    assert _registered(empty) == EVERYTHING


def test_call_that_fails_half_way_is_continued_by_the_next_run(simulator, inventory):
    hosts = inventory(HOSTS)
    simulator.fault("530", "createPod")
    run = play(PLAYBOOK, hosts, env=simulator.env)
    _one_failure(run, "host1", "createPod", "530")
    assert _registered(simulator) == {**EVERYTHING, "pod": [], "cluster": []}
    assert play(PLAYBOOK, hosts, env=simulator.env).code == 0
    assert _registered(simulator) == EVERYTHING
