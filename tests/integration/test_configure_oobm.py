# SPDX-License-Identifier: GPL-3.0-or-later
"""configure_oobm.yml: a host of the simulator plug-in, and a real IPMI BMC of the lab."""

from __future__ import annotations

import pytest

from tests.integration.playbooks import play

PLAYBOOK = "configure_oobm.yml"
BMC = "10.88.0.211"
ADDRESS = "10.88.0.100"  # the plug-in gives the first address of the pod


@pytest.fixture
def registered(simulator):
    """A CloudStack with one host that is Up."""
    api = simulator.api
    zone = api.call("createZone", name="zone1", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")[
        "zone"
    ]["id"]
    pod = api.call(
        "createPod",
        zoneid=zone,
        name="pod1",
        gateway="10.88.0.1",
        netmask="255.255.255.0",
        startip=ADDRESS,
        endip="10.88.0.150",
    )["pod"]["id"]
    cluster = api.call(
        "addCluster", zoneid=zone, podid=pod, clustername="c", clustertype="CloudManaged", hypervisor="Simulator"
    )
    parents = {"zoneid": zone, "podid": pod, "clusterid": cluster["cluster"][0]["id"]}
    api.call("addHost", **parents, hypervisor="Simulator", url="http://sim/c0/h0", username="root", password="x")
    return simulator


def _host(simulator):
    [row] = simulator.api.list("listHosts", "host", type="Routing", details="min")
    return row["outofbandmanagement"]


def _hosts(password, **more):
    return {
        "host1": {
            "ansible_host": ADDRESS,
            "oobm_address": BMC,
            "oobm_username": "ADMIN",
            "oobm_password": password,
            **more,
        }
    }


@pytest.mark.lab
def test_wrong_password_is_named_and_left_disabled_then_the_right_one_works(registered, inventory, lab):
    right = lab.secret("bmc_host1")
    wrong = right[:1] + "planted-wrong1"[: len(right) - 1]  # the same first letter: CloudStack shows no more of it
    failed = play(PLAYBOOK, inventory(_hosts(wrong)), "-vvv", "--diff", env=registered.env)
    assert failed.code != 0
    [text] = failed.failures
    for part in (BMC, "ADMIN", "refuses the password", "oobm_password"):
        assert part in text, text
    assert wrong not in failed.output
    assert _host(registered)["enabled"] is False, "out-of-band management that does not work stays enabled"

    done = play(PLAYBOOK, inventory(_hosts(right)), "-vvv", "--diff", env=registered.env)
    assert done.code == 0, done.output
    assert right not in done.output
    assert _host(registered)["enabled"] is True
    assert _host(registered)["powerstate"] in ("On", "Off")

    writes = registered.writes()
    again = play(PLAYBOOK, inventory(_hosts(right)), env=registered.env)
    assert again.code == 0, again.output
    assert again.changed == {}
    assert registered.writes() == writes


def test_no_bmc_no_host_and_bad_values(registered, inventory):
    skipped = play(PLAYBOOK, inventory(_hosts("", oobm_address="")), env=registered.env)
    assert skipped.code == 0, skipped.output
    assert "oobm_address is empty" in skipped.output

    no_account = play(PLAYBOOK, inventory(_hosts("")), env=registered.env)
    assert no_account.code != 0
    assert "expected oobm_username and oobm_password" in " ".join(no_account.failures)

    unknown = play(
        PLAYBOOK, inventory({"host9": {**_hosts("x1")["host1"], "ansible_host": "192.0.2.9"}}), env=registered.env
    )
    assert unknown.code != 0
    for part in ("192.0.2.9", "no host of this address", "cloudstack.kvm.add_hosts"):
        assert part in unknown.failures[0]

    predicted = play(PLAYBOOK, inventory(_hosts("planted-secret1")), "--check", "--diff", env=registered.env)
    assert predicted.code == 0, predicted.output
    assert predicted.changed["host1"] == 1
    assert "planted-secret1" not in predicted.output
    assert _host(registered)["enabled"] is False
