# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between hosts are told as differences."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.differences import differences
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster_profiles import healthy

HEALTHY = healthy()
ALIKE = differences(HEALTHY.profiles())


def of(*facts):
    return differences([Profile(f"host{number}", each) for number, each in enumerate(facts, 1)])


def test_a_healthy_cluster_has_none_though_a_candidate_has_not_joined_yet():
    assert ALIKE == []


@pytest.mark.parametrize(
    ("edit", "path", "expected", "value"),
    [
        ({"facts.interfaces[eth1].mtu": 1400}, "interfaces.eth1.mtu", "1500", "1400"),
        ({"facts.interfaces[eth1]": None}, "interfaces.eth1", "present", "absent"),
        ({"facts.bridges[cloudbr1]": None}, "bridges.cloudbr1", "present", "absent"),
        (
            {"facts.bridges[cloudbr1].ports": ["bond0"]},
            "bridges.cloudbr1.ports",
            "eth1",
            "lacks eth1; has besides bond0",
        ),
        ({"facts.kvm.nested": None}, "kvm.nested", "1", "absent"),
        ({"facts.lsm.selinux": "enforcing"}, "lsm.selinux", "absent", "enforcing"),
        ({"facts.sysctl[net.ipv4.ip_forward]": "0"}, "sysctl[net.ipv4.ip_forward]", "1", "0"),
    ],
)
def test_one_deviates(edit, path, expected, value):
    found = differences(HEALTHY.edit({"host4": edit}).profiles())
    wanted = {
        "path": path,
        "expected": expected,
        "hosts": ["host1", "host2", "host3"],
        "others": [{"value": value, "hosts": ["host4"]}],
    }
    assert [each for each in found if each not in ALIKE] == [wanted]


def test_without_a_majority_nobody_is_the_rule():
    (found,) = of({"arch": "a"}, {"arch": "a"}, {"arch": "b"}, {"arch": "b"})
    assert (found["expected"], found["hosts"]) == (None, [])
    assert [group["value"] for group in found["others"]] == ["a", "b"]


def test_what_every_host_has_for_itself_is_no_difference():
    assert of({"x": 1}, {"x": 2}, {"x": 3}) == []
    assert of({"hostname": "a"}, {"hostname": "a"}, {"hostname": "b"}) == []


def test_what_changes_by_itself_is_no_difference():
    assert of({"cpu": {"mhz": 1}}, {"cpu": {"mhz": 1}}, {"cpu": {"mhz": 2}}) == []


def test_long_lists_are_cut():
    flags = [f"flag{number:03}" for number in range(200)]
    (found,) = of({"flags": flags}, {"flags": flags}, {"flags": []})
    assert found["expected"] == "200 values"
    assert found["others"][0]["value"].startswith("lacks flag000, flag001")
    assert len(found["others"][0]["value"]) <= 400


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
TREES = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_size=4,
)


@given(st.lists(TREES, max_size=4))
def test_any_facts(trees):
    for found in of(*trees):
        named = [*found["hosts"], *(host for group in found["others"] for host in group["hosts"])]
        assert len(named) == len(set(named))
        assert found["others"]
