# SPDX-License-Identifier: GPL-3.0-or-later
"""The offset of a clock: the truth is always within the uncertainty, however the round trip was split."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.plan.clock_offset import SECOND, Offset, Sample, measure, parse_date
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_795_600_000 * SECOND
DAY = 86_400 * SECOND


def test_the_middle_of_the_round_trip():
    assert measure([Sample(NOW, NOW + 20_000_000, NOW + 10_000_000 + 3 * SECOND)]) == Offset(3.0, 0.01)


def test_the_shortest_round_trip_counts():
    slow, fast = Sample(NOW, NOW + 900_000_000, NOW), Sample(NOW, NOW + 2_000_000, NOW + 1_000_000)
    assert measure([slow, fast, slow]) == Offset(0.0, 0.001)


def test_a_sample_in_which_our_own_clock_went_back_does_not_count():
    back = Sample(NOW, NOW - DAY, NOW)
    assert measure([back, Sample(NOW, NOW + 2, NOW + 1)]) == Offset(0.0, 1e-9)
    for nothing in ([], [back]):
        with pytest.raises(ValueError, match="round trip"):
            measure(nothing)


SPLITS = st.lists(st.tuples(st.integers(0, 10 * SECOND), st.integers(0, 10 * SECOND)), min_size=1, max_size=8)


@given(truth=st.integers(-400 * DAY, 400 * DAY), trips=SPLITS)
def test_the_truth_is_within_the_uncertainty(truth, trips):
    found = measure([Sample(NOW, NOW + there + back, NOW + there + truth) for there, back in trips])
    error = abs(Fraction(found.offset_s) - Fraction(truth, SECOND))
    rounding = abs(Fraction(found.offset_s)) / 2**52  # of the one division into seconds
    assert error <= Fraction(found.uncertainty_s) + rounding
    assert found.uncertainty_s == min(there + back for there, back in trips) / (2 * SECOND)


def test_date():
    assert parse_date("1795600000.000000001\n") == 1_795_600_000 * SECOND + 1


@pytest.mark.parametrize("text", ["", "1795600000", "1795600000.N", "1795600000.%N", "1795600000.5", "date: invalid", "1795600000.00000000٣"])
def test_no_date(text):
    with pytest.raises(ParseError, match="line 1"):
        parse_date(text)


@given(st.text(alphabet="0123456789.N% \n-٣", max_size=30))
def test_garbage_is_a_value_or_a_parse_error(text):
    try:
        assert parse_date(text) >= 0
    except ParseError as error:
        assert error.line == 1
