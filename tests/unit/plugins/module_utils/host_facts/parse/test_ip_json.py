# SPDX-License-Identifier: GPL-3.0-or-later
"""`ip -j` into interfaces, bridges and routes."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ip_json import (
    default_device,
    find_bridges,
    parse_interfaces,
    parse_multicast,
    parse_routes,
    parse_rules,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


def test_interfaces_of_a_joined_host():
    links = {link["name"]: link for link in parse_interfaces(text("ip_addr/debian12_joined.json"))}
    assert sorted(links) == ["cloud0", "cloudbr0", "cloudbr1", "eth0", "eth1", "eth2", "lo"]
    assert links["eth0"]["master"] == "cloudbr0"
    assert links["eth0"]["carrier"] is True
    assert links["eth0"]["mtu"] == 9000
    assert links["eth1"]["addresses"] == ["10.88.1.11/24", "fe80::5054:ff:fe88:101/64"]


def test_a_lease_is_told_from_an_address_that_stays():
    lease = {"family": "inet", "local": "10.0.0.2", "prefixlen": 24, "dynamic": True}
    others = [
        {"family": "inet", "local": "10.0.0.3", "prefixlen": 24},
        {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64, "dynamic": True},
    ]
    link = parse_interfaces(json.dumps([{"ifname": "a", "addr_info": [lease, *others]}]))[0]
    assert link["addresses"] == ["10.0.0.2/24", "10.0.0.3/24", "2001:db8::1/64"]
    assert link["dynamic"] == ["10.0.0.2/24"]


def test_bridges_of_a_joined_host():
    bridges = find_bridges(parse_interfaces(text("ip_link/debian12_joined.json")))
    assert bridges == {
        "cloud0": {"ports": [], "mtu": 1500, "addresses": [], "stp": False},
        "cloudbr0": {"ports": ["eth0"], "mtu": 9000, "addresses": [], "stp": False},
        "cloudbr1": {"ports": ["eth2"], "mtu": 9000, "addresses": [], "stp": False},
    }


def test_a_vlan_has_its_number_and_parent():
    entry = {"ifname": "bond0.100", "link": "bond0", "linkinfo": {"info_kind": "vlan", "info_data": {"id": 100}}}
    [link] = parse_interfaces(json.dumps([entry]))
    assert (link["kind"], link["vlan_id"], link["parent"]) == ("vlan", 100, "bond0")


def member(name, **data):
    return {
        "ifname": name,
        "link_type": "ether",
        "master": "bond0",
        "address": "02:00:00:00:00:01",
        "linkinfo": {"info_slave_data": data},
    }


def test_a_bond_has_its_mode_and_members():
    """As iproute2 prints it (ip/iplink_bond.c, iplink_bond_slave.c); the machine that the fixtures come from has no
    bonding module."""
    bond = {
        "ifname": "bond0",
        "link_type": "ether",
        "linkinfo": {"info_kind": "bond", "info_data": {"mode": "active-backup", "active_slave": "eth1"}},
    }
    legs = [
        member("eth1", mii_status="UP", perm_hwaddr="02:00:00:00:00:02"),
        {**member("eth0", mii_status="DOWN"), "flags": ["LOWER_UP"]},
    ]
    links = {link["name"]: link for link in parse_interfaces(json.dumps([bond, *legs]))}
    assert links["bond0"]["bond"] == {
        "mode": "active-backup",
        "active": "eth1",
        "members": [{"name": "eth0", "up": False}, {"name": "eth1", "up": True}],
    }
    assert links["eth0"]["bond"] is None
    assert links["bond0"]["permanent_mac"] is None
    assert links["eth1"]["permanent_mac"] == "02:00:00:00:00:02"


def test_a_permanent_mac_is_told_where_it_differs():
    entries = [
        {"ifname": "eth0", "link_type": "ether", "address": "a", "permaddr": "b"},
        {"ifname": "eth1", "link_type": "ether", "address": "c"},
    ]
    assert [link["permanent_mac"] for link in parse_interfaces(json.dumps(entries))] == ["b", "c"]


def test_routes_of_a_joined_host():
    routes = parse_routes(text("ip_route/debian12_joined.json"))
    assert default_device(routes) == "cloudbr0"
    assert {
        "destination": "10.88.1.0/24",
        "gateway": None,
        "device": "eth1",
        "source": "10.88.1.11",
        "metric": None,
        "nexthops": [],
    } in routes


def test_a_route_with_several_next_hops_and_one_by_ipv6():
    routes = parse_routes(text("ip_route/multipath.json"))
    assert routes[0]["device"] is None
    assert routes[0]["nexthops"] == [
        {"gateway": "10.9.0.2", "device": "cloudbr1"},
        {"gateway": "10.8.0.2", "device": "eth2"},
    ]
    assert routes[1]["gateway"] == "fe80::1"
    assert default_device(routes) == "cloudbr1"


def test_two_default_routes_of_one_metric():
    routes = parse_routes(text("ip_route/two_defaults.json"))
    assert [route["device"] for route in routes if route["destination"] == "default"] == ["cloudbr1", "eth2"]


def test_rules_beside_those_of_every_host():
    assert parse_rules(text("ip_rule/plain.json")) == []
    assert parse_rules(text("ip_rule/policy.json")) == [
        {"priority": 50, "text": "from all to 10.7.0.0/16 iif lo lookup main"},
        {"priority": 60, "text": "not from 10.8.0.0/24 uid_start 0 lookup 7"},
        {"priority": 70, "text": "from all lookup main"},
        {"priority": 100, "text": "from 10.9.0.0/24 lookup 100"},
        {"priority": 101, "text": "from all fwmark 0x1 lookup 101"},
    ]


@pytest.mark.parametrize(("groups", "heard"), [("querier_heard", True), ("no_querier", False)])
def test_multicast_of_bridges(groups, heard):
    found = parse_multicast(text("ip_addr/bridge_multicast.json"), text(f"bridge_mdb/{groups}.json"))
    assert found == {
        "cloudbr1": {"snooping": True, "querier": False, "querier_heard": heard},
        "cloudbr2": {"snooping": False, "querier": False, "querier_heard": False},
    }


def test_multicast_of_an_old_kernel_is_not_known():
    links = '[{"ifname":"cloudbr1","linkinfo":{"info_kind":"bridge"}}]'
    assert parse_multicast(links, "")["cloudbr1"] == {"snooping": None, "querier": None, "querier_heard": False}


def test_the_default_route_with_the_lowest_metric():
    routes = parse_routes('[{"dst":"default","dev":"b","metric":200},{"dst":"default","dev":"a","metric":100}]')
    assert default_device(routes) == "a"
    assert default_device([]) is None


@pytest.mark.parametrize(
    "content", ["{", "null", "{}", "[1]", 'Option "-j" is unknown, try "ip -help".', "[" * 100_000]
)
def test_what_is_no_list_of_objects(content):
    for parse in (parse_interfaces, parse_routes, parse_rules):
        with pytest.raises(ParseError):
            parse(content)


def test_nothing_to_list():
    assert parse_routes("\n") == []


KEYS = [
    "ifname",
    "linkinfo",
    "info_kind",
    "info_data",
    "addr_info",
    "flags",
    "dst",
    "metric",
    "local",
    "prefixlen",
    "master",
    "info_slave_data",
    "mii_status",
]
SCALARS = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.sampled_from(["bridge", "bond", "vlan", "default"])
)
INNER = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from(KEYS), SCALARS, max_size=3))
VALUES = st.one_of(INNER, st.lists(INNER, max_size=2), st.dictionaries(st.sampled_from(KEYS), INNER, max_size=3))
LINKS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), max_size=4)


@given(st.one_of(st.text(), VALUES.map(json.dumps), LINKS.map(json.dumps)))
def test_garbage_is_a_value_or_a_parse_error(content):
    try:
        find_bridges(parse_interfaces(content))
        default_device(parse_routes(content))
        parse_rules(content)
        parse_multicast(content, content)
    except ParseError as error:
        assert "ip -j" in str(error) or "bridge -j" in str(error)
