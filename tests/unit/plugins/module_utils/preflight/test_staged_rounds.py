# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that the lab stages at once (tests/fixtures/staged_faults.yml) are all found, each by its own check: none
hides another.

Shown with the faults of the same checks in tests/fixtures/checks, on one host.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import INFO

from tests.cluster_profiles import healthy
from tests.yaml_files import read_yaml

FIXTURES = Path(__file__).parents[4] / "fixtures"
HOST = "host4"
ROUNDS: dict[int, list[str]] = {}
for row in read_yaml(FIXTURES / "staged_faults.yml"):
    ROUNDS.setdefault(row["round"], []).append(row["finds"][0])


def edit_of(check: str) -> tuple[dict[str, Any], set[str]]:
    """The first fault of a check that is on the host alone: the edit, and the checks that find it."""
    for case in read_yaml(FIXTURES / "checks" / f"{check}.yml"):
        finds = {each: says if isinstance(says, list) else says["hosts"] for each, says in case["finds"].items()}
        if set(case["edit"]) == {HOST} and "size" not in case and all(hosts == [HOST] for hosts in finds.values()):
            return case["edit"], set(finds)
    raise AssertionError(f"{check} has no fault of {HOST} alone")


def found(edits: list[dict[str, Any]]) -> set[tuple[str, str]]:
    world = healthy()
    for edit in edits:
        world = world.edit(edit)
    findings = assess(world.profiles(), world.intent(), world.rules(), today="2026-11-25").findings
    return {(finding.id, host) for finding in findings if finding.severity != INFO for host in finding.hosts}


@pytest.mark.parametrize(("number", "checks"), sorted(ROUNDS.items()))
def test_all_at_once(number, checks):
    faults = [edit_of(check) for check in checks]
    assert found([edit for edit, _ in faults]) == {(check, HOST) for _, checks in faults for check in checks}


@pytest.mark.parametrize("pair", [pair for checks in ROUNDS.values() for pair in combinations(checks, 2)], ids="-".join)
def test_any_two(pair):
    faults = [edit_of(check) for check in pair]
    assert found([edit for edit, _ in faults]) == {(check, HOST) for _, checks in faults for check in checks}
