# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names folded into ranges lose nothing."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural, ranges
from hypothesis import given
from hypothesis import strategies as st


def expand(text: str) -> list[str]:
    """The names that a folded text stands for."""
    names: list[str] = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        folded = re.fullmatch(r"(.*)\[([^\]]*)\](.*)", part.strip())
        if not folded:
            names.append(part.strip())
            continue
        for run in folded[2].split(","):
            first, _dash, last = run.partition("-")
            width = len(first) if first.startswith("0") else 0
            names += [
                f"{folded[1]}{number:0{width}d}{folded[3]}" for number in range(int(first), int(last or first) + 1)
            ]
    return names


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["host1"], "host1"),
        (["host10", "host2", "host1"], "host[1-2,10]"),
        ([f"host{number}" for number in range(1, 98)], "host[1-97]"),
        (["host08", "host09", "host10", "host1"], "host1, host[08-10]"),
        (["kvm1.lab2.test", "kvm2.lab2.test", "db.lab2.test"], "db.lab2.test, kvm[1-2].lab2.test"),
        (["10.0.0.9", "10.0.0.10", "10.0.1.1"], "10.0.0.[9-10], 10.0.1.1"),
        (["rack1-node1a", "rack1-node2a", "rack2-node1a"], "rack1-node[1-2]a, rack2-node1a"),
    ],
)
def test_ranges(names, text):
    assert ranges(names) == text


@given(st.sets(st.from_regex(r"[a-z]{1,3}[0-9]{0,3}[a-z]{0,2}(\.lab[0-9]?\.test)?", fullmatch=True), max_size=30))
def test_nothing_is_lost(names):
    assert sorted(expand(ranges(names))) == sorted(names)


@given(st.lists(st.text()))
def test_any_name_can_be_sorted(names):
    sorted(names, key=natural)
    ranges(names)
