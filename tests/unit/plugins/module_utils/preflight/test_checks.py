# SPDX-License-Identifier: GPL-3.0-or-later
"""Every staged fault is found, on the right host, and nothing else is blamed.

The table is tests/fixtures/checks/: for each check a list of faults, each an edit of the healthy cluster with the
findings that it must cause. All checks run over every fault, so that a check which speaks up for another one's fault is
caught too.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    FAILED,
    INFO,
    UNKNOWN,
    Finding,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.known_failures import FAILURES

from tests.cluster_profiles import World, healthy
from tests.yaml_files import read_yaml

FIXTURES = Path(__file__).parents[4] / "fixtures" / "checks"
ROWS = [(path.stem, case) for path in sorted(FIXTURES.glob("*.yml")) for case in read_yaml(path)]
CASES = [pytest.param(number, case, id=f"{check}-{case['fault']}") for number, (check, case) in enumerate(ROWS)]
TODAY = "2026-11-25"


def findings_in(world: World) -> list[Finding]:
    return list(assess(world.profiles(), world.intent(), world.rules(), today=TODAY).findings)


@cache
def findings_of(number: int) -> list[Finding]:
    """All findings of a row of the table, found out once for all tests."""
    _check, case = ROWS[number]
    return findings_in(healthy(**case.get("size", {})).edit(case["edit"]))


def told(findings: list[Finding]) -> list[Finding]:
    """What the operator has to look at: everything above info."""
    return [finding for finding in findings if finding.severity != INFO]


def wanted_of(case: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    wanted = {}
    for check, says in case["finds"].items():
        rules = says if isinstance(says, dict) else {"hosts": says}
        wanted.update({(check, host): rules for host in rules["hosts"]})
    return wanted


def test_a_healthy_cluster_has_no_findings():
    assert not [(finding.id, finding.hosts, finding.observed) for finding in told(findings_in(healthy()))]


@pytest.mark.parametrize(("number", "case"), CASES)
def test_a_fault_is_found_and_nothing_else(number, case):
    infos = [each for each in findings_of(number) if each.severity == INFO]
    found = {(finding.id, host): finding for finding in told(findings_of(number)) for host in finding.hosts}
    wanted = wanted_of(case)
    # A finding of severity info is wanted only where the case says so; it is not a false alarm elsewhere.
    found.update({(each.id, host): each for each in infos for host in each.hosts if (each.id, host) in wanted})
    assert sorted(found) == sorted(wanted), [(key, each.observed) for key, each in found.items() if key not in wanted]
    for key, rules in wanted.items():
        assert found[key].severity == rules.get("severity", found[key].severity), key
        assert found[key].kind == rules.get("kind", found[key].kind), key


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_a_check_has_a_fault_that_it_finds(check):
    cases = read_yaml(FIXTURES / f"{check.id}.yml")
    assert any(check.id in case["finds"] for case in cases), "a fixture in which the check fires"
    assert all(failure in FAILURES for failure in check.prevents), check.prevents
    assert check.fix


def test_every_case_names_a_known_failure():
    unknown = {case["fault"]: case["failure"] for _check, case in ROWS if case.get("failure") not in {*FAILURES, None}}
    assert not unknown


def test_every_finding_can_be_acted_on():
    """What was expected, what was seen, what to do: in every finding of every fault."""
    for number, (_check, case) in enumerate(ROWS):
        for finding in told(findings_of(number)):
            assert finding.expected and finding.observed and finding.fix, (case["fault"], finding)
            assert finding.kind in (FAILED, UNKNOWN) or len(finding.hosts) > 1


def test_precision_and_recall(capsys):
    """Over the table: of what was reported, how much was true; of what was true, how much was reported. Both must be
    all.
    """
    true = reported = right = 0
    for number, (_check, case) in enumerate(ROWS):
        wanted = {key for key, rules in wanted_of(case).items() if rules.get("severity") != INFO}
        found = {(finding.id, host) for finding in told(findings_of(number)) for host in finding.hosts}
        true, reported, right = true + len(wanted), reported + len(found), right + len(wanted & found)
    with capsys.disabled():
        print(
            f"\npre-flight: {len(ROWS)} staged faults, precision {right / max(reported, 1):.1%}, recall "
            f"{right / max(true, 1):.1%}"
        )
    assert (reported, true) == (right, right)
