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


BACKENDS = {
    "debian12": "ifupdown",
    "ubuntu2404": "netplan",
    "rocky8": "networkmanager",
    "rocky9": "networkmanager",
}


def refused_hosts():
    """Host -> its role, facts and variables, of all that are refused."""
    hosts = {
        f"host{number}": ([role], facts("debian12"), variables) for number, (role, variables, _) in enumerate(CASES)
    }
    bare, suse, both = facts("debian12"), facts("debian12"), facts("rocky9")
    bare["kvm"]["device"] = False
    suse["os"].update(id="opensuse-leap", version_id="15.6", family="suse")
    both["units"]["systemd-networkd.service"] = both["units"]["NetworkManager.service"]
    return {
        **hosts,
        "bare": (["kvm_host"], bare, {}),
        "suse": (["storage_client"], suse, {}),
        "both": (["network_bridge"], both, {"network_bridge_config": BRIDGES}),
    }


def done_hosts():
    """Host -> its role, facts and variables, of all that are as a role wants them."""
    bridged = {
        identity: (["network_bridge"], facts(identity), {"network_bridge_config": BRIDGES}) for identity in BACKENDS
    }
    left = facts("debian12")
    del left["agent"]["properties"]["guid"]
    left["units"]["cloudstack-agent.service"]["active"] = "inactive"
    removing = {**AGENT, "cloudstack_agent_remove_leftovers": True}
    return {
        **bridged,
        "alone": (["storage_client"], facts("debian12"), {"facts_required": None}),
        "asked": (["cloudstack_agent"], left, removing),
        "reported": (["cloudstack_agent"], left, AGENT),
        "joined": (["cloudstack_agent"], facts("debian12"), removing),
    }


@pytest.fixture(scope="module")
def run(play_many):
    """All cases in one run, one host for each."""
    return play_many({**refused_hosts(), **done_hosts()})


def refusal_of(run, host):
    """Why a host was refused, before any module was run on it. Ansible prints the error of a task and then, once, the
    result of the host."""
    assert run.status != 0
    assert not run.of(host).calls
    (message,) = re.findall(
        rf"fatal: \[{host}\]:.*?({host}: .*?)(?=TASK|PLAY|fatal:|\[ERROR\])", " ".join(run.output.split())
    )
    return message


def done(run, host):
    """The run with the calls for a host that was not refused."""
    assert f"fatal: [{host}]" not in run.output, run.output
    return run.of(host)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{role}-{named}" for role, _, named in CASES])
def test_is_refused_before_anything_is_done(run, number):
    message = refusal_of(run, f"host{number}")
    for part in (f"host{number}: expected", "observed", "Next:", CASES[number][2]):
        assert part in message


def test_a_machine_without_kvm_is_refused(run):
    assert "expected /dev/kvm, observed none" in refusal_of(run, "bare")


def test_a_distribution_that_a_role_has_no_data_for_is_refused(run):
    assert (
        "suse: its distribution is not supported. Expected: debian, redhat, redhat_8. Observed: opensuse-leap 15.6"
        in refusal_of(run, "suse")
    )


@pytest.mark.parametrize(("identity", "backend"), BACKENDS.items())
def test_bridges_are_declared_in_one_run_by_the_back_end_in_charge(run, identity, backend):
    calls = done(run, identity).calls
    assert [(call["module"], call["args"]["backend"]) for call in calls] == [("bridge", backend)]


def test_bridges_on_a_host_of_which_two_are_in_charge_are_refused(run):
    message = refusal_of(run, "both")
    assert "both NetworkManager.service and systemd-networkd.service are active" in message
    assert "set network_bridge_backend" in message
    assert "cloudbr0" in message


def test_a_role_alone_gathers_anew_whatever_an_earlier_run_has_left_in_the_fact_cache(run):
    first = done(run, "alone").calls[0]
    assert first["module"] == "kvm_host_facts"
    (required,) = first["args"]["required"]
    assert set(required["packages"]) >= {"nfs-common", "libnfs-utils"}


def test_the_keystore_of_a_failed_join_is_reported_and_removed_only_on_demand(run):
    asked, reported = done(run, "asked"), done(run, "reported")
    assert asked.files()["/etc/cloudstack/agent/cloud.jks"]["state"] == "absent"
    assert reported.files()
    assert "/etc/cloudstack/agent/cloud.jks" not in reported.files()
    assert "cloudstack_agent_remove_leftovers=true" in run.output


def test_the_keystore_of_a_joined_host_is_never_touched(run):
    files = done(run, "joined").files()
    assert files
    assert "/etc/cloudstack/agent/cloud.jks" not in files
