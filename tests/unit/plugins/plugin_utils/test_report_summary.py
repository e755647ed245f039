# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal: one screen, whatever was found."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import INFO, WARNING
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_summary import shorten, summary

from tests.report_samples import WAIVER, finding, four_hosts, healthy, hundred_hosts, report

FOUR, HUNDRED = four_hosts(), hundred_hosts()


def worst_case():
    """Every check finds something on every second host, in many words."""
    world = healthy(50, 50)
    names = [host.name for host in world.profiles()][::2]
    ids = list(CHECKS)
    found = [finding(each, names, observed="long " * 80, title="many words " * 10) for each in ids[:30]]
    found += [finding(each, names, severity=WARNING) for each in ids[30:60]]
    found += [finding(each, names, severity=INFO) for each in ids[30:60]]
    found += [finding(each, names, waiver=WAIVER) for each in ids[:30]]
    return world, found


@pytest.mark.parametrize("case", [FOUR, HUNDRED, worst_case()], ids=["four", "hundred", "worst"])
def test_it_fits_a_screen(case):
    world, found = case
    lines = summary(report(world, found, [], report(world, [])), "/home/operator/reports/preflight.html").splitlines()
    assert len(lines) <= 32
    assert max(map(len, lines)) <= 100


def test_four_hosts():
    text = summary(report(*FOUR), "reports/preflight.html")
    assert "0 of 1 candidates may join, 0 of 3 members have problems" in text
    assert "may NOT join            1  host4" in text
    assert "no cloudbr1; bridges: cloudbr0, cloudbr2" in text
    assert "TIM001: install chrony" in text
    assert text.endswith("report  reports/preflight.html")


def test_hundred_hosts():
    text = summary(report(*HUNDRED), "x")
    assert "may NOT join            7  host[91-94,98-100]" in text
    assert "TIM001  Clocks differ: host[91-94]" in text
    assert "(and 3 more like it)" in text
    assert "waived  1: CPU005" in text


def test_changes():
    text = summary(report(*FOUR, [], report(FOUR[0], [])), "x")
    assert "since   2026-11-25T10:00:00+00:00: 9 new, 0 gone; host4 pass -> fail" in text
    assert "nothing changed" in summary(report(*FOUR, [], report(*FOUR)), "x")


def test_the_next_step():
    assert "next    run ansible-playbook cloudstack.kvm.add_hosts" in summary(report(healthy(), []), "x")
    assert "next    nothing to do" in summary(report(healthy(3, 0), []), "x")


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 10, "short"),
        ("", 10, ""),
        ("eight hosts have one value and the last one has 123456789", 40, "eight hosts have one ... has 123456789"),
        ("host[1,3,5,7,9,11,13,15,17,19,21,23,25]", 30, "host[1,3,5,7,9,... 21,23,25]"),
        ("x" * 50, 20, "x" * 16 + "... "),
    ],
)
def test_what_is_too_long_loses_its_middle(text, width, expected):
    assert shorten(text, width) == expected
    assert len(shorten(text, width)) <= width


def test_the_number_at_the_end_of_a_long_cause_is_there():
    """As the memory of NUMA nodes, where the one value that differs stood at column 130."""
    world = healthy(0, 30)
    names = [host.name for host in world.profiles()]
    observed = (
        "the memory of the NUMA nodes differs from that of the other hosts: 0 has 67,331,145,728 bytes on "
        "most of them, and here it has 67,331,149,824"
    )
    text = summary(report(world, [finding("CPU001", names, observed=observed)]), "x")
    assert "67,331,149,824" in text
    assert "host[1-30]" in text
