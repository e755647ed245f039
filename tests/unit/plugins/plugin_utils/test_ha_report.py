# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about high availability: one page, JSON, JUnit, lines for the terminal."""

from __future__ import annotations

import json
from xml.etree import ElementTree as xml

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import CHECKS, mapping_of, readiness
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_report import document, summary, texts

from tests.staged_site import edited, healthy


def _report(site):
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(readiness(site, {}), site)}
    return document({**told, "changed": False, "failed": False}, at="2026-11-30T00:00:00+00:00", by="me on here")


FAULTY = _report(
    edited(
        {
            "hosts": {"host2": {"power_state": "Unknown"}},
            "guests": {"vm1": {"ha": False, "offering": "a|b"}},
        }
    )
)


def test_the_page_of_a_cluster_that_is_not_ready():
    page = texts(FAULTY)["ha_report.md"]
    assert "**not ready, errors: 1**" in page
    row = "| host2 | Up, Enabled | **ipmitool Unknown** | not known | not known | not known | Available | no | yes |"
    assert f"{row} 0 of 2 | never | none | HAV004 |" in page
    assert "vm1 stays down: HA is off for it (offerha of its offering a\\|b)" in page
    assert "vm2 comes back, on host" in page
    assert "### error HAV004: CloudStack gets no power state from the BMC\n- hosts: host2" in page
    assert "| typical | 318 s | 343 s |" in page
    assert page.index("## Hosts") < page.index("## If this host dies now") < page.index("## Findings")


def test_the_page_of_a_ready_cluster():
    page = texts(_report(healthy()))["ha_report.md"]
    assert "**ready**" in page and "## Findings\n\nNone.\n" in page


def test_guests_that_are_given_up():
    defaults = {"kvm.ha.recover.wait.period": 600, "vm.ha.migration.max.retries": 5}
    page = texts(_report(edited({"settings": defaults})))["ha_report.md"]
    assert "never, CloudStack gives up after" in page


def test_junit_has_a_suite_for_each_host_and_a_case_for_each_check():
    root = xml.fromstring(texts(FAULTY)["ha_report.junit.xml"])
    assert root.get("name") == "high availability"
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"host1", "host2", "host3"}
    assert {len(suite) for suite in suites.values()} == {len(CHECKS)}
    assert [suites[name].get("failures") for name in sorted(suites)] == ["0", "1", "0"]
    assert suites["host1"].find("testcase[system-out]").get("name").startswith("HAV016")
    assert suites["host1"][0].get("classname") == "ha_report.high availability"


def test_json_is_the_report_and_comes_last():
    made = texts(FAULTY)
    assert list(made) == ["ha_report.html", "ha_report.md", "ha_report.junit.xml", "ha_report.json"]
    assert list(made)[-1] == "ha_report.json"
    assert json.loads(made["ha_report.json"]) == FAULTY
    assert "failed" not in FAULTY


def test_the_lines_for_the_terminal():
    lines = summary(FAULTY, "/tmp/ha_report.md")
    assert lines[0] == "high availability of cluster1 in zone1: not ready, errors: 1"
    assert "error   HAV004  CloudStack gets no power state from the BMC: host2" in lines
    assert "if host2 dies now: not fenced, power state Unknown (HAV004); 0 guests come back, 2 stay down" in lines
    assert "time    fenced after 318 s, guests back: 343 s (typical)" in lines
    assert lines[-1] == "report  /tmp/ha_report.md"


def test_what_is_not_known_is_told_as_such():
    report = _report(edited({"settings": {"ping.timeout": None}}))
    line = "error   HAV014  not known: Settings of the failover contradict each other: host[1-3]"
    assert line in summary(report, "x")
    assert "### error HAV014: not known: Settings of the failover" in texts(report)["ha_report.md"]


def test_a_drill_of_a_host_by_the_first_label_of_its_name():
    told = {"cluster": {}, "ready": True, "findings": [], "checks": {}, "bmcs": None, "timing": {}}
    hosts = {"kvm01.example.org": {}, "kvm02.example.org": {}}
    made = document({**told, "hosts": hosts}, at="", by="", drills={"kvm01": {"verdict": "passed"}})
    assert [host["drill"] for host in made["hosts"].values()] == [{"verdict": "passed"}, None]


def test_hosts_of_which_the_same_is_said_share_a_line():
    lines = [line for line in summary(_report(healthy()), "x") if line.startswith("if ")]
    assert lines == ["if host[1-3] dies now: fenced; 2 guests come back, 0 stay down"]


@pytest.mark.parametrize(
    ("given", "words"), [({"msg": "CloudStack does not answer"}, "does not answer"), ({}, "without cluster")]
)
def test_something_else(given, words):
    with pytest.raises(InputError, match=words):
        document(given, at="", by="")
