# SPDX-License-Identifier: GPL-3.0-or-later
"""Staged ways in which high availability is not what it seems: each named on the right host, nothing else blamed."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.bmc_look import JOINED
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import CHECKS, mapping_of, readiness
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.known_failures import FAILURES

from tests.staged_site import ROWS, edited, healthy, judged

Blamed = set[tuple[str, str]]


def blamed(row) -> Blamed:
    return {(finding.id, host) for finding in judged(row)[1].findings for host in finding.hosts}


def expected(row) -> Blamed:
    return {(check, host) for check, hosts in row["finds"].items() for host in hosts}


def test_a_healthy_cluster_has_no_finding():
    result = readiness(healthy(), {})
    assert result.findings == ()
    assert result.ready
    assert all(each.fenced and not each.stays for each in result.consequences)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["fault"])
def test_a_staged_fault_is_named_on_the_right_host(row):
    assert blamed(row) == expected(row)


def test_precision_and_recall(capsys):
    """Over all pairs of check and host; printed, so that a run shows them."""
    found, wanted = [], []
    for number, row in enumerate(ROWS):
        found += [(number, *pair) for pair in blamed(row)]
        wanted += [(number, *pair) for pair in expected(row)]
    right = set(found) & set(wanted)
    with capsys.disabled():
        print(
            f"\nhigh availability: {len(ROWS)} staged faults, {len(wanted)} pairs of check and host,"
            f" precision {len(right) / len(found):.2f}, recall {len(right) / len(wanted):.2f}"
        )
    assert len(ROWS) >= 40
    assert len({row["fault"] for row in ROWS}) == len(ROWS)
    assert len(right) == len(found) == len(wanted)


def test_every_check_is_staged():
    assert {check for row in ROWS for check in row["finds"]} == {*CHECKS, *JOINED}


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_a_check_says_what_to_do(check):
    assert check.fix and check.reproduce and check.why
    assert set(check.prevents) <= set(FAILURES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["fault"])
def test_a_finding_has_all_its_parts(row):
    for finding in judged(row)[1].findings:
        assert finding.expected and finding.observed and finding.fix and finding.reproduce
        assert finding.expected != finding.observed


def test_the_result_is_plain():
    site = edited(ROWS[0])
    result = mapping_of(readiness(site, {}), site)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert not result["ready"]
    assert result["hosts"]["host2"]["findings"] == ["HAV001"]
    assert result["hosts"]["host2"]["fenced"] is False
    assert "not configured" in result["hosts"]["host2"]["because"]
    assert {loss["reason"] for loss in result["hosts"]["host2"]["stays"]} == {"not fenced"}
    assert [stage["name"] for stage in result["timing"]["typical"]["stages"]][0] == "detection"


def test_of_a_bmc_that_the_preflight_has_not_seen_nothing_is_known():
    site, result = judged({"hosts": {"host1": {"oobm_address": "203.0.113.99"}}, "bmc": {}})
    hosts = mapping_of(result, site)["hosts"]
    assert [hosts[name]["identity"] for name in sorted(hosts)] == ["not known", "own", "own"]
    assert [hosts[name]["privilege"] for name in sorted(hosts)] == [None, "ADMINISTRATOR", "ADMINISTRATOR"]
    assert hosts["host1"]["isolation"] == "not known"
    assert hosts["host1"]["because"] == "CloudStack uses the BMC 203.0.113.99 (HAV027)"


def test_a_failover_that_never_ends_is_null():
    site = edited({"settings": {"kvm.ha.activity.check.failure.ratio": 1.0}})
    timing = mapping_of(readiness(site, {}), site)["timing"]
    assert [timing[case]["fenced_at"] for case in timing] == [None, None, None]


def test_an_unread_setting_is_unknown():
    site = edited({"settings": {"ping.timeout": None}})
    assert [finding.kind for finding in readiness(site, {}).findings] == ["unknown"]
