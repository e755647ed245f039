# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts and waivers; the checks themselves are in test_checks.py."""

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess, parse_waivers

from tests.cluster_profiles import healthy

TODAY = "2026-11-25"
BROKEN = {"host4": {"facts.java.version": "8"}}  # AGT002, an error that can be waived
WAIVER = {"check": "AGT002", "hosts": ["host4"], "reason": "joins by hand", "owner": "ops", "expires": "2026-12-31"}


def judge(edit, *waivers):
    world = healthy().edit(edit)
    return assess(world.profiles(), world.intent(), world.rules(), parse_waivers(waivers), today=TODAY)


def verdicts(assessment):
    return {verdict.host: (verdict.passed, verdict.because) for verdict in assessment.verdicts}


def test_all_pass_in_a_healthy_cluster():
    assessment = judge({})
    assert verdicts(assessment) == {f"host{number}": (True, ()) for number in (1, 2, 3, 4)}
    assert assessment.passed


def test_an_error_stops_its_host_and_no_other():
    assessment = judge(BROKEN)
    assert verdicts(assessment)["host4"] == (False, ("AGT002",))
    assert verdicts(assessment)["host1"] == (True, ())
    assert not assessment.passed


def test_a_waived_error_is_shown_and_stops_nobody():
    assessment = judge(BROKEN, WAIVER)
    assert assessment.passed
    shown = [finding for finding in assessment.findings if finding.id == "AGT002"]
    assert [finding.waiver.owner for finding in shown] == ["ops"]


def test_a_waiver_covers_only_the_hosts_that_it_names():
    both = {**BROKEN, "host3": BROKEN["host4"]}
    assert [verdict.host for verdict in judge(both, WAIVER).verdicts if not verdict.passed] == ["host3"]


def test_an_expired_waiver_is_an_error_of_its_own():
    assessment = judge(BROKEN, {**WAIVER, "expires": "2026-11-24"})
    assert verdicts(assessment)["host4"] == (False, ("AGT002", "WAI001"))
    assert verdicts(judge(BROKEN, {**WAIVER, "expires": TODAY}))["host4"] == (True, ())


def test_a_blocker_cannot_be_waived():
    with pytest.raises(InputError, match="blocker"):
        parse_waivers([{**WAIVER, "check": "CPU002"}])


@pytest.mark.parametrize(
    "wrong",
    [
        "AGT002",
        {},
        {**WAIVER, "check": "NOPE01"},
        {**WAIVER, "hosts": []},
        {**WAIVER, "hosts": "host4"},
        {**WAIVER, "reason": " "},
        {**WAIVER, "owner": ""},
        {**WAIVER, "expires": "soon"},
        {**WAIVER, "expires": "2026-13-01"},
        {**WAIVER, "why": "not"},
    ],
)
def test_a_waiver_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        parse_waivers([wrong])


def test_a_host_that_was_not_seen_gets_a_verdict():
    missing = {"cluster": {"unseen": [{"name": "host9", "why": "no answer", "member": True}]}}
    found = verdicts(judge(missing))
    assert found["host9"] == (False, ("FCT001",))
    assert found["host4"] == (False, ("FCT001",))
    assert found["host1"] == (True, ())
