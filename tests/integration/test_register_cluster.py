# SPDX-License-Identifier: GPL-3.0-or-later
"""register_cluster.yml against an empty CloudStack: predicted, done, left alone; and what it says about bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import play
from tests.integration.simulator import run_simulator

HOSTS = {"host1": {"ansible_host": "192.0.2.1"}, "host2": {"ansible_host": "192.0.2.2"}}
PLAYBOOK = "register_cluster.yml"


@pytest.fixture(scope="module")
def empty():
    """One server for all inputs that must not get through to it, and for one that must."""
    with run_simulator() as running:
        yield running


@pytest.fixture
def clusters(tmp_path):
    """Writes an inventory: clusters with their variables, each of one host."""

    def write(variables: dict[str, dict]) -> Path:
        groups = {name: {"hosts": {f"{name}-host": {}}, "vars": {**CLUSTER, **own}} for name, own in variables.items()}
        path = tmp_path / "clusters.yml"
        path.write_text(yaml.safe_dump({"kvm_hosts": {"children": groups}}))
        return path

    return write


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


BAD = {
    "misspelt-variable": (
        {"cluster_zone_dns_1": "192.0.2.3"},
        ["misspelt-variable-host: ", "expected", "did you mean cluster_zone_dns1?", "Next"],
    ),
    "misspelt-key": (
        {"cluster_traffic_labels": [{"type": "Guest", "lable": "x"}]},
        ["cluster_traffic_labels.lable. Supported parameters include: label, type"],
    ),
    "no-management-label": (
        {"cluster_traffic_labels": [{"type": "Guest", "label": "x"}]},
        ["no-management-label-host: ", "Management", "observed: Guest", "Next"],
    ),
    "wrong-architecture": (
        {"cluster_arch": "amd64"},
        ["value of cluster_arch must be one of: x86_64, aarch64, got: amd64"],
    ),
    "no-cluster": (
        {"cloudstack_cluster": ""},
        ["no-cluster-host: expected cloudstack_zone, cloudstack_pod and cloudstack_cluster", "Next"],
    ),
}


def test_bad_values_end_the_run_before_the_first_call(empty, clusters):
    """A cluster for each, of one host."""
    run = play(PLAYBOOK, clusters({name: variables for name, (variables, _parts) in BAD.items()}), env=empty.env)
    assert run.code != 0, run.output
    assert len(run.failures) == len(BAD), run.output
    for name, (_variables, parts) in BAD.items():
        [text] = [failure for failure in run.failures if failure.startswith(f"fatal: [{name}-host]")]
        for part in parts:
            assert part in text, f"{part!r} is not in: {text}"
    assert empty.writes() == 0
    assert _registered(empty) == NOTHING


@pytest.mark.full  # what test_no_hosts_no_api.py shows of this playbook, host by host
def test_key_and_endpoint(empty, inventory):
    hosts = inventory(HOSTS)
    run = play(PLAYBOOK, hosts, env={**empty.env, "CLOUDSTACK_KEY": "nobodys-key"})
    _one_failure(run, "host1", "CloudStack refused the API key", "401", "CLOUDSTACK_KEY")
    assert len(run.failures) == 1
    assert empty.secret not in run.output

    run = play(PLAYBOOK, hosts, env={**empty.env, "CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"})
    _one_failure(run, "host1", "http://127.0.0.1:1/client/api cannot be reached", "refused", "CLOUDSTACK_ENDPOINT")
    assert len(run.failures) == 1
    assert _registered(empty) == NOTHING


def test_check_then_do_then_leave_alone(empty, inventory):
    """On the server that has seen all that is bad: nothing of it is in the way."""
    hosts = inventory(HOSTS)
    predicted = play(PLAYBOOK, hosts, "--check", "--diff", env=empty.env)
    assert predicted.code == 0, predicted.output
    assert predicted.changed["host1"]
    assert "+kvm_label: cloudbr2" in predicted.output
    assert empty.writes() == 0
    assert _registered(empty) == NOTHING

    done = play(PLAYBOOK, hosts, env=empty.env)
    assert done.code == 0, done.output
    assert done.changed == predicted.changed
    assert _registered(empty) == EVERYTHING
    [zone] = empty.api.list("listZones", "zone")
    assert zone["allocationstate"] == "Enabled"
    labels = empty.api.list("listTrafficTypes", "traffictype", physicalnetworkid=_network(empty)["id"])
    assert {entry["traffictype"]: entry.get("kvmnetworklabel") for entry in labels} == {
        "Management": "cloudbr0",
        "Public": "cloudbr1",
        "Guest": "cloudbr1",
        "Storage": "cloudbr2",
    }

    writes = empty.writes()
    again = play(PLAYBOOK, hosts, env=empty.env)
    assert again.code == 0, again.output
    assert again.changed == {}
    assert empty.writes() == writes


def _network(server):
    return server.api.list("listPhysicalNetworks", "physicalnetwork")[0]


def test_two_clusters_share_a_zone_and_a_call_that_fails_half_way_is_continued_by_the_next_run(simulator, clusters):
    hosts = clusters({name: {"cloudstack_cluster": name} for name in ("cluster1", "cluster2")})
    simulator.fault("530", "createPod", times=2)
    run = play(PLAYBOOK, hosts, env=simulator.env)
    assert run.code != 0, run.output
    for failure, host in zip(sorted(run.failures), ("cluster1-host", "cluster2-host"), strict=True):
        assert all(part in failure for part in (host, "createPod", "530")), failure
    assert _registered(simulator) == {**EVERYTHING, "pod": [], "cluster": []}
    done = play(PLAYBOOK, hosts, env=simulator.env)
    assert done.code == 0, done.output
    assert _registered(simulator) == {**EVERYTHING, "cluster": ["cluster1", "cluster2"]}
