# SPDX-License-Identifier: GPL-3.0-or-later
"""The fewest elements that explain which pairs fail, without a simulator: by which pairs are good and bad, and by
chance."""

from __future__ import annotations

from itertools import combinations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import smallest_cover
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import background_noise
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment

# a0 to a3, b0 to b3, c0 to c3 in the racks a, b, c
HOSTS = [f"{rack}{number}" for rack in "abc" for number in range(4)]
TOPOLOGY = Topology(Attachment(host, "Guest", host, host[0]) for host in HOSTS)
FLOWS = [(*pair, "Guest") for pair in combinations(HOSTS, 2)]


def _explained(bad, **options):
    explanations = smallest_cover(TOPOLOGY, bad, [flow for flow in FLOWS if flow not in bad], **options)
    return [
        ([str(element).replace(" on Guest", "") for element in each.suspects], len(each.failed), each.tested)
        for each in explanations
    ]


def _of(*hosts):
    return [flow for flow in FLOWS if set(flow) & set(hosts)]


def _between(one, other):
    return [flow for flow in FLOWS if {flow[0][0], flow[1][0]} == {one, other}]


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ([], []),
        (_of("a1"), [(["a1"], 11, 11)]),
        (_of("a1", "b2"), [(["a1"], 11, 11), (["b2"], 10, 11)]),
        (_of("a1")[::2], [(["a1"], 6, 11)]),  # one leg of two
        (_between("a", "b"), [(["the way between a and b"], 16, 16)]),
        (_between("a", "b") + _between("a", "c"), [(["the uplink of a"], 32, 32)]),
        (_between("a", "b") + _between("a", "c") + _between("b", "c"), [(["the way between the places"], 48, 48)]),
        (_of("a0", "a1", "a2", "a3"), [(["a"], 38, 38)]),
        (FLOWS, [(["the fabric"], 66, 66)]),
        (
            [("a0", "b0", "Guest")],
            [
                (
                    [
                        "a0",
                        "b0",
                        "the way between a and b",
                        "the uplink of a",
                        "the uplink of b",
                        "the way between the places",
                    ],
                    1,
                    1,
                )
            ],
        ),
    ],
)
def test_who_is_at_fault(bad, found):
    explained = _explained(bad)
    assert [(names[: len(wanted[0])], *rest) for (names, *rest), wanted in zip(explained, found)] == [
        (wanted[0], *wanted[1:]) for wanted in found
    ]
    assert len(explained) == len(found)


def test_one_bad_pair_is_a_tie_to_the_end():
    ((names, _bad, _asked),) = _explained([("a0", "b0", "Guest")])
    assert names[-1] == "the way between a0 and b0"


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ({}, False),
        ({("a0", "b0"): 1}, False),
        ({("a0", "b0"): 1, ("a0", "c1"): 1}, False),  # so much is lost where nothing is wrong
        ({("a0", "b0"): 9}, True),
        ({("a0", host): 1 for host in HOSTS[1:]}, True),
    ],
)
def test_a_packet_lost_now_and_then_is_noise(lost, named):
    figures = {flow: (lost.get(flow[:2], 0), 40) for flow in FLOWS}
    bad = [flow for flow in FLOWS if figures[flow][0]]
    assert bool(_explained(bad, lost=figures, noise=background_noise(figures))) is named


def test_a_host_that_did_not_answer_the_controller_either_is_likelier_at_fault():
    bad = [("a0", "b0", "Guest")]
    good = [("a1", "b1", "Guest")]
    (explanation,) = smallest_cover(TOPOLOGY, bad, good, absent=["a0"])
    assert str(explanation.suspects[0]) == "a0 on Guest"
