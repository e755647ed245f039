# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest size that passes is found exactly, whatever it is, in few rounds and few packets."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import (
    PILOTS,
    Direction,
    Search,
    SizeHints,
)
from hypothesis import given
from hypothesis import strategies as st

ENOUGH = 5


def _find(search, mtu, told=None):
    """Rounds and packets until it is decided; `told`: what an ICMP error says of larger ones."""
    rounds = packets = 0
    while sizes := search.round(ENOUGH):
        rounds, packets = rounds + 1, packets + len(sizes)
        for size in sizes:
            if size <= mtu:
                search.answered(size)
            elif told is not None:
                search.refuse(size, told)
        assert rounds < 60
    return rounds, packets


@given(st.integers(84, 65535), st.integers(84, 65535))
def test_exact_for_every_mtu(mtu, wanted):
    search = Search(84, wanted, SizeHints())
    rounds, packets = _find(search, mtu)
    assert search.low == min(mtu, wanted)
    assert search.passed == (mtu >= wanted)
    assert (rounds, packets) == (1, 1) if mtu >= wanted and wanted > 84 else rounds <= 14 and packets <= 140


@pytest.mark.parametrize(
    ("mtu", "wanted", "rounds", "packets"),
    [(1450, 1500, 6, 22), (1500, 9000, 6, 36), (1404, 1500, 7, 40), (8387, 9000, 9, 85)],
)
def test_what_it_costs(mtu, wanted, rounds, packets):
    found = _find(Search(84, wanted, SizeHints()), mtu)
    assert found[0] <= rounds
    assert found[1] <= packets


@given(st.integers(84, 8999), st.sampled_from([0, "true", "too small", "too large"]))
def test_what_a_router_says_is_a_hint_not_the_truth(mtu, says):
    told = {0: 0, "true": mtu, "too small": max(68, mtu - 40), "too large": mtu + 40}[says]
    search = Search(84, 9000, SizeHints())
    rounds, packets = _find(search, mtu, told)
    assert search.low == mtu
    if says == "true" and mtu > 84:
        assert (rounds, packets) == (2, 3 if mtu < 8999 else 2)


def test_a_lost_answer_does_not_mislead():
    search = Search(84, 1500, SizeHints())
    assert search.round(ENOUGH) == [1500]  # lost
    sizes = search.round(ENOUGH)
    assert 1500 in sizes and 1400 in sizes
    for size in sizes[:-1]:
        search.answered(size)
    assert not search.passed
    search.answered(1500)  # late
    assert search.passed and search.round(ENOUGH) == []


def test_the_next_ones_profit_from_what_was_found():
    hints = SizeHints()
    _find(Search(84, 1500, hints), 1404)
    search = Search(84, 1500, hints)
    assert search.round(ENOUGH) == [1500]
    assert search.round(ENOUGH) == [1404, 1405, 1500]
    search.answered(1404)
    assert [search.round(ENOUGH) for _try in range(5)] == [[1405]] * 4 + [[]]
    assert search.low == 1404


def test_only_a_few_search_before_there_is_a_hint():
    hints = SizeHints()
    searches = [Search(84, 1500, hints) for _peer in range(10)]
    for search in searches:
        search.round(ENOUGH)
    many = [len(search.round(ENOUGH)) for search in searches]
    assert [count > 1 for count in many] == [True] * PILOTS + [False] * (10 - PILOTS)
    for search in searches[:PILOTS]:
        search.answered(1500)  # they had only lost a packet: others may go on
    assert len(searches[-1].round(ENOUGH)) > 1


def test_nobody_waits_for_hints_forever():
    hints = SizeHints()
    searches = [Search(84, 1500, hints) for _peer in range(PILOTS + 1)]
    for search in searches[:PILOTS]:
        search.round(ENOUGH)
        search.round(ENOUGH)
    assert _find(searches[-1], 1387)
    assert searches[-1].low == 1387


@pytest.mark.parametrize(
    ("answers", "forward"),
    [
        ([(1500, 0)], True),
        ([(84, 1), (84, 3), (1500, 4)], True),
        ([(84, 1), (84, 3), (84, 5)], False),
        ([(84, 5)], False),
        ([(84, 1)], None),  # the rate limit may have swallowed the others, and with them a large one
        ([], None),
    ],
)
def test_direction(answers, forward):
    direction, sent = Direction(84, 1500), 0
    while steps := direction.round():
        for size in steps:
            if (size, sent) in answers:
                direction.answered(size, sent)
        sent += 1
    assert direction.forward is forward
    assert sent <= 6
