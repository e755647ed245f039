# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that are equal enough."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.tolerances import gib, near
from hypothesis import given
from hypothesis import strategies as st

SIZES = st.dictionaries(st.from_regex(r"host[1-9]", fullmatch=True), st.integers(1, 10**6))


@given(SIZES, st.integers(0, 50))
def test_a_group_is_narrow_and_no_two_groups_are_one(sizes, percent):
    groups = near(sizes, percent)
    assert set(groups) == set(sizes)
    assert all(groups[name] <= size <= groups[name] * (1 + percent / 100) for name, size in sizes.items())
    smallest = sorted(set(groups.values()))
    assert all(high > low * (1 + percent / 100) for low, high in zip(smallest, smallest[1:]))


@pytest.mark.parametrize(("size_bytes", "text"), [(0, "0.0 GiB"), (1 << 30, "1.0 GiB"), (270582939648, "252.0 GiB")])
def test_bytes_are_told_in_gib(size_bytes, text):
    assert gib(size_bytes) == text
