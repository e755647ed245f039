# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of all hosts together."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import PATH_CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks import path_result as result
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import examine
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import document

from tests.cluster_profiles import healthy
from tests.report_samples import MADE

SMALL = {
    f"host{number}": {"probes.paths.outcomes[5]": {"passed": False, "path_mtu": 1500, "failure": "too_large"}}
    for number in (1, 2, 3)
}


def test_the_faults_are_found_once_for_all_checks_and_the_report(monkeypatch):
    calls = []
    locate_faults = result.locate_faults
    monkeypatch.setattr(
        result, "locate_faults", lambda *given, **options: calls.append(1) or locate_faults(*given, **options)
    )
    world = healthy().edit(SMALL)
    hosts, cluster, policy = world.profiles(), world.intent(), world.rules()
    assessment = assess(hosts, cluster, policy, today="2026-11-25")
    assert document(assessment, hosts, cluster, policy, (), MADE)["paths"]["culprits"]
    assert len(calls) == 1
    assess(hosts, cluster, policy, today="2026-11-25")  # what the objects hold may have changed meanwhile
    assert len(calls) == 2


def test_they_are_not_found_for_checks_that_do_not_read_them(monkeypatch):
    """The gate assesses a host again for each fact that has changed, with the few checks that stop it."""
    monkeypatch.setattr(result, "locate_faults", lambda *given, **options: pytest.fail("not needed"))
    world = healthy()
    assess(world.profiles(), world.intent(), world.rules(), today="2026-11-25", only=["MTU001"])


def test_results_that_cannot_be_read_are_unknown_to_the_checks_of_the_paths_alone():
    world = healthy().edit({"host1": {"probes.paths.outcomes[0]": {"control": False, "address": "no address"}}})
    findings = assess(world.profiles(), world.intent(), world.rules(), today="2026-11-25").findings
    unreadable = {each.id for each in findings if each.observed.startswith("ValueError")}
    assert unreadable == {"NET017", *(f"PTH00{number}" for number in range(1, 10))}


def test_the_worse_answer_counts_and_one_without_time_does_not():
    world = healthy()
    outcomes = world.hosts["host1"]["probes"]["paths"]["outcomes"]
    outcomes.append({**outcomes[0], "passed": False, "path_mtu": 1400, "failure": "too_large", "lost": 1})
    outcomes.append({**outcomes[1], "failure": "not_asked", "control": False})
    outcomes[2].update(failure="not_asked", control=False, passed=None)
    paths = examine(world.profiles(), world.intent(), world.rules())
    mine = {(each.probe.peer, each.probe.network): each for each in paths.outcomes if each.probe.host == "host1"}
    assert (mine["host2", "cloudbr0"].path_mtu, mine["host2", "cloudbr0"].sent, mine["host2", "cloudbr0"].lost) == (
        1400,
        40,
        1,
    )
    assert mine["host2", "cloudbr2"].control
    assert mine["host3", "cloudbr0"].failure == "not_asked"


def test_a_question_that_was_heard_in_pieces_was_fragmented_on_the_way():
    world = healthy()
    asked = [
        (each["peer"], each["network"], each["address"]) for each in world.hosts["host2"]["probes"]["paths"]["outcomes"]
    ]
    [address] = [address for peer, network, address in asked if (peer, network) == ("host1", "cloudbr0")]
    heard = {"network": "cloudbr0", "address": address, "count": 20, "first": 0, "last": 19, "fragmented": True}
    world.hosts["host4"]["probes"]["paths"]["heard"] = [heard]
    paths = examine(world.profiles(), world.intent(), world.rules())
    cut = {(each.probe.host, each.probe.peer, each.probe.network) for each in paths.outcomes if each.fragmented}
    assert cut == {("host1", "host4", "cloudbr0")}


def guest_outcomes(**about_host4):
    """Four hosts that asked each other on the guest bridge by link-local addresses, and what came of it where host4 is
    one of the two."""
    world = healthy()
    for host, parts in world.hosts.items():
        parts["facts"]["bridges"]["cloudbr1"]["addresses"] = [f"fe80::{host[-1]}/64"]
        for peer in world.hosts:
            if peer != host:
                outcome = {
                    "host": host,
                    "network": "cloudbr1",
                    "peer": peer,
                    "address": f"fe80::{peer[-1]}",
                    "size": 1500,
                    "control": True,
                    "passed": True,
                }
                outcome.update(sent=20, lost=0, path_mtu=1500, failure="")
                parts["probes"]["paths"]["outcomes"].append(
                    {**outcome, **(about_host4 if "host4" in (host, peer) else {})}
                )
    return world


@pytest.mark.parametrize(
    ("about_host4", "found"),
    [
        ({}, set()),
        ({"passed": False, "path_mtu": 1400, "failure": "too_large"}, {("PTH001", ("host4",), "error")}),
        (
            {"control": False, "passed": None, "sent": 8, "lost": 8, "failure": "silent"},
            {("PTH009", ("host1", "host2", "host3", "host4"), "info")},
        ),
        (
            {"control": False, "passed": None, "sent": 8, "lost": 8, "failure": "no_neighbour"},
            {("PTH009", ("host1", "host2", "host3", "host4"), "info")},
        ),
    ],
    ids=["all is well", "a switch port is too small", "silence", "nobody there"],
)
def test_on_link_local_addresses_silence_says_nothing_and_a_small_mtu_does(about_host4, found):
    world = guest_outcomes(**about_host4)
    assessed = assess(world.profiles(), world.intent(), world.rules(), today="2026-11-25")
    assert {
        (each.id, tuple(each.hosts), each.severity) for each in assessed.findings if each.id.startswith(("PTH", "NET"))
    } == found


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        ({"passed": False, "path_mtu": 1400, "failure": "too_large"}, {("FCT001", ("host4",)), ("PTH001", ("host4",))}),
        ({"control": False, "passed": None, "sent": 8, "lost": 8, "failure": "silent"}, {("FCT001", ("host4",))}),
        ({"control": False, "passed": None, "sent": 8, "lost": 8, "failure": "no_neighbour"}, {("FCT001", ("host4",))}),
    ],
    ids=["large packets get lost on its management network, so SSH hangs", "it is off", "it is not there"],
)
def test_what_the_others_find_out_about_a_host_that_could_not_be_looked_at(outcome, found):
    about = {"probes.paths.outcomes[4]": outcome, "probes.paths.outcomes[5]": None}
    unseen = {"unseen": [{"name": "host4", "why": "Ansible waited in vain", "member": False, "address": "10.88.0.14"}]}
    world = healthy().edit({"cluster": unseen, **{f"host{number}": about for number in (1, 2, 3)}})
    del world.hosts["host4"]
    assessed = assess(world.profiles(), world.intent(), world.rules(), today="2026-11-25")
    told = [
        each for each in assessed.findings if each.id.startswith(("FCT", "PTH")) and each.id != "PTH009"
    ]  # which speaks of the guest bridges
    assert {(each.id, tuple(each.hosts)) for each in told} == found


def test_the_path_check_runs_what_the_paths_defer_to():
    """A check that is silent because another one speaks for the cause needs that one in the same run."""
    assert {
        "FCT001",
        "MTU001",
        "MTU002",
        "MTU003",
        "NET005",
        "NET007",
        "NET008",
        "NET011",
        "NET017",
        "PTH001",
        "PTH009",
    } <= set(PATH_CHECKS)
    assert not {"NET016", "ACC001", "CPU001"} & set(PATH_CHECKS)  # what was not asked would be unknown
