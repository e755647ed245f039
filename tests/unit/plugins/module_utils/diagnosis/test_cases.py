# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins that failed at operators: the diagnosis must name the cause or the step that helps."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.diagnose import diagnose

from tests.operator_cases import cases_with

CASES = cases_with("join")
# What host_join_evidence returns on a host that nothing is wrong with: what a case does not give is as here.
SOUND = {
    "logs": {},
    "journal": [],
    "programs": dict.fromkeys(
        ("keystore-setup", "keystore-cert-import", "cloudstack-setup-agent", "sudo", "java", "keytool", "kvm-ok"), "ok"
    ),
    "units": {
        "cloudstack-agent.service": {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"},
        "libvirtd.service": {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"},
    },
    "files": {"agent.properties": 700, "cloud.jks": 5830, "cloud.crt": 1651, "cloud.ca.crt": 1814, "cloud.key": 1704},
    "certificate": {"state": "valid"},
    "certificate_fits_key": True,
    "sudo_without_password": True,
    "fqdn": "kvm11.example.org",
    "kvm_device": True,
    "free_bytes": 50_000_000_000,
    "read_only": False,
}


def _evidence(case: dict) -> dict:
    """The sound host with what the case says otherwise; programs and units are given one by one."""
    given = case.get("evidence") or {}
    merged = {key: {**SOUND[key], **given[key]} for key in ("programs", "units", "files") if key in given}
    return {**SOUND, **given, **merged}


def _join(case: dict) -> dict:
    answer = dict(case["join"])
    return {"record": answer.pop("row", None), **answer}


@pytest.mark.parametrize("name", CASES)
def test_join_of_an_operator(name):
    case = CASES[name]
    found = diagnose(_join(case), _evidence(case))
    told = f"{found.cause}\n{found.next_step}"
    for pattern in case["cause_or_next_matches"]:
        assert re.search(pattern, told), told
    for pattern in case["must_not_match"]:
        assert not re.search(pattern, told), told
    assert found.expected and found.observed


def test_sound_host_has_no_cause():
    """Otherwise a rule would speak whatever the logs say."""
    error = "Unable to add the host: Cannot find the server resources at http://192.0.2.11"
    found = diagnose({"error": error, "code": 530, "seconds": 305, "alerts": [], "record": None}, SOUND)
    assert not found.certain
    assert "not known" in found.cause
