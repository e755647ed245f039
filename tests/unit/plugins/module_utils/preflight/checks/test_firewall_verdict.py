# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulesets of tests/fixtures/nft_ruleset are what nft 1.0.6 lists: of our own role, of firewalld and ufw
(shortened), of what cloudstack-setup-agent inserts on EL. Random rules were compared with the verdicts of a kernel when
this was written.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.firewall_verdict import (
    ACCEPT,
    DROP,
    REJECT,
    UNKNOWN,
    Connection,
    decide,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

PEER, STRANGER = "10.88.0.12", "10.99.0.1"
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
STATE = {"ct": {"key": "state"}}
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
IIFNAME = {"meta": {"key": "iifname"}}
LIMIT = {"limit": {"rate": 3, "per": "second"}}
MASK = ["fin", "syn", "rst", "ack"]


def captured(name: str) -> list[Any]:
    return json.loads(text(f"nft_ruleset/{name}.json"))


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def rule(*statements: Any, chain: str = "input", family: str = "inet") -> dict[str, Any]:
    listed = [{each: None} if isinstance(each, str) else each for each in statements]
    return {"rule": {"family": family, "table": "t", "chain": chain, "expr": listed}}


def base(
    policy: str = ACCEPT, *, family: str = "inet", name: str = "input", prio: int = 0, hook: str = "input"
) -> dict[str, Any]:
    return {
        "chain": {
            "family": family,
            "table": "t",
            "name": name,
            "handle": 1,
            "type": "filter",
            "hook": hook,
            "prio": prio,
            "policy": policy,
        }
    }


def chain(name: str) -> dict[str, Any]:
    return {"chain": {"family": "inet", "table": "t", "name": name, "handle": 2}}


def named_set(name: str, *elements: Any, kind: str = "set") -> dict[str, Any]:
    return {
        kind: {"family": "inet", "table": "t", "name": name, "type": "ipv4_addr", "handle": 3, "elem": list(elements)}
    }


def verdict(*ruleset: Any, source: str = PEER, port: int = 16514, interface: str = "") -> str:
    return decide(list(ruleset), Connection(source, port, interface)).verdict


@pytest.mark.parametrize(
    ("name", "source", "port", "interface", "wanted"),
    [
        ("cloudstack_kvm_accept", PEER, 16514, "", ACCEPT),
        ("cloudstack_kvm_accept", PEER, 49216, "", ACCEPT),
        ("cloudstack_kvm_accept", "10.88.0.254", 22, "", ACCEPT),
        ("cloudstack_kvm_accept", "10.88.0.99", 5901, "", ACCEPT),
        ("cloudstack_kvm_accept", "2001:db8::254", 16514, "", ACCEPT),
        ("cloudstack_kvm_accept", "10.88.0.14", 16514, "lo", ACCEPT),
        ("cloudstack_kvm_accept", STRANGER, 8080, "", ACCEPT),
        ("cloudstack_kvm_accept", "192.0.2.10", 9100, "", ACCEPT),
        ("cloudstack_kvm_accept", "10.88.0.99", 16514, "", DROP),
        ("cloudstack_kvm_accept", "2001:db8::1", 16514, "", DROP),
        ("cloudstack_kvm_accept", STRANGER, 49152, "cloudbr0", DROP),
        ("cloudstack_kvm_drop", PEER, 16514, "", ACCEPT),
        ("cloudstack_kvm_drop", STRANGER, 8080, "", DROP),
        ("firewalld", PEER, 16514, "", ACCEPT),
        ("firewalld", STRANGER, 16514, "", REJECT),
        ("firewalld", PEER, 49152, "cloudbr0", REJECT),
        ("firewalld", "10.88.0.14", 49152, "lo", ACCEPT),
        ("firewalld", "2001:db8::1", 22, "", UNKNOWN),
        ("setup_agent_el", PEER, 16514, "", ACCEPT),
        ("setup_agent_el", PEER, 8080, "", UNKNOWN),
        ("ufw", PEER, 16514, "", UNKNOWN),
        ("ufw", "10.88.0.14", 16514, "lo", ACCEPT),
    ],
)
def test_rulesets_of_the_field(name, source, port, interface, wanted):
    assert decide(captured(name), Connection(source, port, interface)).verdict == wanted


def test_the_tables_that_the_agent_leaves_empty_decide_nothing():
    assert decide([], Connection(PEER, 16514)) == decide(
        [{"table": {"family": "ip", "name": "filter", "handle": 1}}], Connection(PEER, 16514)
    )
    assert verdict() == ACCEPT


def test_the_rule_that_decided_is_named():
    assert (
        decide([base(DROP), rule(match(DPORT, 16514), ACCEPT)], Connection(PEER, 16514)).evidence
        == "rule 1 of chain inet t input"
    )
    assert decide([base(DROP)], Connection(PEER, 16514)).evidence == "policy drop of chain inet t input"
    assert (
        decide([base(DROP), rule(LIMIT, ACCEPT)], Connection(PEER, 16514)).evidence
        == "rule 1 of chain inet t input: whether limit holds is not known"
    )


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (match(DPORT, 16514), True),
        (match(DPORT, 22), False),
        (match(DPORT, 22, "!="), True),
        (match(DPORT, {"range": [16000, 17000]}), True),
        (match(DPORT, {"set": [22, {"range": [16500, 16520]}]}), True),
        (match(DPORT, 1024, ">="), True),
        (match(DPORT, 1024, "<"), False),
        (match(DPORT, "https"), None),
        (match({"payload": {"protocol": "th", "field": "dport"}}, 16514), True),
        (match({"payload": {"protocol": "udp", "field": "dport"}}, 16514), False),
        (match({"payload": {"protocol": "udp", "field": "dport"}}, 16514, "!="), False),
        (match({"payload": {"protocol": "tcp", "field": "sport"}}, 22), None),
        (match(SADDR, PEER), True),
        (match(SADDR, {"prefix": {"addr": "10.88.0.0", "len": 24}}), True),
        (match(SADDR, {"prefix": {"addr": "10.88.0.0", "len": 24}}, "!="), False),
        (match(SADDR, {"range": ["10.88.0.1", "10.88.0.9"]}), False),
        (match(SADDR, {"set": [STRANGER, {"elem": {"val": PEER, "timeout": 3600}}]}), True),
        (match(SADDR, "@peers"), True),
        (match(SADDR, "@empty"), False),
        (match(SADDR, "@missing"), None),
        (match({"payload": {"protocol": "ip6", "field": "saddr"}}, "::1", "!="), False),
        (match({"concat": [SADDR, DPORT]}, {"set": [{"concat": [PEER, 16514]}]}), True),
        (match({"concat": [SADDR, DPORT]}, {"set": [{"concat": [PEER, 22]}]}), False),
        (match(STATE, ["established", "related"], "in"), False),
        (match(STATE, "new", "in"), True),
        (match(STATE, {"set": ["established", "related"]}, "!="), True),
        (match({"ct": {"key": "status"}}, "dnat", "in"), False),
        (match({"ct": {"key": "mark"}}, 1), None),
        (match({"meta": {"key": "l4proto"}}, {"set": ["tcp", "udp"]}), True),
        (match({"meta": {"key": "l4proto"}}, 6), True),
        (match({"meta": {"key": "l4proto"}}, {"set": ["icmp", "ipv6-icmp"]}), False),
        (match({"meta": {"key": "nfproto"}}, "ipv6"), False),
        (match({"meta": {"key": "mark"}}, 1), None),
        (match(IIFNAME, "lo"), False),
        (match(IIFNAME, "lo", "!="), True),
        (match(IIFNAME, "cloudbr0"), None),
        (match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), True),
        (match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False), None),
        (match(FLAGS, "syn", "in"), True),
        (match({"&": [FLAGS, MASK]}, "syn"), True),
        (match({"&": [FLAGS, MASK]}, "syn", "!="), False),
        (match({"&": [FLAGS, {"|": MASK}]}, "syn"), True),
        (match({"&": [FLAGS, ["syn", "ecn"]]}, "syn"), None),
        (LIMIT, None),
        ({"xt": {"type": "match", "name": "conntrack"}}, None),
        ({"xt": {"type": "match", "name": "comment"}}, True),
        ({"counter": {"packets": 0, "bytes": 0}}, True),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}, True),
    ],
)
def test_conditions(condition, holds):
    sets = [named_set("peers", {"prefix": {"addr": "10.88.0.0", "len": 24}}), named_set("empty")]
    assert verdict(base(DROP), *sets, rule(condition, ACCEPT)) == {True: ACCEPT, False: DROP, None: UNKNOWN}[holds]


