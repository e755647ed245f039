# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a declared network is refused before anything is touched."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bond,
    Bridge,
    Link,
    Network,
    Ovs,
    RoutingRule,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.rules import check


def link(name, kind, mtu=1500, *, up=True, master=None, addresses=(), **more):
    return Link(name, kind, mtu, up, master, tuple(Address(each) for each in addresses), **more)


BARE = {
    "lo": link("lo", "loopback", 65536, addresses=("127.0.0.1/8",)),
    "eth0": link("eth0", "ether", addresses=("10.88.0.11/24",)),
    "eth1": link("eth1", "ether", up=False),
}
MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)


def bridges(*given: Bridge) -> Network:
    return Network(bridges=given)


@pytest.mark.parametrize(
    ("bridge", "says"),
    [
        (Bridge("cloudbr0", "eth7"), "eth7 of cloudbr0 does not exist"),
        (Bridge("cloudbr0", "lan0"), "would not count as physical"),
        (Bridge("cloudbr0", "enp129s0f1"), "too long for VLAN"),
        (Bridge("a-name-that-is-too-long", "eth0"), "bridge name is not usable"),
        (Bridge("cloudbr0", "eth0", 100), "MTU of cloudbr0"),
        (Bridge("cloudbr0", "eth0", 1500, "10.88.0.11"), "do not fit"),
        (Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "192.0.2.1"), "do not fit"),
        (Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.11"), "gateway of cloudbr0 is its own address"),
        (Bridge("cloudbr0", "eth0", 1500, None, "10.88.0.1"), "no static address"),
        (
            Bridge("cloudbr1", "eth1", 1500, "10.88.0.11/24"),
            "address of cloudbr1 stands on eth0, which is not its port",
        ),
        (Bridge("eth1", "eth0"), "exists and is not a bridge"),
    ],
)
def test_what_cannot_work_is_refused(bridge, says):
    with pytest.raises(InputError, match=says):
        check(bridges(bridge), BARE)


