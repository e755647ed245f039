# SPDX-License-Identifier: GPL-3.0-or-later
"""From module results to profiles: who is a member, whose facts count, what was not found out and why."""

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Registered
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import (
    profiles_of,
    read_hosts,
    read_probes,
    read_variables,
)

FACTS = {"arch": "x86_64", "unknown": {}}
CLUSTER = Cluster(
    "zone1",
    "pod1",
    "cluster1",
    "cloudstack",
    registered=(Registered("h1", "10.88.0.11", "Up", "Enabled", "zone1", "cluster1"),),
)
UNREACHABLE = {"unreachable": True, "msg": "Failed to connect: no route\nmore"}
ELSEWHERE = Registered("h9", "10.88.0.19", "Up", "Enabled", "zone1", "cluster9")


def seen(number, facts=FACTS, answer=None, **results):
    return {
        "facts": facts,
        "answer": answer or {},
        "declared": {"address": f"10.88.0.1{number}"},
        "results": results,
    }


def read(seen_hosts, live, cluster=CLUSTER, management=()):
    return read_hosts(sorted(seen_hosts), seen_hosts, live, management, cluster)


def test_a_registered_address_makes_a_member_and_hosts_that_limit_leaves_out_are_not_live():
    profiles, cluster = read({"host1": seen(1), "host4": seen(4)}, ["host4"])
    assert [(host.name, host.member, host.live) for host in profiles] == [
        ("host1", True, False),
        ("host4", False, True),
    ]
    assert cluster.hosts_without_facts == ()


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        (
            {"host_registration_address": "10.88.0.11", "ansible_host": "192.0.2.1", "inventory_hostname": "host1"},
            "10.88.0.11",
        ),
        (
            {"cloudstack_host_address": "10.88.0.11", "ansible_host": "192.0.2.1", "inventory_hostname": "host1"},
            "10.88.0.11",
        ),
        ({"ansible_host": "10.88.0.11", "inventory_hostname": "host1"}, "10.88.0.11"),
        ({"inventory_hostname": "10.88.0.11"}, "10.88.0.11"),
    ],
)
def test_a_host_that_the_role_never_got_to_is_still_a_member_by_its_address(variables, address):
    known = read_variables(["host1"], {"host1": {**variables, "__preflight_facts": {"kvm_host": FACTS}}})
    [profile], _cluster = read_hosts(["host1"], known, ["host1"], [], CLUSTER)
    assert (profile.declared, profile.member) == ({"address": address}, True)


def test_the_variables_of_the_role_become_profiles():
    seen = {"declared": {"address": "10.88.0.11"}, "reached": True}
    variables = {
        "__preflight_facts": {"kvm_host": FACTS, "changed": False},
        "__preflight_seen": seen,
        "__preflight_probes": {"probes": {"port_check": {"ports": []}}},
    }
    known = read_variables(["host1", "host2"], {"host1": variables, "host2": {"inventory_hostname": "host2"}})
    assert (known["host1"]["reached"], known["host2"]["reached"]) == (True, False)
    [profile] = profiles_of(known)
    assert (profile.name, profile.facts, profile.declared) == ("host1", FACTS, seen["declared"])
    assert "ports" in profile.probes
    assert "nfs" not in profile.probes


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**5000], ids=["nan", "inf", "long"])
def test_a_number_that_no_report_could_hold_becomes_a_text(number):
    [profile], _cluster = read(
        {"host1": {**seen(1), "facts": {**seen(1)["facts"], "memory": {"total_bytes": number}}}}, ["host1"]
    )
    json.dumps(profile.facts, allow_nan=False)
    assert isinstance(profile.facts["memory"]["total_bytes"], str)


@pytest.mark.parametrize(
    ("host", "live", "why"),
    [
        ({}, [], "not part of this run (--limit), and not a member"),
        (seen(1, facts=None), [], "not part of this run (--limit), and not a member"),
        (seen(1, facts=None, answer=UNREACHABLE), ["host1"], "Failed to connect: no route"),
        (seen(1, facts=None), ["host1"], "it was lost earlier in this run"),
        (seen(1, facts=None, answer={"msg": "module failed"}), ["host1"], "module failed"),
    ],
)
def test_a_host_without_facts_of_now_is_missing_with_the_reason(host, live, why):
    profiles, cluster = read({"host1": host}, live)
    assert profiles == []
    [missing] = cluster.hosts_without_facts
    assert why in missing.why
    assert "\n" not in missing.why


