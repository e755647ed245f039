# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators met is found, and on the right host: tests/fixtures/cases (format in its README).

Unlike the table of test_checks.py a case does not list all findings: it says what must be told and what must not be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import INFO, SEVERITIES, Finding

from tests.cluster_profiles import healthy
from tests.yaml_files import read_yaml

TODAY = "2026-11-25"
CASES = {path.stem: read_yaml(path) for path in Path("tests/fixtures/cases").glob("*.yml")}
EDITS = {name: case for name, case in sorted(CASES.items()) if "edit" in case}
# The last check of each area when the cases were written: `new` is one with a higher number.
_LAST = "ACC006 AGT016 BMC006 CLD008 CPU008 FCT001 LIB009 MEM004 MTU005 NET024 PTH009 STO009 SYS008 TIM004"
LAST = {each[:3]: int(each[3:]) for each in _LAST.split()}


def findings_in(case: Mapping[str, Any]) -> list[Finding]:
    world = healthy(**case.get("size", {})).edit(case["edit"])
    return list(assess(world.profiles(), world.intent(), world.rules(), today=TODAY).findings)


def is_new(check: str) -> bool:
    return check[:3] not in LAST or int(check[3:]) > LAST[check[:3]]


def fits_check(finding: Finding, text: str) -> bool:
    """`text` names ids, or says `new`; without either it is any check."""
    ids = re.findall(r"[A-Z]{3}[0-9]{3}", text)
    return finding.id in ids if ids else "new" not in text or is_new(finding.id)


def severities(rule: Mapping[str, Any], *, forbidden: bool) -> set[str]:
    """`error or warning` are these two, `warning or worse` also what is worse; what is forbidden may not be worse
    either. No word at all is any severity where ids are named, else all above info.
    """
    named_check = bool(re.search(r"[A-Z]{3}[0-9]{3}", rule.get("check", "")))
    text = rule.get("severity") or ("" if named_check else "warning or worse")
    if not text:
        return set(SEVERITIES)
    named = [each for each in SEVERITIES if each in text]
    return set(SEVERITIES[: SEVERITIES.index(named[-1]) + 1]) if "or worse" in text or forbidden else set(named)


def hosts_of(rule: Mapping[str, Any], case: Mapping[str, Any]) -> set[str]:
    text = rule.get("host", "")
    members = case.get("size", {}).get("members", 3)
    return {*re.findall(r"host\d+", text), *(f"host{number}" for number in range(1, members + 1) if "members" in text)}


def matching(findings: list[Finding], rule: Mapping[str, Any], *, forbidden: bool = False) -> Iterator[Finding]:
    allowed = severities(rule, forbidden=forbidden)
    for finding in findings:
        said = f"{finding.title}\n{finding.expected}\n{finding.observed}\n{finding.evidence}"
        if (
            fits_check(finding, rule.get("check", ""))
            and finding.severity in allowed
            and re.search(rule.get("words", ""), said)
            and re.search(rule.get("fix_words", ""), finding.fix)
        ):
            yield finding


def short(findings: list[Finding]) -> list[tuple[str, ...]]:
    return [
        (each.id, each.severity, *each.hosts, each.observed, each.fix) for each in findings if each.severity != INFO
    ]


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=name) for name, case in EDITS.items()],
)
def test_the_case_is_told(name, case):
    findings = findings_in(case)
    for rule in case.get("wants") or ():
        hosts = hosts_of(rule, case)
        told = {host for finding in matching(findings, rule) for host in finding.hosts}
        assert told and hosts <= told, (rule, short(findings))
    for rule in case.get("forbids") or ():
        hosts = hosts_of(rule, case)
        false = [each for each in matching(findings, rule, forbidden=True) if not hosts or hosts & set(each.hosts)]
        assert not false, short(false)


@pytest.mark.parametrize("name", list(EDITS))
def test_every_rule_of_a_case_can_be_read(name):
    case = EDITS[name]
    assert case.get("wants") or case.get("forbids")
    for rule in [*(case.get("wants") or ()), *(case.get("forbids") or ())]:
        assert set(rule) <= {"check", "host", "severity", "words", "fix_words"}
        ids = set(re.findall(r"[A-Z]{3}[0-9]{3}", rule.get("check", "")))
        assert ids <= set(CHECKS)
        assert ids or rule.get("check", "new").startswith("new"), rule
