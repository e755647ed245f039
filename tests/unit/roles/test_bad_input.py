# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input of the host roles: one message that names host, expected, observed and next step, and no module was run."""

from __future__ import annotations

import re

import pytest

from tests.unit.roles.distributions import facts

AGENT = {"cloudstack_agent_management_keys": ["ecdsa-sha2-nistp256 AAAA management"]}
NTP = {"time_sync_sources": ["192.0.2.254"]}
BRIDGES = [{"name": "cloudbr0", "port": "eth0"}]


CASES = [
    ("kvm_host", {"kvm_host_sysctls": {}}, "kvm_host_sysctl"),
    ("kvm_host", {"kvm_host_fqdn": "host1"}, "kvm_host_fqdn as name.domain"),
    ("kvm_host", {"kvm_host_fqdn": "host1.lab.test", "ansible_host": "bastion"}, "cloudstack_host_address"),
    ("time_sync", {**NTP, "time_sync_source": ["192.0.2.1"]}, "time_sync_sources"),
    ("time_sync", {"time_sync_sources": []}, "time_sync_sources"),
    ("network_bridge", {"network_bridge_confg": BRIDGES}, "network_bridge_config"),
    ("firewall", {"firewall_peers": ["192.0.2.12"]}, "firewall_cluster_peers"),
    ("firewall", {"firewall_admin_sources": ["bastion.example.org"]}, "bastion.example.org"),
    ("storage_client", {"storage_client_export": ["192.0.2.254:/a"]}, "storage_client_exports"),
    ("storage_client", {"storage_client_exports": ["nfs://192.0.2.254/a"]}, "nfs://192.0.2.254/a"),
    ("cloudstack_agent", {**AGENT, "cloudstack_agent_versions": "4.22"}, "cloudstack_agent_version"),
    ("cloudstack_agent", {}, "cloudstack_agent_management_keys"),
]  # fmt: skip


@pytest.fixture(scope="module")
def refused(play_many):
    """All cases in one run, one host for each."""
    debian = facts("debian12")
    return play_many(
        {f"host{number}": ([role], debian, variables) for number, (role, variables, _) in enumerate(CASES)}
    )


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{role}-{named}" for role, _, named in CASES])
def test_is_refused_before_anything_is_done(refused, number):
    host, named = f"host{number}", CASES[number][2]
    assert refused.status != 0
    assert host not in [call["host"] for call in refused.calls]
    # Ansible prints the error of a task and then, once, the result of the host.
    (message,) = re.findall(
        rf"fatal: \[{host}\]:.*?({host}: expected.*?)(?=TASK|PLAY|fatal:|\[ERROR\])", " ".join(refused.output.split())
    )
    for part in ("observed", "Next:", named):
        assert part in message


def test_a_machine_without_kvm_is_refused(play):
    bare = facts("debian12")
    bare["kvm"]["device"] = False
    run = play(["kvm_host"], bare)
    assert run.status != 0
    assert "expected /dev/kvm, observed none" in " ".join(run.output.split())
    assert not run.calls


def test_a_distribution_that_a_role_has_no_data_for_is_refused(play):
    suse = facts("debian12")
    suse["os"].update(id="opensuse-leap", version_id="15.6", family="suse")
    run = play(["storage_client"], suse)
    assert run.status != 0
    assert (
        "host1: its distribution is not supported. Expected: debian, redhat, redhat_8. Observed: opensuse-leap 15.6"
        in " ".join(run.output.split())
    )
    assert not run.calls


@pytest.mark.parametrize(
    ("identity", "backend"),
    [("debian12", "ifupdown"), ("ubuntu2404", "netplan"), ("rocky8", "networkmanager"), ("rocky9", "networkmanager")],
)
def test_bridges_are_declared_in_one_run_by_the_back_end_in_charge(play, identity, backend):
    run = play(["network_bridge"], facts(identity), {"network_bridge_config": BRIDGES})
    assert run.status == 0, run.output
    assert [(call["module"], call["args"]["backend"]) for call in run.calls] == [("bridge", backend)]


def test_bridges_on_a_host_of_which_two_are_in_charge_are_refused(play):
    host = facts("rocky9")
    host["units"]["systemd-networkd.service"] = host["units"]["NetworkManager.service"]
    run = play(["network_bridge"], host, {"network_bridge_config": BRIDGES})
    assert run.status != 0
    assert not run.calls
    message = " ".join(run.output.split())
    assert "both NetworkManager.service and systemd-networkd.service are active" in message
    assert "set network_bridge_backend" in message
    assert "cloudbr0" in message


def test_a_role_alone_gathers_anew_whatever_an_earlier_run_has_left_in_the_fact_cache(play):
    run = play(["storage_client"], facts("debian12"), {"facts_required": None})
    assert run.calls[0]["module"] == "kvm_host_facts"
    (required,) = run.calls[0]["args"]["required"]
    assert set(required["packages"]) >= {"nfs-common", "libnfs-utils"}


def test_the_keystore_of_a_failed_join_is_reported_and_removed_only_on_demand(play):
    left = facts("debian12")
    del left["agent"]["properties"]["guid"]
    left["units"]["cloudstack-agent.service"]["active"] = "inactive"
    asked = play(["cloudstack_agent"], left, {**AGENT, "cloudstack_agent_remove_leftovers": True})
    reported = play(["cloudstack_agent"], left, AGENT)
    assert asked.status == reported.status == 0, reported.output
    assert asked.files()["/etc/cloudstack/agent/cloud.jks"]["state"] == "absent"
    assert "/etc/cloudstack/agent/cloud.jks" not in reported.files()
    assert "cloudstack_agent_remove_leftovers=true" in reported.output


def test_the_keystore_of_a_joined_host_is_never_touched(play):
    run = play(["cloudstack_agent"], facts("debian12"), {**AGENT, "cloudstack_agent_remove_leftovers": True})
    assert run.status == 0, run.output
    assert "/etc/cloudstack/agent/cloud.jks" not in run.files()