def test_a_member_that_limit_leaves_out_and_that_could_not_be_read_is_missing_with_the_reason():
    lost = seen(1, facts=None, answer=UNREACHABLE)
    profiles, cluster = read({"host1": lost, "host4": seen(4)}, ["host4"])
    assert [host.name for host in profiles] == ["host4"]
    assert [(each.member, each.why) for each in cluster.hosts_without_facts] == [(True, "Failed to connect: no route")]


def test_a_host_registered_in_another_cluster_is_no_member():
    profiles, _cluster = read(
        {"host9": seen(9)}, ["host9"], Cluster("zone1", "pod1", "cluster1", "cloudstack", registered=(ELSEWHERE,))
    )
    assert not profiles[0].member


@pytest.mark.parametrize(
    ("active", "guid", "member"), [("active", "x", True), ("inactive", "x", False), ("active", "", False)]
)
def test_without_cloudstack_a_running_agent_with_an_identity_makes_a_member(active, guid, member):
    facts = {
        **FACTS,
        "agent": {"properties": {"guid": guid}},
        "units": {"cloudstack-agent.service": {"active": active}},
    }
    profiles, _cluster = read({"host1": seen(1, facts=facts)}, ["host1"], Cluster())
    assert profiles[0].member is member


@pytest.mark.parametrize(
    ("cluster", "address", "member"),
    [(CLUSTER, "10.88.0.11", True), (CLUSTER, "10.88.0.14", False), (Cluster(), "10.88.0.14", True)],
)
def test_an_unseen_host_is_a_member_if_cloudstack_says_so_or_nobody_was_asked(cluster, address, member):
    _profiles, cluster = read({"host1": {"declared": {"address": address}}}, {}, cluster)
    assert [missing.member for missing in cluster.hosts_without_facts] == [member]
    assert ("may be a member" in cluster.hosts_without_facts[0].why) is (not cluster.from_cloudstack)


def test_what_was_not_probed_has_a_reason():
    probes = read_probes(
        "host1",
        {"ports": {"msg": "timed out\nsecond line"}, "clock": {"clock": None, "unknown": {"clock": "no date"}}},
        {},
    )
    assert probes["unknown"] == {
        "clock": "no date",
        "ports": "timed out",
        "cpu_compare": "was not probed",
        "nfs": "was not probed",
        "pools": "was not probed",
        "multicast": "was not probed",
        "paths": "was not probed",
    }


def test_a_bmc_that_answers_from_a_guest_bridge_is_told_apart_from_the_ports():
    ports = [
        {"to": "host2", "port": 16514, "state": "open", "purpose": "migration TLS"},
        {"to": "cloudbr1", "port": 623, "state": "filtered", "purpose": "BMC from the guest network"},
        {"to": "cloudbr2", "port": 623, "state": "open", "purpose": "BMC from the guest network"},
    ]
    probes = read_probes("host1", {"ports": {"ports": ports}}, {})
    assert probes["ports"] == ports[:1]
    assert probes["bmc_from_guest"] == {"bridge": "cloudbr2", "reachable": True}


def test_the_way_of_vxlan_is_told_apart_from_the_ports():
    ports = [
        {"to": "host2", "port": 16514, "state": "open", "purpose": "migration TLS"},
        {"to": "host2", "port": 8472, "state": "refused", "purpose": "VXLAN"},
    ]
    probes = read_probes("host1", {"ports": {"ports": ports}}, {})
    assert (probes["ports"], probes["vxlan"]) == (ports[:1], ports[1:])


def test_what_a_management_server_saw_and_one_that_could_not_be_asked():
    saw = {"ssh": {"ok": True}, "bmc": {"ok": True}, "unknown": {}}
    results = [
        {"item": "mgmt1", "management": {"host1": saw}},
        {"item": "mgmt2", "unreachable": True, "msg": "no route"},
    ]
    profiles, _cluster = read({"host1": seen(1)}, ["host1"], management=results)
    found = profiles[0].require_probe("management")
    assert found["mgmt1"] == saw
    assert (found["mgmt2"]["ssh"], found["mgmt2"]["unknown"]["ssh"]) == (None, "no route")