def test_the_interface_counts_where_it_is_known():
    rules = [base(DROP), rule(match(IIFNAME, {"set": ["eth*", "cloudbr0"]}), ACCEPT)]
    assert [verdict(*rules, interface=name) for name in ("eth1", "cloudbr0", "lo", "")] == [
        ACCEPT,
        ACCEPT,
        DROP,
        UNKNOWN,
    ]


def test_what_is_not_known_does_not_matter_where_both_ways_end_alike():
    assert verdict(base(ACCEPT), rule(LIMIT, ACCEPT)) == ACCEPT
    assert verdict(base(DROP), rule(LIMIT, {"log": None}), rule(match(DPORT, 22), ACCEPT)) == DROP
    assert verdict(base(ACCEPT), rule({"xt": {"type": "target", "name": "LOG"}})) == ACCEPT


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("accept", ACCEPT),
        ("drop", DROP),
        ({"reject": {"type": "icmpx", "expr": "port-unreachable"}}, REJECT),
        ({"reject": {"type": "icmp", "expr": "port-unreachable"}}, REJECT),
        ({"reject": {"type": "icmpv6", "expr": "port-unreachable"}}, ACCEPT),
        ({"reject": {"type": "tcp reset"}}, UNKNOWN),
        ({"xt": {"type": "target", "name": "REJECT"}}, REJECT),
        ({"xt": {"type": "target", "name": "TARPIT"}}, UNKNOWN),
        ({"xt": None}, UNKNOWN),
        ({"queue": {"num": 1}}, UNKNOWN),
        ({"dnat": {"addr": "10.0.0.1"}}, UNKNOWN),
        ({"nobody": "knows"}, UNKNOWN),
        ({"jump": {"target": "missing"}}, UNKNOWN),
        ("return", ACCEPT),
        ("continue", ACCEPT),
    ],
)
def test_effects(statement, wanted):
    assert verdict(base(ACCEPT), rule(statement)) == wanted


