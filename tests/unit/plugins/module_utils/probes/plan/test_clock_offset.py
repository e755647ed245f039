# SPDX-License-Identifier: GPL-3.0-or-later
"""The offset of a clock: the truth is always within the uncertainty, however the round trip was split."""

from __future__ import annotations

import shlex
import subprocess
from fractions import Fraction

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.plan.clock_offset import (
    MARK,
    SECOND,
    Offset,
    Sample,
    between_dates,
    is_enough,
    measure,
    parse_date,
    take_dates,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_795_600_000 * SECOND
DAY = 86_400 * SECOND


def asked(sent, received, answer):
    """A round trip in which the other machine did nothing but answer."""
    return Sample(sent, received, answer, answer)


def test_the_middle_of_the_round_trip():
    assert measure([asked(NOW, NOW + 20_000_000, NOW + 10_000_000 + 3 * SECOND)]) == Offset(3.0, 0.01)


def test_what_the_host_does_in_between_costs_no_exactness():
    there = NOW + 10_000_000 + 3 * SECOND
    assert measure([Sample(NOW, NOW + 20_000_000 + 5 * SECOND, there, there + 5 * SECOND)]) == Offset(3.0, 0.01)


def test_the_shortest_round_trip_counts():
    slow, fast = (
        asked(NOW, NOW + 900_000_000, NOW + 450_000_000),
        Sample(NOW, NOW + 2 * SECOND + 2_000_000, NOW + 1_000_000, NOW + 2 * SECOND + 1_000_000),
    )
    assert measure([slow, fast, slow]) == Offset(0.0, 0.001)


def test_the_short_way_there_of_one_and_the_short_way_back_of_another():
    there, back = asked(NOW, NOW + SECOND, NOW + 1_000_000), asked(NOW, NOW + SECOND, NOW + SECOND - 1_000_000)
    assert measure([there, back]) == Offset(0.0, 0.001)
    assert is_enough([there, back], 0.001)
    assert not is_enough([there], 0.001)


def test_a_host_whose_logins_take_a_minute_is_not_asked_five_times():
    slow = asked(NOW, NOW + 60 * SECOND, NOW + 30 * SECOND)
    assert is_enough([slow], 0.25)
    assert measure([slow]).uncertainty_s == 30
    busy = Sample(NOW, NOW + 61 * SECOND, NOW + SECOND // 2, NOW + 60 * SECOND + SECOND // 2)  # the facts took a minute
    assert not is_enough([busy], 0.25)


def test_a_clock_that_was_set_between_two_samples():
    assert measure([asked(NOW, NOW + SECOND, NOW), asked(NOW, NOW + 20, NOW + 10 + DAY)]) == Offset(86400.0, 1e-8)


@pytest.mark.parametrize(
    "back", [asked(NOW, NOW - DAY, NOW), Sample(NOW, NOW + 2, NOW + 1, NOW - DAY), Sample(NOW, NOW + 2, NOW, NOW + DAY)]
)
def test_a_sample_in_which_a_clock_was_set_does_not_count(back):
    assert measure([back, asked(NOW, NOW + 2, NOW + 1)]) == Offset(0.0, 1e-9)
    assert not is_enough([back], DAY)
    for nothing in ([], [back]):
        with pytest.raises(ValueError, match="round trip"):
            measure(nothing)


WAYS = st.lists(st.tuples(*[st.integers(0, 10 * SECOND)] * 3), min_size=1, max_size=8)


@given(truth=st.integers(-400 * DAY, 400 * DAY), trips=WAYS)
def test_the_truth_is_within_the_uncertainty(truth, trips):
    found = measure(
        [
            Sample(NOW, NOW + there + work + back, NOW + there + truth, NOW + there + work + truth)
            for there, work, back in trips
        ]
    )
    error = abs(Fraction(found.offset_s) - Fraction(truth, SECOND))
    rounding = abs(Fraction(found.offset_s)) / 2**52  # of the one division into seconds
    assert error <= Fraction(found.uncertainty_s) + rounding
    assert found.uncertainty_s == (
        min(there for there, _work, _back in trips) + min(back for _there, _work, back in trips)
    ) / (2 * SECOND)


OUTPUTS = ["", "\n", "no end", "\n{}\n", "two\nlines\n", "1795600000.000000001\n", "\r\n"]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("head", ["", "BECOME-SUCCESS-abc\n"])
def test_the_dates_around_a_command_leave_its_output_and_status_as_they_are(output, head):
    command = between_dates(f"printf %s {shlex.quote(output)}; exit_with() {{ return 7; }}; exit_with")
    done = subprocess.run(
        ["sh", "-c", f"printf %s {shlex.quote(head)}; {command} && sleep 0"],
        capture_output=True,
        check=False,
        timeout=10,
    )
    dates, rest = take_dates(done.stdout.decode())
    assert (rest, done.returncode, done.stderr) == (head + output, 7, b"")
    first, last = map(parse_date, dates)
    assert first <= last


def test_without_both_dates_nothing_is_taken_away():
    for text in ("", "{}\n", f"{MARK}1.000000000\n{{}}\n"):
        assert take_dates(text) == ((), text)


def test_date():
    assert parse_date("1795600000.000000001\n") == 1_795_600_000 * SECOND + 1


@pytest.mark.parametrize(
    "text", ["", "1795600000", "1795600000.N", "1795600000.%N", "1795600000.5", "date: invalid", "1795600000.00000000٣"]
)
def test_no_date(text):
    with pytest.raises(ParseError, match="line 1"):
        parse_date(text)


@given(st.text(alphabet="0123456789.N% \n-٣", max_size=30))
def test_garbage_is_a_value_or_a_parse_error(text):
    try:
        assert parse_date(text) >= 0
    except ParseError as error:
        assert error.line == 1
