# SPDX-License-Identifier: GPL-3.0-or-later
"""`nft -j list ruleset` of nft 1.0.6 (fixtures): the input side, and the policy for what passes through."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.nft_json import (
    forward_policy,
    input_side,
    parse_ruleset,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


def side(name):
    return input_side(parse_ruleset(text(name)))


def names(objects, kind):
    return [each[kind].get("name") for each in objects if kind in each]


def test_no_rules():
    assert side("nft/joined.json") == []
    assert forward_policy(parse_ruleset(text("nft/joined.json"))) == "none"


def test_only_what_incoming_packets_meet():
    objects = side("nft/rich.json")
    assert names(objects, "table") == ["cloudstack_kvm"]
    assert names(objects, "chain") == ["tls", "input", "rpc", "deep"]
    assert names(objects, "set") == ["mgmt_ipv4", "banned"]
    assert names(objects, "map") == ["ports"]
    assert {each["rule"]["chain"] for each in objects if "rule" in each} == {"tls", "input", "rpc", "deep"}


def test_without_what_changes_by_itself():
    content = json.dumps(side("nft/rich.json"))
    assert all(word not in content for word in ("handle", "counter", "packets", "expires"))
    assert '"timeout": 1800' in content


def test_rules_of_iptables():
    objects = side("nft/iptables_forward_drop.json")
    assert names(objects, "chain") == ["INPUT", "F2B"]
    assert objects[-1]["rule"]["expr"][-1] == {"xt": {"type": "target", "name": "REJECT"}}


@pytest.mark.parametrize(
    ("name", "expected"), [("nft/iptables_forward_drop.json", "drop"), ("nft/rich.json", "accept")]
)
def test_forward_policy(name, expected):
    assert forward_policy(parse_ruleset(text(name))) == expected


def test_the_same_name_in_another_table():
    chains = [
        {"chain": {"family": "ip", "table": table, "name": "c", "hook": hook}}
        for table, hook in (("a", "input"), ("b", "output"))
    ]
    assert input_side(parse_ruleset(json.dumps({"nftables": chains}))) == [chains[0]]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"nftables": {}}',
        '{"nftables": [1]}',
        '{"nftables": [{"a": {}, "b": {}}]}',
        '{"nftables": [{"chain": {"name": []}}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_ruleset(content):
    with pytest.raises(ParseError):
        parse_ruleset(content)


def test_deep_nesting():
    depth = 500
    content = '{"nftables": [{"rule": {"expr": ' + "[" * depth + '"@a"' + "]" * depth + "}}]}"
    assert input_side(parse_ruleset(content)) == []


KEYS = st.sampled_from(
    [
        "chain",
        "rule",
        "set",
        "map",
        "table",
        "name",
        "family",
        "hook",
        "policy",
        "expr",
        "elem",
        "jump",
        "target",
        "counter",
        "handle",
    ]
)
LEAVES = st.one_of(st.none(), st.integers(), st.sampled_from(["input", "forward", "@a", "a", "drop"]))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=20,
)


@given(
    st.one_of(
        st.text(),
        TREES.map(json.dumps),
        st.lists(st.dictionaries(KEYS, TREES, min_size=1, max_size=1)).map(lambda each: json.dumps({"nftables": each})),
    )
)
def test_garbage_is_a_value_or_a_parse_error(content):
    try:
        ruleset = parse_ruleset(content)
        input_side(ruleset)
        assert forward_policy(ruleset) in ("drop", "accept", "none")
    except ParseError as error:
        assert "nft -j" in str(error)
