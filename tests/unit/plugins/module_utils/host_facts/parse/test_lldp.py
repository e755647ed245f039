# SPDX-License-Identifier: GPL-3.0-or-later
"""`lldpctl -f json` of lldpd 1.0.16 (fixtures: two interfaces, one, none)."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.lldp import parse_neighbours
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

LEAF = {"system": "leaf1.lab.test", "port": "Ethernet1", "chassis": "6e:dc:f1:5e:38:23"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("none", {}), ("one", {"eth0": LEAF}), ("two", {"eth0": LEAF, "eth1": {**LEAF, "port": "Ethernet2"}})],
)
def test_captured(name, expected):
    assert parse_neighbours(text(f"lldpctl/{name}.json")) == expected


def heard(chassis, port):
    return json.dumps({"lldp": {"interface": {"eth0": {"chassis": chassis, "port": port}}}})


def test_a_port_that_has_a_name():
    port = {"id": {"type": "ifname", "value": "Gi1/0/1"}, "descr": "GigabitEthernet1/0/1"}
    assert parse_neighbours(heard({"sw": {"id": {"type": "mac", "value": "aa"}}}, port))["eth0"]["port"] == "Gi1/0/1"


def test_a_neighbour_without_a_name():
    found = parse_neighbours(heard({"id": {"type": "mac", "value": "aa"}}, {"id": {"type": "mac", "value": "bb"}}))
    assert found == {"eth0": {"system": None, "port": "bb", "chassis": "aa"}}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"lldp": []}', "[" * 100_000])
def test_what_is_no_answer(content):
    with pytest.raises(ParseError):
        parse_neighbours(content)


KEYS = st.sampled_from(["lldp", "interface", "eth0", "chassis", "port", "id", "type", "value", "descr", "mac"])
TREES = st.recursive(
    st.one_of(st.none(), st.integers(), st.sampled_from(["mac", "x"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=20,
)


@given(st.one_of(st.text(), TREES.map(json.dumps), TREES.map(lambda tree: json.dumps({"lldp": {"interface": tree}}))))
def test_garbage_is_a_value_or_a_parse_error(content):
    try:
        parse_neighbours(content)
    except ParseError as error:
        assert "lldpctl" in str(error)