def test_one_bridge_has_the_gateway():
    check(bridges(MANAGEMENT, Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24")), BARE)
    with pytest.raises(InputError, match="more than one bridge has a gateway"):
        check(bridges(MANAGEMENT, Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24", "10.88.1.1")), BARE)


def test_two_bridges_with_one_port_are_refused():
    with pytest.raises(InputError, match="declared twice"):
        check(bridges(Bridge("cloudbr0", "eth0"), Bridge("cloudbr1", "eth0")), BARE)


def test_a_bridge_is_no_port():
    with pytest.raises(InputError, match="the port ethbr7 of cloudbr1 is a bridge itself"):
        check(bridges(Bridge("cloudbr1", "ethbr7")), {**BARE, "ethbr7": link("ethbr7", "bridge")})


def test_a_port_of_another_bridge_is_refused():
    with pytest.raises(InputError, match="belongs to br9 already"):
        check(bridges(GUEST), {**BARE, "eth1": link("eth1", "ether", master="br9")})


@pytest.mark.parametrize(
    ("address", "refused"),
    [("10.88.0.11/24", False), ("10.88.0.11/16", False), ("dhcp", False), ("10.88.0.99/24", True), (None, True)],
)
def test_a_lease_is_not_taken_away(address, refused):
    leased = {**BARE, "eth0": Link("eth0", "ether", 1500, True, None, (Address("10.88.0.11/24", dynamic=True),))}
    bridge = Bridge("cloudbr0", "eth0", 1500, address)
    if not refused:
        check(bridges(bridge), leased)
        return
    with pytest.raises(
        InputError, match=r"from a DHCP server.*Observed: 10.88.0.11/24 on eth0.*Next: declare 10.88.0.11/24"
    ):
        check(bridges(bridge), leased)


NICS = {**BARE, "eth2": link("eth2", "ether"), "enp129s0f1": link("enp129s0f1", "ether", mac="52:54:00:00:00:1f")}
BOND = Bond("bond0", ("eth1", "eth2"))
VLAN = Vlan("bond0.100", "bond0", 100)
TAGGED = Bridge("cloudbr0", "bond0.100", 1500, "10.88.1.11/24")
BONDED = {
    **NICS,
    "bond9": link("bond9", "bond"),
    "eth1": link("eth1", "ether", master="bond9"),
}


def test_vlans_on_a_bond_under_bridges_and_beside_one():
    check(Network((BOND,), (VLAN, Vlan("vlan200", "bond0", 200)), (TAGGED, Bridge("cloudbr1", "bond0"))), NICS)
    check(Network(vlans=(Vlan("eth0.100", "eth0", 100),), bridges=(Bridge("cloudbr1", "eth0.100"),)), NICS)


@pytest.mark.parametrize(
    ("network", "links", "says"),
    [
        pytest.param(
            Network((BOND, Bond("bond1", ("eth2",)))),
            NICS,
            "bond bond0 or its port eth2 is declared twice",
            id="a port",
        ),
        pytest.param(
            Network((BOND,), bridges=(Bridge("cloudbr0", "eth1"),)), NICS, "its port eth1 is declared twice", id="below"
        ),
        pytest.param(Network((BOND,), absent=("bond0",)), NICS, "bond0 is declared twice", id="present and absent"),
        pytest.param(Network((Bond("bond0", ()),)), NICS, "bond0 cannot be made.*no ports", id="no ports"),
        pytest.param(
            Network((Bond("bond0", ("eth1", "bond0.7")),), (Vlan("bond0.7", "eth2", 7),)),
            NICS,
            "bond0.7 as a port, which is not a NIC",
            id="a VLAN as a port",
        ),
        pytest.param(
            Network((BOND,), (Vlan("eth1.7", "eth1", 7),)),
            NICS,
            "VLAN device eth1.7 on one of its ports",
            id="a VLAN on a port",
        ),
        pytest.param(
            Network((Bond("bond0", ("eth1",), "active-backup", "fast"),)), NICS, "lacp_rate in mode", id="LACP"
        ),
        pytest.param(
            Network((Bond("bond0", ("eth1",), "active-backup", None, "layer2"),)), NICS, "hash_policy in", id="hash"
        ),
        pytest.param(
            Network((Bond("bond0", ("eth1",), "active-backup", primary="eth2"),)),
            NICS,
            "primary eth2 in mode active-backup with the ports eth1",
            id="primary",
        ),
        pytest.param(
            Network((Bond("bond0", ("eth1", "eth7")),)), NICS, "port eth7 of bond0 does not exist", id="no such port"
        ),
        pytest.param(Network((BOND,)), BONDED, "port eth1 of bond0 belongs to bond9 already", id="of another bond"),
        pytest.param(
            Network(vlans=(Vlan("eth1.7", "eth1", 7),)),
            BONDED,
            "parent eth1 of eth1.7 is a port of the bond bond9",
            id="parent in a bond",
        ),
        pytest.param(
            Network((BOND,), (VLAN, Vlan("vlan7", "bond0.100", 7))),
            NICS,
            "vlan7 lies on bond0.100, a VLAN device.*Next: declare bond0",
            id="a VLAN on a VLAN",
        ),
        pytest.param(
            Network(vlans=(Vlan("cloudbr1.7", "cloudbr1", 7),), bridges=(GUEST,)),
            NICS,
            "cloudbr1.7 lies on cloudbr1, a bridge.*Next: declare eth1",
            id="a VLAN on a bridge",
        ),
        pytest.param(
            Network(vlans=(Vlan("eth1.7", "eth1", 7), Vlan("vlan7", "eth1", 7))),
            NICS,
            "VLAN 7 of eth1 is declared twice.*Observed: eth1.7, vlan7",
            id="a VLAN twice",
        ),
        pytest.param(Network(vlans=(Vlan("eth1.0", "eth1", 0),)), NICS, "1 to 4094", id="VLAN 0"),
        pytest.param(
            Network(vlans=(Vlan("eth1.7", "eth9", 7),)), NICS, "parent eth9 of eth1.7 does not exist", id="no parent"
        ),
        pytest.param(
            Network(vlans=(Vlan("vlan7", "enp129s0f1", 7),), bridges=(Bridge("cloudbr1", "vlan7"),)),
            NICS,
            "port enp129s0f1, the parent of vlan7, of cloudbr1 is too long.*MACAddress=52:54:00:00:00:1f.*em1f",
            id="the name that guest VLANs get is the parent's",
        ),
        pytest.param(
            Network(bridges=(Bridge("cloudbr1", "eth1", stp=True),)), NICS, "forward delay of cloudbr1", id="STP"
        ),
        pytest.param(
            Network(bridges=(Bridge("cloudbr1", "eth1", addresses6=("2001:db8::1",)),)),
            NICS,
            "addresses of cloudbr1 are not usable.*Observed: 2001:db8::1",
            id="IPv6 without prefix",
        ),
        pytest.param(
            Network(bridges=(Bridge("cloudbr1", "eth1", gateway6="2001:db8::1"),)), NICS, "2001:db8::1", id="gateway6"
        ),
        pytest.param(
            Network(bridges=(Bridge("cloudbr1", "eth1", dns=("ns1",)),)), NICS, "Observed: ns1", id="a name server"
        ),
        pytest.param(
            Network(bridges=(Bridge("cloudbr1", "eth1", routes=(StaticRoute("192.0.2.0/24", "10.88.1.1"),)),)),
            NICS,
            "Observed: 192.0.2.0/24 via 10.88.1.1",
            id="a route without an address",
        ),
        pytest.param(
            Network(absent=("eth1",)), NICS, "eth1 is declared with state: absent, and is neither", id="a NIC"
        ),
        pytest.param(
            Network(absent=("bond9",)),
            {
                **BONDED,
                "bond9": link("bond9", "bond", master="br9"),
                "bond9.7": link("bond9.7", "vlan", parent="bond9"),
            },
            "bond9 is declared with state: absent, and something lies on it.*Observed: bond9.7, br9",
            id="something lies on it",
        ),
        pytest.param(
            Network((Bond("bond9", ("eth1",)),)),
            {**BONDED, "bond9": link("bond9", "bond", addresses=("192.0.2.7/24",))},
            "bond9 has an address, and no bridge is declared on it.*Observed: 192.0.2.7/24",
            id="an address that would be lost",
        ),
        pytest.param(
            Network(vlans=(Vlan("bond9.7", "bond9", 7),), absent=("bond9",)), BONDED, "state: absent", id="it is needed"
        ),
    ],
)
def test_layers_that_cannot_work_are_refused(network, links, says):
    with pytest.raises(InputError, match=says):
        check(network, links)


def test_what_goes_gives_its_port_and_its_address_to_what_comes():
    there = {
        **NICS,
        "br9": link("br9", "bridge", addresses=("10.88.1.11/24",)),
        "eth1": link("eth1", "ether", master="br9"),
    }
    check(Network(bridges=(Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24"),), absent=("br9",)), there)
    with pytest.raises(InputError, match="belongs to br9 already.*declare br9 with state: absent"):
        check(bridges(Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24")), there)


def test_ipv6_with_all_that_belongs_to_it():
    whole = Bridge(
        "cloudbr1",
        "eth1",
        addresses6=("2001:db8::11/64",),
        gateway6="2001:db8::1",
        routes=(StaticRoute("2001:db8:9::/48", "2001:db8::2"), StaticRoute("default", "2001:db8::3", 100)),
        rules=(RoutingRule(100, 1000, "2001:db8::/64"),),
        dns=("2001:db8::53", "192.0.2.53"),
    )
    leased = Bridge("cloudbr0", "eth0", 1500, "dhcp", routes=(StaticRoute("192.0.2.0/24", "10.88.0.2"),))
    check(bridges(leased, whole), NICS)


LABELS = [
    {"type": "Management", "label": "cloudbr0"},
    {"type": "Public", "label": "cloudbr1"},
    {"type": "Guest", "label": "eth1"},
]
PUBLIC = Bridge("cloudbr1", "eth2", 1500, "10.88.1.11/24")


@pytest.mark.parametrize(
    ("network", "labels", "says"),
    [
        (bridges(MANAGEMENT, Bridge("cloudbr1", "eth2")), LABELS, ""),
        (bridges(MANAGEMENT, PUBLIC), LABELS, "cloudbr1 carries public traffic and has an address.*10.88.1.11/24"),
        (bridges(MANAGEMENT, PUBLIC), [*LABELS, {"type": "Storage", "label": "cloudbr1"}], ""),
        (bridges(MANAGEMENT), LABELS, "no bridge is declared for the traffic label cloudbr1.*correct cluster_traffic"),
        (Network(), LABELS, ""),
    ],
)
def test_the_labels_of_the_zone(network, labels, says):
    if not says:
        check(network, NICS, labels)
        return
    with pytest.raises(InputError, match=says):
        check(network, NICS, labels)


def switched(port="eth0", name="cloudbr0", address=None, **ovs):
    return Bridge(name, port, 1500, address, ovs=Ovs(**ovs))


@pytest.mark.parametrize(
    ("bridge", "says"),
    [
        (switched("eth7"), "eth7 of cloudbr0 does not exist"),
        (switched("bond9"), "bond9, which is a bond"),
        (switched("bond0", ports=("eth0",), mode="active-backup"), "a bond of eth0 alone"),
        (switched("bond0", ports=("eth0", "eth1"), mode="balance-tcp"), "balance-tcp without LACP"),
        (switched(tag=4095), "tag 4095"),
        (switched(trunks=(4096,)), "trunks 4096"),
        (switched(address="10.88.0.11/24", tag=100, trunks=(200,)), "an address in VLAN 100"),
        (switched(address="10.88.0.11/24", trunks=(200,)), "an address in VLAN 0"),
        (switched(name="eth1"), "eth1 exists and is not a bridge of Open vSwitch"),
    ],
)
def test_what_open_vswitch_cannot_be_is_refused(bridge, says):
    with pytest.raises(InputError, match=says):
        check(bridges(bridge), {**BARE, "bond9": link("bond9", "bond")})


def test_open_vswitch_needs_no_name_that_the_agent_takes_for_physical():
    check(bridges(switched("enp129s0f1np1", trunks=(0, 200), address="10.99.0.11/24")), {
        **BARE, "enp129s0f1np1": link("enp129s0f1np1", "ether")
    })  # fmt: skip


def test_a_vlan_device_under_open_vswitch_is_refused():
    network = Network(vlans=(Vlan("eth0.7", "eth0", 7),), bridges=(switched(),))
    with pytest.raises(InputError, match=r"VLAN device eth0\.7 on its port"):
        check(network, BARE)


LABELS = [{"type": "Management", "label": "cloudbr0"}, {"type": "Guest", "label": "cloudbr1"}]


@pytest.mark.parametrize(
    ("network", "links"),
    [
        (bridges(switched(), GUEST), BARE),
        (bridges(switched()), {**BARE, "cloudbr1": link("cloudbr1", "bridge")}),
        (bridges(GUEST), {**BARE, "cloudbr0": link("cloudbr0", "openvswitch")}),
    ],
)
def test_labels_of_two_kinds_are_refused(network, links):
    with pytest.raises(InputError, match="traffic labels are of both kinds, Open vSwitch and Linux"):
        check(network, links, LABELS)


def test_what_is_no_label_may_be_of_another_kind():
    check(bridges(switched(), Bridge("storage", "eth1")), BARE, LABELS[:1])
