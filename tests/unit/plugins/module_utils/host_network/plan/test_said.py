# SPDX-License-Identifier: GPL-3.0-or-later
"""What files say already stays there; what somebody wrote of a port goes to the bridge, or is refused; and what shall
go is taken out of whichever file has it. The same with each back end."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bond,
    Bridge,
    Link,
    Network,
    RoutingRule,
    State,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import (
    ifupdown,
    netplan,
    networkd,
    networkmanager,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.adopt import adopt
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


# A bond that an operator wrote: what is said of it -> its mode.
MODE_SAID = {
    "ifupdown": {
        "bond-miimon 100": "balance-rr",
        "bond-mode 6": "balance-alb",
        "bond-mode broadcast": "broadcast",
        "bond-mode 1;bond-primary eth0;bond-arp-interval 200;bond-arp-ip-target 192.0.2.1": "active-backup",
    },
    "netplan": {
        "mii-monitor-interval: 200": "balance-rr",
        "mode: balance-rr;packets-per-slave: 4;arp-interval: 200;arp-ip-targets: [192.0.2.1]": "balance-rr",
        "mode: balance-alb": "balance-alb",
        "mode: active-backup;primary: eth0;arp-interval: 200;arp-ip-targets: [192.0.2.1]": "active-backup",
    },
    "networkd": {
        "MIIMonitorSec=100ms": "balance-rr",
        "Mode=balance-tlb;DynamicTransmitLoadBalancing=no": "balance-tlb",
        "Mode=balance-rr;PacketsPerSlave=4": "balance-rr",
        "Mode=active-backup;ARPIntervalSec=200ms;ARPIPTargets=192.0.2.1;ARPValidate=all": "active-backup",
    },
    "networkmanager": {
        "miimon=100": "balance-rr",
        "mode=5;tlb_dynamic_lb=0": "balance-tlb",
        "mode=0;packets_per_slave=4;arp_interval=200;arp_ip_target=192.0.2.1": "balance-rr",
        "mode=active-backup;primary=eth0;arp_interval=200;arp_ip_target=192.0.2.1": "active-backup",
    },
}
ALL = {"ifupdown": ifupdown, **PLANS}
OF_OTHER_MODES = re.compile(r"arp|primary|packets|dynamic|\b192[.]0[.]2[.]1\b(?!/)", re.I)
WATCHED = re.compile(r"miimon|mii-monitor-interval", re.I)


def bonded(name, said):
    """The files of a host with the bond bond0 of eth0 and eth1."""
    folder, profiles = "/etc/systemd/network", "/etc/NetworkManager/system-connections"
    lines = said.split(";")
    if name == "ifupdown":
        rows = "".join(f"    {each}\n" for each in ("bond-slaves eth0 eth1", *lines))
        return {"/etc/network/interfaces": f"auto bond0\niface bond0 inet static\n    address 192.0.2.11/24\n{rows}"}
    if name == "netplan":
        head = "network:\n  bonds:\n    bond0:\n      interfaces: [eth0, eth1]\n      addresses: [192.0.2.11/24]\n"
        rows = "".join(f"        {each}\n" for each in lines)
        cards = "  ethernets:\n    eth0: {}\n    eth1: {}\n"
        return {"/etc/netplan/10-bond.yaml": f"{head}      parameters:\n{rows}{cards}"}
    rows = "".join(f"{each}\n" for each in lines)
    if name == "networkd":
        return {
            f"{folder}/20-bond.netdev": f"[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\n{rows}",
            f"{folder}/20-bond.network": "[Match]\nName=bond0\n\n[Network]\nAddress=192.0.2.11/24\n",
            f"{folder}/30-ports.network": "[Match]\nName=eth0 eth1\n\n[Network]\nBond=bond0\n",
        }
    head = "[connection]\nid={0}\nuuid={0}\ntype={1}\ninterface-name={0}\n"
    ports = {
        f"{profiles}/{each}.nmconnection": f"{head.format(each, 'ethernet')}master=bond0\nslave-type=bond\n"
        for each in BOND.ports
    }
    address = "[ipv4]\nmethod=manual\naddress1=192.0.2.11/24\n"
    return {**ports, f"{profiles}/bond0.nmconnection": f"{head.format('bond0', 'bond')}\n[bond]\n{rows}\n{address}"}


@pytest.mark.parametrize(
    ("name", "said", "mode"), [(name, said, mode) for name, rows in MODE_SAID.items() for said, mode in rows.items()]
)
def test_a_bond_of_any_mode_is_declared_anew_without_what_its_new_mode_has_no_use_for(name, said, mode):
    """The kernel refuses a bond that is made with an option of another mode. ARP or carrier, one of them is watched."""
    plan, files = ALL[name], bonded(name, said)
    network = replace(ON_BOND, bridges=(replace(ON_BOND.bridges[0], gateway=None, dns=()),))
    assert [(each.mode, each.ports) for each in plan.declared(files).bonds] == [(mode, BOND.ports)]
    new = plan.render(network, files) if plan is ifupdown else plan.render(network, files, {})
    after = {**files, **new}
    assert plan.declared(after).bonds == (BOND,)
    written = [text for path, text in new.items() if not path.endswith(".network")]
    assert OF_OTHER_MODES.findall("".join(written)) == []
    assert len(WATCHED.findall("".join(written))) == 1
    if mode == "active-backup":
        return
    link = Link("bond0", "bond", 1500, True, None, options=(("mode", mode),))
    ports = {each: Link(each, "ether", 1500, True, "bond0") for each in BOND.ports}
    adopted = adopt(plan.declared(files), State({**ports, "bond0": link}))
    assert (adopted.config, len(adopted.notes)) == ({}, 1)
    assert adopted.notes[0].startswith(f"bond0: a bond of the mode {mode}; declared are 802.3ad, ")


@pytest.mark.parametrize("name", PLANS)
def test_a_bond_that_keeps_its_mode_goes_on_watching_by_arp_alone(name):
    plan, jumbo = PLANS[name], Bond("bond0", ("eth0", "eth1"), "active-backup", mtu=9000)
    files = bonded(name, next(said for said, mode in MODE_SAID[name].items() if mode == "active-backup"))
    network = Network((jumbo,), (), (Bridge("cloudbr0", "bond0", 9000, "192.0.2.11/24"),))
    written = "".join(text for path, text in plan.render(network, files, {}).items() if not path.endswith(".network"))
    assert "9000" in written
    assert len(OF_OTHER_MODES.findall(written)) >= 2
    assert WATCHED.findall(written) == []


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        (
            "networkd",
            "20-vlan.netdev",
            "[NetDev]\nName=eth0.7\nKind=vlan\n\n[VLAN]\nId=7\nProtocol=802.1ad\nGVRP=yes\n",
        ),
        (
            "networkmanager",
            "eth0.7.nmconnection",
            "[connection]\nid=1\nuuid=1\ntype=vlan\ninterface-name=eth0.7\n\n[vlan]\nid=7\nparent=eth0\n"
            "protocol=802.1ad\nflags=3\n",
        ),
    ],
)
def test_an_outer_tag_becomes_the_one_that_is_declared(name, path, text):
    plan = ALL[name]
    files = {f"{plan.FOLDER}/{path}": text}
    if name == "networkd":
        files[f"{plan.FOLDER}/10-eth0.network"] = "[Match]\nName=eth0\n\n[Network]\nVLAN=eth0.7\n"
    assert plan.declared(files).vlans == (Vlan("eth0.7", "eth0", 7, protocol="802.1ad"),)
    new = plan.render(Network(vlans=(Vlan("eth0.7", "eth0", 7),)), files, {})
    assert plan.declared({**files, **new}).vlans == (Vlan("eth0.7", "eth0", 7),)
    assert any(word in each for each in new.values() for word in ("GVRP=yes", "flags=3")), "what else was said stays"


def test_what_another_program_writes_is_not_taken_out():
    files = {"/run/systemd/network/10-x.netdev": "[NetDev]\nName=cloudbr9\nKind=bridge\n"}
    with pytest.raises(InputError, match="/run/systemd/network/10-x.netdev configures cloudbr9, which is to go"):
        networkd.render(Network(absent=("cloudbr9",)), files, {})
