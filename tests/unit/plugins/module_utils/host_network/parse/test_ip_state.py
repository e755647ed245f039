# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and routes with all that is needed to make them again, from what ip (iproute2 6.1) printed in a namespace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Address, RoutingRule, State
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.ip_state import (
    parse_links,
    parse_macs,
    parse_routes,
    parse_rules,
    without_prefix_routes,
)

CAPTURED = json.loads((Path(__file__).parents[5] / "fixtures" / "ip_state" / "bridge_and_card.json").read_text())
LINKS = parse_links(json.dumps(CAPTURED["address"]))
ROUTES = parse_routes(json.dumps(CAPTURED["routes4"]), 4) + parse_routes(json.dumps(CAPTURED["routes6"]), 6)


def test_links():
    assert (LINKS["cloudbr0"].kind, LINKS["eth1"].master, LINKS["p0"].parent) == ("bridge", "cloudbr0", "eth0")
    assert dict(LINKS["cloudbr0"].options)["forward_delay"] == "0"
    assert dict(LINKS["cloudbr0"].options)["mcast_querier"] == "0"
    assert LINKS["eth0"].options == ()


def test_addresses_with_their_options_but_not_those_that_the_kernel_gives():
    lease, second, six = LINKS["eth0"].addresses
    assert lease == Address("10.88.0.11/24", ("scope", "global", "label", "eth0"), True)
    assert [int(each) // 10 for each in lease.lifetimes] == [359, 179]
    assert second == Address("10.99.0.7/32", ("peer", "10.99.0.8/32", "scope", "global", "label", "eth0:7"))
    assert six == Address("2001:db8::11/64", ("scope", "global"))
    assert (LINKS["eth0"].ipv4, LINKS["eth0"].leased) == (("10.88.0.11/24", "10.99.0.7/32"), ("10.88.0.11/24",))


def test_routes_as_words_of_ip_route_add():
    assert sorted(" ".join(route.words) for route in ROUTES) == [
        "192.0.2.0/24 nexthop via 10.88.0.2 dev eth0 weight 1 nexthop via 10.88.0.3 dev eth0 weight 2",
        "198.51.100.0/24 via 10.88.0.2 dev eth0 proto static src 10.88.0.11 metric 50 mtu 1400",
        "2001:db8:9::/48 via 2001:db8::1 dev eth0 metric 1024",
        "blackhole 203.0.113.128/25 table 77",
        "default via 10.88.0.1 dev eth0 onlink",
    ]


def test_gateways():
    assert State(LINKS, tuple(ROUTES)).gateways == {"eth0": "10.88.0.1"}


def test_a_route_that_could_not_be_set_again_says_so():
    (route,) = parse_routes(json.dumps([{"dst": "default", "encap": "mpls", "dev": "eth0"}]), 4)
    assert route.unknown == ("encap",)
    assert [each for each in ROUTES if each.unknown] == []


def test_another_program_is_not_guessed_at():
    with pytest.raises(ParseError, match="not a list of objects"):
        parse_routes('{"dst": "default"}', 4)


def test_nothing_at_all_is_no_route():
    assert parse_routes("", 6) == []


def _bond(**data):
    return {"ifname": "bond0", "link_type": "ether", "linkinfo": {"info_kind": "bond", "info_data": data}}


# As iproute2 6.1 prints them (print_opt of iplink_bond.c and iplink_vlan.c); this kernel has neither module.
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (
            {"mode": "802.3ad", "miimon": 100, "updelay": 0, "xmit_hash_policy": "layer3+4", "ad_lacp_rate": "fast"},
            {"mode": "802.3ad", "miimon": "100", "xmit_hash_policy": "layer3+4", "lacp_rate": "fast"},
        ),
        (
            {"mode": "active-backup", "primary": "eth0", "ad_lacp_rate": "slow", "min_links": 0, "resend_igmp": 1},
            {"mode": "active-backup", "primary": "eth0", "resend_igmp": "1"},
        ),
    ],
)
def test_a_bond_has_the_options_that_it_could_be_made_with(data, options):
    assert dict(parse_links(json.dumps([_bond(**data)]))["bond0"].options) == options


