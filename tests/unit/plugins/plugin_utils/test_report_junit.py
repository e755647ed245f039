# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CI server reads."""

from __future__ import annotations

from xml.etree import ElementTree as xml

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
)
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_junit import junit
from hypothesis import given
from hypothesis import strategies as st

from tests.report_samples import WAIVER, finding, healthy, report

WORLD = healthy()


def case_of(found, host="host4", world=WORLD):
    """The element below the test case of a finding, None if the case passed without a word."""
    root = xml.fromstring(junit(report(world, [found])).encode())
    suite = next(each for each in root if each.get("name") == host)
    case = next(each for each in suite if each.get("name").startswith(found.id))
    return suite, (case[0] if len(case) else None)


def test_what_stops_a_host_fails():
    suite, said = case_of(finding("NET001", ["host4"], observed="no <bridge>", fix="make it"))
    assert (said.tag, said.get("type")) == ("failure", ERROR)
    assert said.get("message") == "A traffic label has no bridge: no <bridge>"
    assert "make it" in said.text
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("1", "0", "0")
    assert int(suite.get("tests")) == len(suite)


def test_what_could_not_be_seen_and_stops_is_an_error():
    assert case_of(finding("NET001", ["host4"], kind=UNKNOWN))[1].tag == "error"


def test_what_is_only_not_known_or_waived_is_skipped():
    assert case_of(finding("NET001", ["host4"], kind=UNKNOWN, severity=WARNING))[1].tag == "skipped"
    said = case_of(finding("NET001", ["host4"], waiver=WAIVER))[1]
    assert (said.tag, said.get("message")) == (
        "skipped",
        "waived by bob until 2026-12-31: firmware update is in change 4711",
    )


def test_a_warning_passes_and_says_so():
    assert case_of(finding("NET001", ["host4"], severity=WARNING))[1].tag == "system-out"
    assert case_of(finding("NET001", ["host4"], severity=INFO))[1].tag == "system-out"


def test_other_hosts_pass():
    assert case_of(finding("NET001", ["host4"]), host="host1")[1] is None


def test_a_case_reads_right_when_it_passes_and_when_it_fails():
    root = xml.fromstring(junit(report(WORLD, [finding("NET001", ["host4"])])).encode())
    names = {
        (suite.get("name"), bool(len(case))): case.get("name")
        for suite in root
        for case in suite
        if case.get("name").startswith("NET001")
    }
    assert names["host1", False] == names["host4", True] == "NET001 should not find: A traffic label has no bridge"


def test_a_path_check_is_named_as_one():
    made = {**report(WORLD, [finding("PTH001", ["host4"])]), "complete": False}
    root = xml.fromstring(junit(made).encode())
    assert root.get("name") == "path check"
    assert {case.get("classname").split(".")[0] for case in root.iter("testcase")} == {"path_check"}


def test_a_host_that_was_not_seen_passes_nothing():
    made = report(WORLD, [finding("FCT001", ["host4"])])
    made["hosts"]["host4"]["seen"] = False
    suite = next(each for each in xml.fromstring(junit(made).encode()) if each.get("name") == "host4")
    assert int(suite.get("skipped")) + int(suite.get("failures")) == int(suite.get("tests"))


SMALL = report(WORLD, [finding("NET001", ["host4"])])
SMALL["hosts"] = {"host4": SMALL["hosts"]["host4"]}


@given(st.text())
def test_any_text_gives_xml(text):
    made = {**SMALL, "findings": [{**SMALL["findings"][0], "observed": text, "evidence": text}]}
    assert xml.fromstring(junit(made).encode()).tag == "testsuites"
