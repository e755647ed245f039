# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ha_report on a CloudStack with one host that has neither out-of-band management nor Host HA."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from tests.integration.playbooks import play
from tests.schemas import closed, schema

DNS = {"dns1": "192.0.2.53", "internaldns1": "192.0.2.53"}
NET = {"gateway": "10.88.0.1", "netmask": "255.255.255.0", "startip": "10.88.0.100", "endip": "10.88.0.150"}
PLACE = {"cloudstack_zone": "zone1", "cloudstack_pod": "pod1", "cloudstack_cluster": "cluster1"}


@pytest.mark.full
def test_a_cluster_that_is_not_ready(simulator, inventory, tmp_path):
    api = simulator.api
    zone = api.call("createZone", name="zone1", networktype="Advanced", **DNS)["zone"]["id"]
    pod = api.call("createPod", zoneid=zone, name="pod1", **NET)["pod"]["id"]
    inside = {"zoneid": zone, "podid": pod, "hypervisor": "Simulator"}
    cluster = api.call("addCluster", clustername="cluster1", clustertype="CloudManaged", **inside)["cluster"][0]["id"]
    api.call("addHost", clusterid=cluster, **inside, username="root", password="x", url="http://sim/c0/h0")
    writes = simulator.writes()
    hosts = {"host1": {"ansible_host": "10.88.0.100"}, "host2": {"ansible_host": "10.88.0.101"}}
    where = inventory(hosts, **PLACE, preflight_report_dir=str(tmp_path))
    run = play("ha_report.yml", where, env=simulator.env)
    assert run.code != 0 and simulator.writes() == writes
    assert len(run.failures) == 1, "one host asks for its cluster"
    assert "HAV001" in run.failures[0] and "not ready" in run.failures[0]
    folder = tmp_path / "cluster1"
    report = json.loads((folder / "ha_report.json").read_text())
    Draft202012Validator(closed(schema("ha_report"))).validate(report)
    assert {"HAV001", "HAV005", "HAV011"} <= {finding["id"] for finding in report["findings"]}
    assert "## If this host dies now" in (folder / "ha_report.md").read_text()
    assert (folder / "ha_report.junit.xml").is_file()
    assert "no pre-flight has left its facts" in (folder / "ha_report.html").read_text()
    assert simulator.secret not in run.output
