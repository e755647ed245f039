# SPDX-License-Identifier: GPL-3.0-or-later
"""What files say already stays there; what somebody wrote of a port goes to the bridge, or is refused; and what shall
go is taken out of whichever file has it. The same with each back end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bond,
    Bridge,
    Network,
    RoutingRule,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import netplan, networkd, networkmanager
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import left_alone, says

BOND = Bond("bond0", ("eth0", "eth1"), "802.3ad", "fast", "layer3+4")
TAGGED = Vlan("bond0.7", "bond0", 7)
BRIDGE = Bridge("cloudbr0", "bond0.7", 1500, "192.0.2.11/24", "192.0.2.1", dns=("192.0.2.53",))
WHOLE = Network((BOND,), (TAGGED,), (BRIDGE,))
ROUTES = (StaticRoute("198.51.100.0/24", "192.0.2.2"), StaticRoute("default", "192.0.2.3", 100))


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        (BOND, BOND, True),
        (BOND, replace(BOND, ports=("eth1", "eth0")), True),
        (BOND, replace(BOND, lacp_rate=None, hash_policy=None), True),
        (BOND, replace(BOND, lacp_rate="slow"), False),
        (BOND, replace(BOND, mode="balance-xor", lacp_rate=None), False),
        (BOND, TAGGED, False),
        (None, TAGGED, False),
        (TAGGED, replace(TAGGED, mtu=9000), False),
        (BRIDGE, replace(BRIDGE, dns=()), True),
        (BRIDGE, replace(BRIDGE, dns=("192.0.2.54",)), False),
        (BRIDGE, replace(BRIDGE, gateway=None), False),
        (BRIDGE, replace(BRIDGE, address=None), False),
        (BRIDGE, replace(BRIDGE, forward_delay=4), True),
        (BRIDGE, replace(BRIDGE, stp=True), False),
        (BRIDGE, replace(BRIDGE, multicast_querier=True), False),
        (replace(BRIDGE, multicast_querier=True), BRIDGE, False),
        (replace(BRIDGE, routes=ROUTES), replace(BRIDGE, routes=ROUTES[::-1]), True),
        (replace(BRIDGE, routes=ROUTES), replace(BRIDGE, routes=ROUTES[:1]), False),
        (
            replace(BRIDGE, rules=(RoutingRule(100, 9, "192.0.2.5"),)),
            replace(BRIDGE, rules=(RoutingRule(100, 9, "192.0.2.5/32"),)),
            True,
        ),
        (replace(BRIDGE, addresses6=("2001:DB8::1/64",)), replace(BRIDGE, addresses6=("2001:db8::1/64",)), True),
    ],
)
def test_files_say_what_is_declared(found, wanted, same):
    assert says(found, wanted) == same


@pytest.mark.parametrize(
    ("found", "own", "alone"),
    [
        (WHOLE, (), {"eth0", "eth1", "bond0", "bond0.7", "cloudbr0"}),
        (WHOLE, ("cloudbr0",), set()),
        (WHOLE, ("bond0",), {"bond0.7", "cloudbr0"}),
        (replace(WHOLE, bridges=()), (), set()),
        (Network(), (), set()),
    ],
)
def test_what_lies_under_something_new_is_written_with_it(found, own, alone):
    assert left_alone(WHOLE, found, own) == alone


PLANS = {"netplan": netplan, "networkd": networkd, "networkmanager": networkmanager}
CARDS = {
    "netplan": {
        "/etc/netplan/10-cards.yaml": "network:\n  ethernets:\n    eth0:\n      addresses: [192.0.2.11/24]\n"
        "      routes:\n        - {to: default, via: 192.0.2.1}\n    eth9: {}\n"
    },
    "networkd": {
        "/etc/systemd/network/10-eth0.network": "[Match]\nName=eth0\n[Network]\nAddress=192.0.2.11/24\n"
        "Gateway=192.0.2.1\n"
    },
    "networkmanager": {
        "/etc/NetworkManager/system-connections/eth0.nmconnection": "[connection]\nid=eth0\nuuid=1\ntype=ethernet\n"
        "interface-name=eth0\n\n[ipv4]\nmethod=manual\naddress1=192.0.2.11/24,192.0.2.1\n"
    },
}
ON_BOND = Network((BOND,), (), (replace(BRIDGE, port="bond0"),))


@pytest.mark.parametrize("network", [WHOLE, ON_BOND])
@pytest.mark.parametrize("name", PLANS)
def test_the_address_of_a_card_goes_to_the_bridge_over_its_bond(name, network):
    plan, cards = PLANS[name], CARDS[name]
    new = plan.render(network, cards, {})
    found = plan.declared({**cards, **new}).devices
    assert [each for each in network.devices.values() if not says(found.get(each.name), each)] == []
    assert sum("192.0.2.11/24" in text for text in new.values()) == 1
    assert plan.render(network, {**cards, **new}, {}) == {}


@pytest.mark.parametrize("network", [Network((BOND,)), replace(WHOLE, bridges=(replace(BRIDGE, address=None),))])
@pytest.mark.parametrize("name", PLANS)
def test_an_address_that_nothing_takes_over_is_not_lost(name, network):
    with pytest.raises(
        InputError, match=r"eth0, a port of bond0, has addresses.*nothing was changed.*192[.]0[.]2[.]11"
    ):
        PLANS[name].render(network, CARDS[name], {})


@pytest.mark.parametrize("name", PLANS)
def test_what_shall_go_is_taken_out_of_files_that_others_wrote(name):
    plan = PLANS[name]
    rendered = {**CARDS[name], **plan.render(WHOLE, CARDS[name], {})}
    files = {path.replace("cloudstack-kvm", "site").replace("/00-", "/05-"): text for path, text in rendered.items()}
    gone = replace(WHOLE, vlans=(), bridges=(), absent=("cloudbr0", "bond0.7"))
    after = {path: text for path, text in {**files, **plan.render(gone, files, {})}.items() if text}
    assert sorted(plan.declared(after).devices) == ["bond0"]
    assert "bond0.7" not in "".join(after.values())
    assert plan.render(gone, after, {}) == {}


def test_what_another_program_writes_is_not_taken_out():
    files = {"/run/systemd/network/10-x.netdev": "[NetDev]\nName=cloudbr9\nKind=bridge\n"}
    with pytest.raises(InputError, match="/run/systemd/network/10-x.netdev configures cloudbr9, which is to go"):
        networkd.render(Network(absent=("cloudbr9",)), files, {})
