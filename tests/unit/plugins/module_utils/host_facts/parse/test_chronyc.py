# SPDX-License-Identifier: GPL-3.0-or-later
"""chronyc's CSV into a synchronisation state in seconds."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.chronyc import (
    parse_sources,
    parse_tracking,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


def test_tracking_of_a_joined_host():
    # The same host's readable output says: 0.000030864 seconds fast of NTP time.
    assert parse_tracking(text("chronyc/tracking.txt")) == {
        "synchronised": True,
        "source": "10.88.1.13",
        "reference_id": "0A58010D",
        "stratum": 9,
        "offset_s": 0.000030871,
        "leap": "Normal",
    }


def test_tracking_of_a_clock_that_follows_itself():
    # chrony.conf: local stratum 10, and one server that does not answer
    found = parse_tracking(text("chronyc/tracking_local.txt"))
    assert (found["synchronised"], found["source"], found["reference_id"]) == (True, None, "7F7F0101")
    assert parse_sources(text("chronyc/sources_unreachable.txt")) == [
        {"name": "192.0.2.1", "state": "unreachable", "stratum": 0, "reach": 0}
    ]


def test_tracking_without_a_source():
    line = "7F7F0101,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n"  # noqa: E501
    found = parse_tracking(line)
    assert (found["synchronised"], found["source"]) == (False, None)


def test_sources_of_a_joined_host():
    assert parse_sources(text("chronyc/sources.txt")) == [
        {"name": "10.88.1.13", "state": "selected", "stratum": 8, "reach": 8}
    ]
    assert parse_sources("") == []


@pytest.mark.parametrize(
    "line",
    ["506 Cannot talk to daemon", "a,b,x,4,5,6,7,8,9,10,11,12,13,Normal", "a,b,1,4,nan,6,7,8,9,10,11,12,13,Normal"],
)
def test_not_tracking(line):
    with pytest.raises(ParseError, match="line 1"):
        parse_tracking(line)


@pytest.mark.parametrize("line", ["^,*,x", "^,*,x,8,5,9,8,0,0,0", "^,*,x,-,5,7,8,0,0,0"])
def test_not_sources(line):
    with pytest.raises(ParseError, match="line 2"):
        parse_sources(f"{text('chronyc/sources.txt').strip()}\n{line}\n")


CSV = st.lists(st.sampled_from(["*", "^", ",", "1", "8", ".", "-", "x", "\n", "٣", "²"]), max_size=60).map("".join)


@given(st.one_of(CSV, st.text()))
def test_garbage_is_a_value_or_a_parse_error(content):
    for parse in (parse_sources, parse_tracking):
        try:
            parse(content)
        except ParseError as error:
            assert error.line >= 1
