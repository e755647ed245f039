# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts join at the same time."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.plan.waves import LOOKED, join_waves

NEW = {LOOKED: {"planned": True, "host": {"state": None}}}
UP = {LOOKED: {"planned": False, "host": {"state": "Up"}}}
ALERT = {LOOKED: {"planned": False, "host": {"state": "Alert"}}}
HOSTS = {"a": NEW, "b": UP, "c": NEW, "d": ALERT, "later": {}, "e": NEW}


@pytest.mark.parametrize(
    ("size", "waves"),
    [
        (8, [["a", "c", "d", "e"]]),
        (3, [["a", "c", "d"], ["e"]]),
        (1, [["a"], ["c"], ["d"], ["e"]]),
        (0, [["a"], ["c"], ["d"], ["e"]]),
    ],
)
def test_only_hosts_that_are_not_up(size, waves):
    assert join_waves(list(HOSTS), HOSTS, size) == waves


def test_nothing_to_join():
    assert join_waves(["b"], HOSTS, 8) == []