def test_a_reset_is_certain_where_the_rule_names_an_address_family():
    assert verdict(base(ACCEPT), rule(match(SADDR, PEER), {"reject": {"type": "tcp reset"}})) == REJECT


def test_jump_comes_back_and_goto_does_not():
    jumps = [
        base(DROP),
        chain("one"),
        rule(match(DPORT, 22), ACCEPT, chain="one"),
        rule({"jump": {"target": "one"}}),
        rule(ACCEPT),
    ]
    assert verdict(*jumps) == ACCEPT
    leaves = [
        base(DROP),
        chain("one"),
        rule(match(DPORT, 22), ACCEPT, chain="one"),
        rule({"goto": {"target": "one"}}),
        rule(ACCEPT),
    ]
    assert verdict(*leaves) == DROP


def test_return_leaves_the_chain():
    rules = [
        base(DROP),
        chain("one"),
        rule("return", chain="one"),
        rule(ACCEPT, chain="one"),
        rule({"jump": {"target": "one"}}),
    ]
    assert verdict(*rules) == DROP


def test_a_loop_of_jumps_is_not_followed_for_ever():
    assert (
        verdict(
            base(ACCEPT),
            chain("one"),
            rule({"jump": {"target": "one"}}, chain="one"),
            rule({"jump": {"target": "one"}}),
        )
        == UNKNOWN
    )


@pytest.mark.parametrize(
    ("key", "data", "wanted"),
    [
        (DPORT, {"set": [[22, {"accept": None}], [16514, {"accept": None}]]}, ACCEPT),
        (DPORT, {"set": [[22, {"accept": None}]]}, DROP),
        (DPORT, {"set": [[{"range": [16000, 17000]}, {"jump": {"target": "one"}}]]}, ACCEPT),
        (DPORT, "@ports", ACCEPT),
        (
            STATE,
            {
                "set": [
                    ["established", {"accept": None}],
                    ["new", {"jump": {"target": "one"}}],
                    ["invalid", {"drop": None}],
                ]
            },
            ACCEPT,
        ),
        ({"meta": {"key": "mark"}}, {"set": [[1, {"accept": None}]]}, UNKNOWN),
        ({"payload": {"protocol": "udp", "field": "dport"}}, {"set": [["*", {"accept": None}]]}, DROP),
        (DPORT, {"set": ["nonsense"]}, UNKNOWN),
        (DPORT, "@missing", UNKNOWN),
    ],
)
def test_verdict_maps(key, data, wanted):
    rules = [
        base(DROP),
        chain("one"),
        rule(ACCEPT, chain="one"),
        named_set("ports", [16514, {"accept": None}], kind="map"),
    ]
    assert verdict(*rules, rule({"vmap": {"key": key, "data": data}})) == wanted


def test_every_base_chain_must_accept():
    assert verdict(base(ACCEPT), base(DROP, name="late", prio=10)) == DROP
    assert verdict(base(DROP, name="early", prio=-10), base(ACCEPT)) == DROP
    assert verdict(base(DROP, hook="prerouting", name="raw", prio=-300), base(ACCEPT)) == DROP
    assert verdict(base(DROP, hook="forward", name="forward"), base(ACCEPT)) == ACCEPT


def test_the_first_to_close_decides_and_order_within_a_priority_is_nobodys():
    closes = rule({"reject": {"type": "icmpx"}}, chain="early")
    assert verdict(base(ACCEPT, name="early", prio=-1), closes, base(DROP)) == REJECT
    assert verdict(base(ACCEPT, name="early", prio=0), closes, base(DROP)) == DROP


