# SPDX-License-Identifier: GPL-3.0-or-later
"""The path check in the report: counts, pictures in letters, and the lines for the terminal."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    Attachment,
    FaultReport,
    Outcome,
    PathResults,
    Probe,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import PATH_CHECKS
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.path_report import section
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.path_summary import path_summary
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import document

from tests.cluster_profiles import healthy
from tests.report_samples import MADE

SMALL = {"control": True, "passed": False, "path_mtu": 1500, "failure": "too_large"}


def paths(pairs, hosts=3, rack=None):
    """One network; pairs (host, peer) -> outcome's parts."""
    at = {
        (f"h{number}", "stor"): Attachment(f"h{number}", "stor", f"10.0.1.{number}", rack(number) if rack else "")
        for number in range(1, hosts + 1)
    }
    outcomes = [
        Outcome(Probe(f"h{one}", "stor", f"h{other}", f"10.0.1.{other}", 9000), **parts)
        for (one, other), parts in pairs.items()
    ]
    return PathResults(at, tuple(outcomes), frozenset(), FaultReport())


def network(*given, **options):
    [found] = section(paths(*given, **options), 0.0)["networks"]
    return found


@pytest.mark.parametrize(
    ("parts", "letter"),
    [
        ({"control": True, "passed": True}, "·"),
        (SMALL, "M"),
        ({"control": False, "failure": "silent"}, "X"),
        ({"control": False, "failure": "silent", "tcp": True}, "?"),
        ({"control": False, "failure": "not_asked"}, "?"),
        ({"control": True, "passed": True, "sent": 20, "lost": 1}, "L"),
        ({"control": True, "passed": True, "fragmented": True}, "F"),
    ],
)
def test_a_letter_for_each_answer(parts, letter):
    assert network({(1, 2): parts})["rows"] == [f" {letter} ", "   ", "   "]


def test_a_pair_passes_if_both_ways_do():
    good = {"control": True, "passed": True, "rtt_avg_ms": 0.2}
    found = network({(1, 2): good, (2, 1): SMALL, (1, 3): good, (3, 1): good, (2, 3): good})
    assert (found["pairs"], found["passed"], found["size"], found["hosts"], found["round_trip_ms"]) == (
        3,
        2,
        9000,
        3,
        0.2,
    )


def test_of_many_hosts_the_racks_are_shown_with_the_worst_of_each():
    good = {"control": True, "passed": True}
    found = network(
        {(1, 2): good, (1, 3): good, (1, 4): SMALL, (3, 4): good}, hosts=100, rack=lambda number: f"r{number % 2}"
    )
    assert (found["shows"], found["names"], found["rows"]) == ("racks", ["r0", "r1"], ["  ", "M·"])


def test_of_many_hosts_without_racks_those_with_problems_are_shown():
    good = {"control": True, "passed": True}
    found = network({(1, 2): good, (1, 7): SMALL, (3, 4): good}, hosts=100)
    assert (found["shows"], found["names"], found["rows"]) == ("hosts with problems", ["h1", "h7"], [" M", "  "])


def test_nothing_was_tried():
    assert section(paths({}), 0.0) is None


def report(edit):
    world = healthy().edit(edit)
    hosts, cluster, policy = world.profiles(), world.intent(), world.rules()
    assessment = assess(hosts, cluster, policy, today="2026-11-25", only=PATH_CHECKS)
    return document(assessment, hosts, cluster, policy, (), MADE), hosts


BAD_PORT = {f"host{number}": {"probes.paths.outcomes[5]": SMALL} for number in (1, 2, 3)}


def test_the_terminal_names_the_fault_first_and_then_the_counts():
    built, _hosts = report(BAD_PORT)
    lines = path_summary(built, "reports/path_check.html").splitlines()
    assert lines[0] == "error   PTH001  A packet of the declared MTU does not arrive: host4"
    assert lines[2].strip() == "ping -M do -s 8972 -c 3 -I cloudbr2 10.88.2.14  # on host1"
    assert "cloudbr0: 6 of 6 pairs of 4 hosts pass at 1500 bytes, round trip 0.20 ms" in lines
    assert "cloudbr2: 3 of 6 pairs of 4 hosts pass at 9000 bytes, round trip 0.20 ms" in lines
    assert len(lines) <= 24


def test_nothing_tried_is_said():
    built, _hosts = report({f"host{number}": {"probes.paths": None} for number in range(1, 5)})
    assert "No path was tested" in path_summary(built, "x")


def test_the_page_shows_the_part_to_blame_and_who_reaches_whom():
    built, hosts = report(BAD_PORT)
    page = render(built, hosts)
    assert "Path check of zone1" in page
    assert "host4 on cloudbr2 (eth2 and its switch port)" in page
    assert page.count('<td class="error">M</td>') == 3
    assert "Verdict valid until" not in page
    assert 'id="differences"' not in page


def test_the_file_of_a_large_cluster_stays_small():
    good = {"control": True, "passed": True}
    everybody = {(one, other): good for one in range(1, 401) for other in range(1, 41) if one != other}
    assert len(str(network(everybody, hosts=400, rack=lambda number: f"r{number % 20}"))) < 2000
