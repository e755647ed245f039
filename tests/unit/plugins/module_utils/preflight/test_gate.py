# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before addHost: whose verdict holds, for how long and where, what is refused in words, and that the host is
judged again.
"""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.gate import Kept, require_verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster_profiles import healthy, put
from tests.kept_reports import NOW, RUN, candidate, kept

WORLD = healthy()
KEPT = kept(WORLD)
HOST = candidate(WORLD)
WAIVER = Waiver("NET011", ("host4",), "cabled tomorrow", "bob", "2026-12-31")
MISSING = object()


def report_with(changes) -> Kept:
    """KEPT with other values in its report, by dotted path; MISSING takes one away."""
    new = copy.deepcopy(KEPT)
    for path, value in changes.items():
        put(new.report, path, None if value is MISSING else value)
        if value is None:
            *way, last = path.split(".")
            tree = new.report
            for step in way:
                tree = tree[step]
            tree[last] = None
    return new


def refusal(found: Kept, host=HOST, now=NOW) -> InputError:
    with pytest.raises(InputError) as caught:
        require_verdict(found, host, now)
    error = caught.value
    assert str(error).startswith("host4: the pre-flight does not let it join")
    assert "cloudstack.kvm.preflight" in error.next_step
    return error


def changed(edits, world=WORLD):
    return world.edit({"host4": edits}).hosts["host4"]["facts"]


@pytest.mark.parametrize("age", [-2, 0, 300, 3600])
def test_a_fresh_passing_verdict_lets_the_host_join(age):
    require_verdict(kept(WORLD, made=NOW - timedelta(seconds=age)), HOST, NOW)


@pytest.mark.parametrize(
    ("found", "observed"),
    [
        (Kept("reports", None, None), "no report at reports/preflight.json"),
        (Kept("reports", KEPT.report, None), "no reports/preflight.facts.json beside the report"),
        (
            Kept("reports", KEPT.report, KEPT.facts, ("2026-11-25T11:59:00 by bob on ci",)),
            "began (2026-11-25T11:59:00 by bob on ci) and has not ended",
        ),
        (
            report_with({"run_id": "another"}),
            f"the report is of the run another, and the facts beside it are of the run {RUN}",
        ),
        (report_with({"complete": False}), "from a partial run (cloudstack.kvm.path_check)"),
        (report_with({"hosts.host4": MISSING}), "says nothing about host4"),
        (
            report_with({"hosts.host4.verdict": "fail", "hosts.host4.because": ["CPU002", "TIM001"]}),
            "the verdict is fail because of CPU002, TIM001",
        ),
        (report_with({"hosts.host4.verdict": "fail"}), "the verdict is fail because of no reason given"),
        (kept(WORLD, made=NOW - timedelta(hours=1, seconds=1)), "the verdict is 3601 s old, and holds for 3600 s"),
        (kept(WORLD, made=NOW + timedelta(days=1)), "dated in the future"),
        (
            report_with({"policy.verdict_max_age_s": 10**9, "created_at": "2026-11-24T12:00:00+00:00"}),
            "the verdict is 86400 s old, and holds for 3600 s",
        ),
        (
            report_with({"policy.loss_max_percent": 50.0}),
            "made under another policy: loss_max_percent was 50.0, is 0.0",
        ),
        (report_with({"policy": {}}), "made under another policy: clock_offset_max_s was absent"),
    ],
)
def test_a_verdict_that_does_not_hold_is_refused_with_the_reason(found, observed):
    assert observed in refusal(found).observed


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("schema_version", "9", "schema_version is '9'"),
        ("schema_version", MISSING, "schema_version is 'None'"),
        ("run_id", 5, "run_id is a whole number, not a text"),
        ("complete", None, "complete is null, not true or false"),
        ("complete", MISSING, "complete is missing"),
        ("complete", "true", "complete is a text, not true or false"),
        ("complete", 1, "complete is a whole number, not true or false"),
        ("created_at", float("nan"), "created_at is a float, not a text"),
        ("created_at", "yesterday", "created_at is 'yesterday', not a time"),
        ("created_at", "9" * 5000, "not a time"),
        ("created_at", None, "created_at is null"),
        ("hosts", [], "hosts is a list, not an object"),
        ("hosts", "host4", "hosts is a text"),
        ("hosts.host4", "pass", "hosts.host4 is a text, not an object"),
        ("hosts.host4.because", 7, "hosts.host4.because is a whole number, not a list"),
        ("hosts.host4.because", [7], "hosts.host4.because holds a whole number, not only texts"),
        ("hosts.host4.verdict", True, "hosts.host4.verdict is true or false, not a text"),
        ("hosts.host4.verdict", "perhaps", "hosts.host4.verdict is 'perhaps'"),
        ("hosts.host4.ssh_port", True, "hosts.host4.ssh_port is true or false, not a whole number"),
        ("policy", [], "policy is a list, not an object"),
        ("cluster", "cluster1", "cluster is a text"),
        ("cluster.pod", None, "cluster.pod is null"),
        ("waivers", {}, "waivers is an object, not a list"),
        ("waivers", ["NET011"], "waivers[0] is a text, not an object"),
    ],
)
def test_what_is_not_a_report_is_refused_in_words(path, value, words):
    assert words in refusal(report_with({path: value})).observed


@pytest.mark.parametrize("data", [[], "report", 7, 1.5, True, {}, [1, {"hosts": {}}]])
def test_anything_but_a_report_and_facts_is_refused_in_words(data):
    assert "cannot read preflight.json" in refusal(Kept("reports", data, KEPT.facts)).observed
    assert "cannot read preflight.facts.json" in refusal(Kept("reports", KEPT.report, data)).observed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


@given(st.sampled_from(sorted(KEPT.report)), JSON, st.sampled_from(sorted(KEPT.facts)), JSON)
def test_no_value_in_either_file_ends_in_another_exception(key, value, fact, other):
    found = Kept("reports", {**KEPT.report, key: value}, {**KEPT.facts, fact: other})
    try:
        require_verdict(found, HOST, NOW)
    except InputError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("key", "value"),
    [("hosts", {"host4": {**KEPT.facts["hosts"]["host4"], "facts": 7}}), ("cluster", {"zone": 5, "pools": [3]})],
)
def test_facts_of_another_form_are_refused_in_words(key, value):
    assert (
        "cannot read preflight.facts.json" in refusal(Kept("reports", KEPT.report, {**KEPT.facts, key: value})).observed
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"address": "192.0.2.99", "url": "http://192.0.2.99"},
            "host4 at 10.88.0.14, and 192.0.2.99 is to be added, which was not looked at",
        ),
        ({"url": "http://192.0.2.99"}, "about http://10.88.0.14, and http://192.0.2.99 is to be added"),
        ({"url": "http://10.88.0.14:2222"}, "about http://10.88.0.14, and http://10.88.0.14:2222 is to be added"),
        ({"username": "cloud"}, "logins were tried as root, and CloudStack is to log in as cloud"),
        ({"zone_pod_cluster": ("zone2", "pod1", "cluster1")}, "about zone zone1, and the host is to join zone zone2"),
        ({"zone_pod_cluster": ("zone1", "pod2", "cluster1")}, "about pod pod1, and the host is to join pod pod2"),
        (
            {"zone_pod_cluster": ("zone1", "pod1", "cluster2")},
            "about cluster cluster1, and the host is to join cluster cluster2",
        ),
        (
            {"policy": Policy().with_changes({"clock_offset_max_s": 0.2})},
            "another policy: clock_offset_max_s was 1.0, is 0.2",
        ),
        ({"policy": Policy().with_changes({"verdict_max_age_s": 60})}, "the verdict is 300 s old, and holds for 60 s"),
    ],
)
def test_a_verdict_holds_for_this_host_here_under_this_policy(changes, words):
    assert words in refusal(KEPT, candidate(WORLD, **changes)).observed


def test_how_long_a_verdict_holds_is_no_other_policy():
    require_verdict(
        kept(WORLD, made=NOW - timedelta(hours=2)),
        candidate(WORLD, policy=Policy().with_changes({"verdict_max_age_s": 7200})),
        NOW,
    )


def test_another_ssh_port_is_part_of_the_verdict():
    world = WORLD.edit({"host4": {"declared.ssh_port": 2222, "facts.ssh.settings.port": ["2222"]}})
    require_verdict(kept(world), candidate(world, url="http://10.88.0.14:2222"), NOW)
    assert (
        "about http://10.88.0.14:2222, and http://10.88.0.14 is to be added"
        in refusal(kept(world), candidate(world)).observed
    )


def test_a_host_that_the_run_did_not_look_at_may_not_join():
    found = copy.deepcopy(KEPT)
    found.facts["hosts"]["host4"]["live"] = False
    assert "not part of the run that made the report (--limit)" in refusal(found).observed


def test_a_change_with_consequence_names_the_finding_and_the_fact():
    churn = {"facts.memory.available_bytes": 1, "facts.time.source": "10.88.0.253"}
    error = refusal(
        KEPT,
        candidate(
            WORLD, facts=changed({**churn, "facts.bridges[cloudbr1].mtu": 1400, "facts.interfaces[cloudbr1].mtu": 1400})
        ),
    )
    assert error.message.startswith("the pre-flight does not let it join: MTU002 ")
    assert error.expected == "MTU 1500 on cloudbr1"
    assert "cloudbr1" in error.observed
    assert (
        "Changed since the verdict of 2026-11-25T11:55:00+00:00: bridges.cloudbr1.mtu was 1500, is 1400 (without "
        "this consequence: 3 more)" in error.observed
    )
    assert "network_bridge" in error.next_step
    assert error.reproduce == "ip link show type bridge"
    assert "available_bytes" not in str(error)


def test_several_findings_are_named_and_bounded():
    gone = {f"facts.interfaces[eth{number}].carrier": False for number in range(3)}
    more = {"facts.kvm.device": False, "facts.libvirt.masked": True, "facts.agent.version": "4.19.0.0"}
    error = refusal(KEPT, candidate(WORLD, facts=changed({**gone, **more})))
    assert "the pre-flight does not let it join: CPU003" in str(error)
    for part in (
        "further findings: ",
        "AGT001 ",
        "LIB009 ",
        "NET011 ",
        "; kvm.device was yes, is no",
        "interfaces.eth0.carrier was yes, is no",
        "and 1 more",
    ):
        assert part in error.observed, error.observed
    assert len(str(error)) < 2000


def test_a_waiver_still_covers_and_one_that_is_gone_is_told():
    world = WORLD.edit({"host4": {"facts.interfaces[eth1].carrier": False}})
    found = kept(world, [WAIVER])
    require_verdict(found, candidate(world, waivers=(WAIVER,)), NOW)
    error = refusal(found, candidate(world))
    assert "NET011" in error.message
    assert "not due to a fact that has changed" in error.observed
    assert "The waiver of NET011 that the verdict was made with is no longer in preflight_waivers" in error.observed


def test_a_waiver_that_has_expired_since_stops_the_host():
    waiver = Waiver("CPU005", ("host4",), "later", "bob", "2026-11-25")
    require_verdict(kept(WORLD, [waiver]), candidate(WORLD, waivers=(waiver,)), NOW)
    tomorrow = NOW + timedelta(hours=13)
    error = refusal(
        kept(WORLD, [waiver], made=tomorrow - timedelta(minutes=1)), candidate(WORLD, waivers=(waiver,)), tomorrow
    )
    assert "WAI001" in error.message


def test_members_of_then_decide_what_is_the_rule():
    assert "CPU002" in refusal(KEPT, candidate(WORLD, facts=changed({"facts.cpu.vendor": "GenuineIntel"}))).message


def test_a_host_without_facts_is_refused_by_the_checks():
    assert "agent was present, is absent" in refusal(KEPT, candidate(WORLD, facts={})).observed


# What a living machine changes by itself: none of it is a reason to refuse.
TAP = {
    "name": "vnet7",
    "kind": "tun",
    "mtu": 1500,
    "up": True,
    "carrier": True,
    "operstate": "unknown",
    "master": "cloudbr1",
    "mac": "fe:00:00:00:00:07",
}
EXTRA = {
    "addresses": ["fe80::fc00:ff:fe00:7/64"],
    "dynamic": [],
    "physical": False,
    "bond": None,
    "lldp": None,
    "vlan_id": None,
    "parent": None,
}
CHURN = st.fixed_dictionaries(
    {},
    optional={
        "facts.memory.numa": st.builds(
            lambda size: [{"node": 0, "total_bytes": size, "cpus": "0-63"}], st.integers(2 << 30, 1 << 40)
        ),
        "facts.memory.available_bytes": st.integers(1, 1 << 40),
        "facts.memory.hugepages": st.builds(
            lambda free: [{"size_bytes": 2097152, "total": 0, "free": free}], st.integers(0, 9)
        ),
        "facts.collected_at": st.floats(1795600000, 1795610000),
        "facts.unknown": st.just({"bmc.mac": "timed out after 5.01 s"}),
        "facts.time.source": st.sampled_from(["10.88.0.254", "10.88.0.253"]),
        "facts.time.stratum": st.integers(2, 6),
        "facts.time.offset_s": st.floats(-0.05, 0.05),
        "facts.time.sources": st.just([{"name": "10.88.0.253", "state": "selected", "stratum": 2, "reach": 1}]),
        "facts.cpu.mhz": st.floats(2400, 2500),
        "facts.cpu.agent_mhz": st.integers(2400, 2500),
        "facts.disk[/].free_bytes": st.integers(2 << 30, 100 << 30),
        "facts.listeners": st.lists(
            st.builds(lambda port: {"address": "0.0.0.0", "port": port}, st.integers(20000, 60000)), max_size=4
        ),
        "facts.interfaces[eth0].lldp": st.builds(
            lambda port: {"system": "switch1", "port": port, "chassis": "x"}, st.text("123", min_size=1)
        ),
        "facts.interfaces[cloudbr0].addresses": st.just(["10.88.0.14/24", "fe80::1/64"]),
        "facts.agent.unit": st.builds(
            lambda count: {"active": "activating", "enabled": "enabled", "restarts": count}, st.integers(0, 99)
        ),
        "facts.units[libvirtd.service].sub": st.sampled_from(["running", "dead"]),
        "facts.firewall.nft": st.builds(
            lambda packets: [
                {"rule": {"handle": 9, "expr": [{"counter": {"packets": packets, "bytes": packets * 80}}]}}
            ],
            st.integers(0, 9),
        ),
        "facts.packages[vim]": st.just("9.0"),
    },
)


@given(CHURN, st.integers(0, 3), st.booleans())
def test_what_changes_by_itself_never_refuses(churn, taps, with_link):
    facts = changed(churn)
    facts["interfaces"] += [
        {**TAP, **EXTRA, "name": f"vnet{number}", "mac": f"fe:00:00:00:00:0{number}"} for number in range(taps)
    ]
    facts["bridges"]["cloudbr1"]["ports"] += [f"vnet{number}" for number in range(taps)] if with_link else []
    require_verdict(KEPT, candidate(WORLD, facts=facts), NOW)