def test_families():
    assert verdict(base(DROP, family="ip6")) == ACCEPT
    assert verdict(base(DROP, family="ip6"), source="2001:db8::1") == DROP
    assert verdict(base(DROP, family="arp")) == ACCEPT
    assert verdict(base(DROP, family="bridge")) == DROP


@pytest.mark.parametrize(
    "ruleset",
    [None, {}, "accept", [1], [{}], [{"rule": None}], [{"chain": {"family": "inet"}}], [{"chain": 5, "rule": 6}]],
)
def test_what_is_no_ruleset_is_unknown(ruleset):
    assert decide(ruleset, Connection(PEER, 16514)).verdict == UNKNOWN


def test_a_source_that_is_no_address_is_unknown():
    assert decide([], Connection("host2", 16514)).verdict == UNKNOWN


WORDS = st.sampled_from(
    [
        *(
            "match",
            "op",
            "left",
            "right",
            "==",
            "in",
            "payload",
            "tcp",
            "dport",
            "set",
            "range",
            "prefix",
            "addr",
            "len",
            "elem",
            "val",
            "concat",
            "&",
            "|",
            "accept",
        ),
        *(
            "drop",
            "jump",
            "goto",
            "target",
            "input",
            "vmap",
            "key",
            "data",
            "meta",
            "ct",
            "state",
            "xt",
            "type",
            "name",
            "@peers",
            "*",
            "10.88.0.12",
            "ip",
            "saddr",
        ),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=6) | WORDS
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=3),
    max_leaves=15,
)
VERDICTS = {ACCEPT, DROP, REJECT, UNKNOWN}


@given(JSON)
def test_garbage_is_never_an_exception(garbage):
    assert decide(garbage, Connection(PEER, 16514)).verdict in VERDICTS


@given(st.lists(JSON, max_size=4), st.sampled_from(["eth0", "", "lo"]))
def test_garbage_in_a_rule_is_never_an_exception(garbage, interface):
    rules = [
        base(DROP),
        named_set("peers", *garbage),
        rule(*garbage),
        *(rule({"match": each}, ACCEPT) for each in garbage),
    ]
    assert decide(rules, Connection(PEER, 16514, interface)).verdict in VERDICTS


@given(st.data())
def test_a_spoilt_ruleset_is_never_an_exception(data):
    """A captured ruleset in which something somewhere was replaced."""
    name = data.draw(st.sampled_from(["cloudstack_kvm_accept", "firewalld", "ufw"]))
    ruleset = captured(name)
    tree: Any = ruleset
    while True:
        key = data.draw(st.sampled_from(list(tree) if isinstance(tree, dict) else list(range(len(tree)))))
        if not isinstance(tree[key], (dict, list)) or not tree[key] or data.draw(st.booleans()):
            break
        tree = tree[key]
    tree[key] = data.draw(JSON)
    assert decide(ruleset, Connection(PEER, 16514)).verdict in VERDICTS


UDP_PORT = {"payload": {"protocol": "udp", "field": "dport"}}


@pytest.mark.parametrize(
    ("ruleset", "wanted"),
    [
        ([base(DROP), rule(match(UDP_PORT, 8472), ACCEPT)], ACCEPT),
        ([base(DROP), rule(match(UDP_PORT, {"set": [4789, 8472]}), ACCEPT)], ACCEPT),
        ([base(DROP), rule(match(DPORT, 8472), ACCEPT)], DROP),  # TCP's
        ([base(DROP), rule(match({"payload": {"protocol": "th", "field": "dport"}}, 8472), ACCEPT)], ACCEPT),
        ([base(), rule(match({"meta": {"key": "l4proto"}}, "udp"), DROP)], DROP),
        ([base(), rule(match({"meta": {"key": "l4proto"}}, 17), DROP)], DROP),
        ([base(), rule(match({"meta": {"key": "l4proto"}}, "tcp"), DROP)], ACCEPT),
        ([base(), rule(match({"payload": {"protocol": "ip", "field": "protocol"}}, "udp"), DROP)], DROP),
        ([base(), rule(match({"&": [FLAGS, MASK]}, "syn"), DROP)], ACCEPT),
        ([base(), rule(match(FLAGS, "syn", "in"), DROP)], ACCEPT),
        ([base(), rule({"reject": {"type": "tcp reset"}})], ACCEPT),
        ([base(DROP), rule(match(STATE, ["established"], "in"), ACCEPT)], DROP),
    ],
)
def test_a_datagram(ruleset, wanted):
    assert decide(ruleset, Connection(PEER, 8472, protocol="udp")).verdict == wanted
