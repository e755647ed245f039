# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges that mean the same compare equal."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.vlan_ranges import vlan_ranges
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ()),
        ("", ()),
        ("100-199", ((100, 199),)),
        ("300, 100-199", ((100, 199), (300, 300))),
        ("100-200,150-250", ((100, 250),)),
        ("100-150,151-200", ((100, 200),)),
        ("5000-6000", ((5000, 6000),)),
    ],
)
def test_ranges(text, expected):
    assert vlan_ranges(text) == expected


@pytest.mark.parametrize("text", ["200-100", "a-b", "100-", "-1", "100-200-300"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError) as caught:
        vlan_ranges(text)
    assert text in str(caught.value)
