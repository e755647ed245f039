# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts are told apart by zone, pod and cluster together."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.same_cluster import find_first, find_members


def _at(zone, pod, cluster):
    return {"cloudstack_zone": zone, "cloudstack_pod": pod, "cloudstack_cluster": cluster}


VARIABLES = {
    "a1": _at("z", "p", "a"),
    "a2": _at("z", "p", "a"),
    "b1": _at("z", "p", "b"),
    "other_zone": _at("y", "p", "a"),
    "lost1": {},
    "lost2": {"cloudstack_zone": "z", "cloudstack_pod": "p"},
}


@pytest.mark.parametrize(
    ("hosts", "host", "expected"),
    [
        (["b1", "a2", "a1"], "a1", ["a2", "a1"]),
        (["a1", "a2", "b1"], "b1", ["b1"]),
        (["a1", "other_zone"], "other_zone", ["other_zone"]),
        (["a1", "lost1", "lost2"], "lost1", ["lost1"]),
        (["a1", "lost1", "lost2"], "lost2", ["lost2"]),
        (["a1"], "a2", ["a1"]),
        ([], "a1", []),
    ],
)
def test_find_members(hosts, host, expected):
    assert find_members(hosts, VARIABLES, host) == expected


@pytest.mark.parametrize("hosts", [["b1", "a2", "other_zone", "a1", "lost1", "lost2"], ["a1"], []])
def test_the_first_of_each_cluster(hosts):
    assert find_first(hosts, VARIABLES) == {host: find_members(hosts, VARIABLES, host)[0] for host in hosts}