# Made by `ip link add`, and shown by `ip -j -d link`, on a kernel 6.1 with a port in each.
MADE = json.loads((Path(__file__).parents[5] / "fixtures" / "ip_state" / "bonds_of_each_mode.json").read_text())
ALWAYS = {
    *("mode", "xmit_hash_policy", "ad_select", "primary_reselect", "fail_over_mac"),
    *("resend_igmp", "num_grat_arp", "lp_interval"),
}
OF_MODE = {
    "balance-rr": {"packets_per_slave"},
    "802.3ad": {"lacp_rate", "ad_actor_sys_prio", "ad_user_port_key"},
    "balance-tlb": {"tlb_dynamic_lb"},
}
BY_ARP = {"arp_all_targets", "arp_missed_max"}


@pytest.mark.parametrize("bond", MADE, ids=[each["made_with"] for each in MADE])
def test_a_bond_of_each_mode_is_made_again_with_all_that_it_was_made_with_and_nothing_of_another_mode(bond):
    """All of these were deleted, made with these options, and shown the same again."""
    words = bond["made_with"].split()
    wanted = dict(zip(words[::2], words[1::2]))
    options = dict(parse_links(json.dumps([_bond(**bond["shown"])]))["bond0"].options)
    assert {key: options.get(key) for key in wanted} == wanted
    by_itself = {"miimon"} if wanted["mode"] in ("802.3ad", "balance-tlb", "balance-alb") else set()
    by_itself |= BY_ARP if "arp_interval" in wanted else set()
    assert set(options) == {*wanted, *ALWAYS, *OF_MODE.get(wanted["mode"], ()), *by_itself}


def test_a_vlan_device():
    data = {"protocol": "802.1Q", "id": 100, "flags": ["REORDER_HDR"]}
    entry = {"ifname": "eth0.100", "link": "eth0", "linkinfo": {"info_kind": "vlan", "info_data": data}}
    found = parse_links(json.dumps([entry]))["eth0.100"]
    assert (found.kind, found.parent, dict(found.options)) == ("vlan", "eth0", {"protocol": "802.1Q", "id": "100"})


def test_rules_that_go_by_addresses_alone():
    entries = [
        {"priority": 0, "src": "all", "table": "local"},
        {"priority": 100, "src": "192.0.2.0", "srclen": 24, "table": "100"},
        {"priority": 101, "src": "all", "dst": "198.51.100.7", "table": "100"},
        {"priority": 102, "src": "all", "fwmark": "0x1", "table": "100"},
    ]
    assert parse_rules(json.dumps(entries), 4) == [
        RoutingRule(100, 100, "192.0.2.0/24"),
        RoutingRule(100, 101, None, "198.51.100.7/32"),
    ]


def test_cards_have_their_own_mac_also_in_a_bond():
    card = {"ifname": "eth1", "link_type": "ether", "address": "02:00:00:00:00:01", "permaddr": "02:00:00:00:00:0B"}
    loopback = {"ifname": "lo", "link_type": "loopback", "address": "00:00:00:00:00:00"}
    assert parse_macs(json.dumps([loopback, card, _bond(mode="802.3ad")])) == {"eth1": "02:00:00:00:00:0b"}


# NetworkManager 1.42.4 on Debian 12: the route to the subnet is its own, whatever it says of the kernel.
MANAGED = [
    {"type": "unicast", "dst": "192.0.2.0/24", "dev": "eth0", "protocol": "kernel", "scope": "link", "metric": 100},
    {"type": "unicast", "dst": "fe80::/64", "dev": "eth0", "protocol": "kernel", "metric": 1024},
    {"type": "local", "dst": "192.0.2.11", "dev": "eth0", "table": "local", "protocol": "kernel"},
    {"type": "unicast", "dst": "198.51.100.0/24", "dev": "eth1", "protocol": "kernel", "scope": "link"},
]


def test_a_route_that_does_not_come_with_its_address_is_kept():
    def shown(name, **flags):
        info = {"family": "inet", "local": "192.0.2.11", "prefixlen": 24, "scope": "global", **flags}
        return {"ifname": name, "flags": ["UP"], "addr_info": [info]}

    links = parse_links(json.dumps([shown("eth0", noprefixroute=True), shown("eth1")]))
    assert without_prefix_routes(links) == {"eth0"}
    (route,) = parse_routes(json.dumps(MANAGED), 4, {"eth0"})
    assert " ".join(route.words) == "192.0.2.0/24 dev eth0 proto kernel scope link metric 100"
    assert parse_routes(json.dumps(MANAGED), 4) == []
