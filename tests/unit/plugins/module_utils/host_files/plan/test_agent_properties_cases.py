# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.properties as operators have it: every byte of the other lines stays."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import (
    ENCODING,
    find_properties,
    line_ends,
    parse_properties,
    split_lines,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_properties import (
    edit,
    plan_properties,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.operator_cases import cases_with

CASES = cases_with("text")


@pytest.mark.parametrize("name", CASES)
def test_file_of_an_operator(name):
    case = CASES[name]
    text = case["text"].encode("utf-8").decode(ENCODING)  # as the module reads the bytes of the file
    right = case["right"].encode("utf-8").decode(ENCODING)
    assert edit(text, plan_properties("p", text, case["wanted"], allow_unknown=True)) == right
    assert not plan_properties("p", right, case["wanted"], allow_unknown=True)
    read = parse_properties(right)
    for key, value in case["wanted"].items():
        assert read.get(key) == (None if value is None else str(value))


LINES = st.sampled_from(
    [
        "workers=5",
        "port : 8250",
        "host 10.0.0.5",
        "# note",
        "! workers=9",
        "",
        "  ",
        "a=b\\",
        "\tworkers = 7",
        "caf\xe9=1",
        "\\",
    ]
)
FILES = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r"])), max_size=8)


@given(FILES, st.booleans(), st.sampled_from(["6", "5", None]))
def test_other_lines_keep_every_byte(pieces, ended, value):
    """Whatever the lines and their ends: those that are not of the key stay, and Java reads the new value."""
    text = "".join(line + end for line, end in pieces)
    text = text if ended else text.rstrip("\r\n")
    right = edit(text, plan_properties("p", text, {"workers": value}))
    assert _without(right, "workers").strip("\r\n") == _without(text, "workers").strip("\r\n")
    assert parse_properties(right) == {**_others(text), **({} if value is None else {"workers": value})}


def _others(text: str) -> dict[str, str]:
    return {key: value for key, value in parse_properties(text).items() if key != "workers"}


def _without(text: str, key: str) -> str:
    """The text without the lines of a key."""
    own = {line for each in find_properties(text) if each.key == key for line in range(each.first, each.last + 1)}
    lines, ends = split_lines(text), line_ends(text)
    return "".join(lines[number] + ends[number] for number in range(len(lines)) if number not in own)
