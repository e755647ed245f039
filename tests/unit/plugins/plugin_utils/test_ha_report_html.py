# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about high availability: the worst first, equal hosts in one row, nothing from elsewhere, and whole."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import CHECKS, mapping_of
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_matrix import COLUMNS, HEADINGS, rows
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_report import document
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_report_html import render

from tests.staged_site import ROWS, hundred, judged
from tests.unit.plugins.plugin_utils.test_report_html import Page

DRILL = {"host": "host1", "failure": "power_off", "finished": "2026-11-29T10:00:00+00:00", "seconds": 343.0}


def report_of(row, drills=None):
    site, result = judged(row)
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(result, site)}
    return document(told, at="2026-11-30T12:00:00+00:00", by="me on here", drills=drills)


def cells(report, host):
    """Heading -> (text, class) of the row that has the host."""
    [row] = [row for row in rows(report) if host in row.hosts]
    return {heading: (cell.text, cell.kind) for heading, cell in zip(HEADINGS, row.cells, strict=True)}


def test_a_healthy_cluster_is_one_row_and_green():
    [row] = rows(report_of({"bmc": {}}, {name: {**DRILL, "verdict": "passed"} for name in ("host1", "host2", "host3")}))
    assert row.hosts == ("host1", "host2", "host3")
    assert {cell.kind for cell in row.cells} == {"pass"}
    assert row.cells[-1].text == "passed 2026-11-29: power off, 343 s"


@pytest.mark.parametrize(
    ("row", "heading", "cell"),
    [
        ({"hosts": {"host2": {"power_state": "Unknown"}}}, "Out-of-band", ("ipmitool Unknown", "error")),
        ({"hosts": {"host2": {"power_state": "Unknown"}}}, "Would be fenced", ("no", "none")),
        ({"bmc": {"host2": {"probes.management.mgmt1.bmc.guid": "9" * 8 + "-0000-1000-8000-00000000000a"}}},
         "Whose BMC", ("another machine's", "error")),
        ({"bmc": {"host2": {"probes.bmc_from_guest": {"bridge": "cloudbr1", "reachable": True}}}},
         "BMC's network", ("guests reach it", "warning")),
        ({"bmc": {"host2": {"probes.bmc_from_guest": None}}}, "BMC's network", ("not known", "info")),
        ({}, "Whose BMC", ("not known", "none")),
        ({"bmc": {}, "age": 30}, "Whose BMC", ("not known", "warning")),
        ({"hosts": {"host2": {"privilege": "USER"}}}, "Privilege", ("user", "error")),
        ({"hosts": {"host2": {"ha_state": "Suspect"}}}, "HA state", ("Suspect", "error")),
        ({"drop_guests": ["vm3", "vm4"]}, "Guests back", ("no guest", "none")),
        ({"settings": {"ping.timeout": None}}, "Fenced, guests back after", ("318 s, 343 s ?", "error")),
    ],
)  # fmt: skip
def test_a_cell(row, heading, cell):
    assert cells(report_of(row), "host2")[heading] == cell


def test_a_failed_drill():
    report = report_of({"bmc": {}}, {"host1": {**DRILL, "verdict": "failed", "seconds": None}})
    assert cells(report, "host1")["Last drill"] == ("failed 2026-11-29: power off", "error")
    assert cells(report, "host2")["Last drill"] == ("none", "none")


def test_every_check_has_one_column():
    told = [check for _heading, _make, checks in COLUMNS for check in checks]
    assert len(told) == len(set(told))
    assert set(report_of({"bmc": {}})["checks"]) == set(told) >= set(CHECKS)


def test_a_hundred_hosts_are_a_page():
    site, result = hundred()
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(result, site)}
    report = document(told, at="2026-11-30T12:00:00+00:00", by="me on here")
    made = rows(report)
    assert [row.severity for row in made] == ["error", "error", "warning", ""]
    assert made[0].hosts == ("host17",) and len(made[-1].hosts) == 97
    text = render(report)
    assert len(text) < 60_000
    assert "host[1-16,18-29,31-63,65-100]" in text.replace("<wbr>", "")


@pytest.mark.parametrize("row", ROWS[::6], ids=lambda row: row["fault"])
def test_the_page_is_whole_and_needs_nothing_else(row):
    text = render(report_of(row))
    page = Page(text)
    assert not page.open
    assert not re.findall(r'(?:src|href)="(?!#|data:)|url\(', text), "something from elsewhere"
    assert not page.all("script")
    ids = {each["id"] for each in page.elements if "id" in each}
    links = {each["href"][1:] for each in page.all("a")}
    assert links <= ids


def test_words_of_others_are_text():
    row = {"guests": {"vm1": {"ha": False, "offering": "<script>alert(1)</script>"}}}
    text = render(report_of(row))
    assert "<script>" not in text and "&lt;script&gt;alert(1)" in text


def test_many_guests_are_folded():
    names = {f"g{number:02}": {"host": "host1", "ha": False, "cpu": 1, "memory": 0} for number in range(20)}
    page = Page(render(report_of({"guests": names})))
    [more] = page.all("summary")
    assert more["text"].strip() == "12 more"
    assert "and 12 more (in the page, not on paper)" in page.text


def test_a_time_that_never_comes():
    text = render(report_of({"settings": {"kvm.ha.activity.check.failure.ratio": 1.0}}))
    assert "typical: fenced after never, guests back after never" in text
