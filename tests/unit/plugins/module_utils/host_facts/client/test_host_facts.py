# SPDX-License-Identifier: GPL-3.0-or-later
"""How the parts of the facts come together."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.host_facts import _merged


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ({"uuid": "a"}, {"port": 22}, {"uuid": "a", "port": 22}),
        (
            {"nfs": {"pool1": "10.0.0.1"}},
            {"nfs": {"pool2": "10.0.0.2"}},
            {"nfs": {"pool1": "10.0.0.1", "pool2": "10.0.0.2"}},
        ),
        ({"uuid": "a"}, {"uuid": "b"}, {"uuid": "b"}),
        (None, {"uuid": "a"}, {"uuid": "a"}),
        ({"uuid": "a"}, None, None),
        ("a", "b", "b"),
    ],
    ids=["two parts", "two parts of a part", "the later counts", "nothing before", "nothing any more", "no parts"],
)
def test_parts_add_to_one_dictionary(old, new, both):
    assert _merged(old, new) == both
