# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates, repetitions and figures."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import (
    FEWEST,
    MOST,
    SURE,
    Bucket,
    answer_timeout,
    figures,
    last_answer_timeout,
    percentile,
    tries_needed,
)
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 2000), st.integers(1, 50))
def test_never_more_than_the_rate(probe_options, rate, burst):
    """In any time that passes, at most what the rate allows, one burst, and the rest of the last question."""
    bucket, now, sent = Bucket(rate, burst, 0.0), 0.0, 0
    for packets in probe_options:
        now = max(now, bucket.opens())
        bucket.spend(packets, now)
        sent += packets
        assert sent <= now * rate + burst + packets + 1e-6


def test_a_pause_gives_no_credit_beyond_the_burst():
    bucket = Bucket(10, 2, 0.0)
    bucket.spend(2, 100.0)
    assert bucket.opens() == pytest.approx(100.1)


@pytest.mark.parametrize(
    ("lost", "sent", "expected"),
    [(0, 0, MOST), (0, 20, FEWEST), (0, 1000, FEWEST), (4, 20, 8), (10, 20, MOST), (20, 20, MOST)],
)
def test_tries(lost, sent, expected):
    assert tries_needed(lost, sent) == expected


@given(st.integers(0, 50), st.integers(1, 1000))
def test_tries_are_enough_for_the_loss_that_was_seen(lost, sent):
    number = tries_needed(min(lost, sent), sent)
    assert number in range(FEWEST, MOST + 1)
    assert number == MOST or (min(lost, sent) / sent) ** number <= SURE


@pytest.mark.parametrize(
    ("rtts", "expected"),
    [([], 1.0), ([0.01], 0.08), ([0.9, 0.01], 0.08), ([0.0002, 0.1], 0.35), ([0.5], 1.0)],
)
def test_the_timeout_follows_the_round_trips(rtts, expected):
    assert answer_timeout(rtts, 1.0) == pytest.approx(expected)


@pytest.mark.parametrize(("rtts", "expected"), [([], 1.0), ([0.0], 0.4), ([0.01, 0.02, 0.01], 0.5), ([0.5], 1.0)])
def test_the_last_answer_gets_more_time(rtts, expected):
    assert last_answer_timeout(rtts, 1.0) == pytest.approx(expected)


@given(st.lists(st.floats(0, 10), min_size=1), st.integers(1, 100))
def test_percentile_is_the_nearest_rank(values, percent):
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert sum(value <= found for value in ordered) >= len(ordered) * percent / 100
    assert sum(value < found for value in ordered) < len(ordered) * percent / 100


def test_figures_leave_out_the_first_round_trip():
    assert figures([]) == {"rtt_min_ms": None, "rtt_avg_ms": None, "rtt_p99_ms": None}
    assert figures([0.5]) == {"rtt_min_ms": 500.0, "rtt_avg_ms": 500.0, "rtt_p99_ms": 500.0}
    assert figures([0.5, 0.001, 0.003]) == {"rtt_min_ms": 1.0, "rtt_avg_ms": 2.0, "rtt_p99_ms": 3.0}
