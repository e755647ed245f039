# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared bridges as files of ifupdown, and back; what a stanza would lose is refused."""

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
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ifupdown import (
    FOLDER,
    MAIN_FILE,
    OWN_FILE,
    declared,
    render,
)
from hypothesis import given
from hypothesis import strategies as st

MAIN = "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    address 10.88.0.11/24\n"
MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)


def network(*bridges: Bridge) -> Network:
    return Network(bridges=bridges)


def test_the_stanza_of_the_port_moves_to_the_own_file():
    files = render(network(MANAGEMENT, GUEST), {MAIN_FILE: MAIN})
    assert files[MAIN_FILE] == "auto lo\niface lo inet loopback\n\nsource /etc/network/interfaces.d/*\n"
    own = files[OWN_FILE].splitlines()
    for line in (
        "iface cloudbr0 inet static",
        "    gateway 10.88.0.1",
        "    bridge_ports eth1",
        "    mtu 9000",
        "iface eth0 inet manual",
    ):
        assert line in own


def test_nothing_to_declare_touches_no_file():
    assert render(Network(), {MAIN_FILE: MAIN}) == {}


ADDRESSES = st.sampled_from([None, "dhcp", "10.88.0.11/24", "192.0.2.7/31"])
BRIDGES = st.builds(Bridge, st.just("x"), st.just("y"), st.integers(576, 65535), ADDRESSES)


@given(
    st.lists(BRIDGES, min_size=1, max_size=4),
    st.sampled_from(["", MAIN, "source-directory /etc/network/interfaces.d\n"]),
)
def test_what_is_rendered_is_read_back_and_rendered_no_more(bridges, main):
    named = [Bridge(f"cloudbr{number}", f"eth{number}", each.mtu, each.address) for number, each in enumerate(bridges)]
    files = {MAIN_FILE: main, **render(network(*named), {MAIN_FILE: main})}
    assert declared(files) == network(*named)
    assert render(network(*named), files) == {}


CLOUD_INIT = f"{FOLDER}/50-cloud-init"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n", "Observed: iface eth0 inet dhcp"),
        ("iface cloudbr0 inet manual\n", "Observed: iface cloudbr0 inet manual"),
        ("auto lo\niface lo inet loopback\nauto eth9\niface eth9 inet dhcp\n", ""),
    ],
)
def test_a_port_that_another_file_configures_is_refused(text, says):
    files = {MAIN_FILE: MAIN, CLOUD_INIT: text}
    if not says:
        assert render(network(MANAGEMENT), files)
        return
    with pytest.raises(
        InputError,
        match=f"^{CLOUD_INIT} configures (eth0, the port of )?cloudbr0.*{says}.*99-disable-network-config.cfg",
    ):
        render(network(MANAGEMENT), files)


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        (
            "iface eth0 inet static\n address 10.88.0.11\n netmask 255.255.255.0\n broadcast +\n"
            " gateway 10.88.0.1\n mtu 1500\n",
            "",
        ),
        ("iface eth0 inet dhcp\n", ""),
        ("iface eth0 inet6 manual\n", ""),
        ("iface cloudbr0 inet dhcp\n bridge-ports eth0\n bridge-stp off\n bridge_fd 5\n", ""),
        ("iface cloudbr0 inet dhcp\n bridge_ports eth0\n bridge_stp on\n", "bridge_stp on"),
        ("iface eth0 inet static\n address 10.88.0.11/24\n dns-nameservers 192.0.2.53\n", "dns_nameservers 192.0.2.53"),
        (
            "iface eth0 inet dhcp\n up ip route add 10.0.0.0/8 \\\n via 10.88.0.1\n",
            "up ip route add 10.0.0.0/8 via 10.88.0.1",
        ),
        (
            "iface eth0 inet dhcp\n post-up /usr/local/bin/tune\n hwaddress 02:00:00:00:00:01\n",
            "post_up /usr/local/bin/tune; hwaddress 02:00:00:00:00:01",
        ),
        ("iface eth0 inet dhcp\niface eth0 inet6 auto\n", "iface eth0 inet6 auto"),
        ("iface eth9 inet dhcp\n up /bin/true\n", ""),
    ],
)
def test_what_the_new_stanza_cannot_say_is_refused(lines, lost):
    if not lost:
        assert render(network(MANAGEMENT), {MAIN_FILE: lines})
        return
    with pytest.raises(InputError, match=f"nothing was changed.*Observed: {lost}[.] Next: declare"):
        render(network(MANAGEMENT), {MAIN_FILE: lines})


LAYERED = Network(
    (Bond("bond0", ("eth0", "eth1"), "802.3ad", "fast", "layer3+4"), Bond("bond1", ("eth2",), "active-backup")),
    (Vlan("bond0.7", "bond0", 7), Vlan("vlan8", "bond0", 8)),
    (Bridge("cloudbr0", "bond0", 1500, "10.88.0.11/24"), Bridge("cloudbr1", "bond0.7", 9000)),
).layered
# Accepted by ifup --no-act of ifupdown 0.8.41; the options are those of ifenslave 2.13 and vlan 2.0.5 (Debian 12).
STANZAS = """\
auto eth0
iface eth0 inet manual
    mtu 9000

auto eth1
iface eth1 inet manual
    mtu 9000

auto bond0
iface bond0 inet manual
    bond-slaves eth0 eth1
    bond-mode 802.3ad
    bond-miimon 100
    bond-lacp-rate fast
    bond-xmit-hash-policy layer3+4
    mtu 9000

auto cloudbr0
iface cloudbr0 inet static
    address 10.88.0.11/24
    bridge_ports bond0
    bridge_stp off
    bridge_fd 0
    bridge_maxwait 0
    up ip link set dev cloudbr0 mtu 1500

auto bond0.7
iface bond0.7 inet manual
    vlan-raw-device bond0
    mtu 9000

auto cloudbr1
iface cloudbr1 inet manual
    bridge_ports bond0.7
    bridge_stp off
    bridge_fd 0
    bridge_maxwait 0
    mtu 9000

auto eth2
iface eth2 inet manual
    mtu 1500

auto bond1
iface bond1 inet manual
    bond-slaves eth2
    bond-mode active-backup
    bond-miimon 100
    mtu 1500

auto vlan8
iface vlan8 inet manual
    vlan-raw-device bond0
    mtu 1500
"""


def test_each_layer_stands_behind_what_it_lies_on():
    """bridge-utils gives a port the MTU of its bridge, so the bridge with the smaller one sets its own by a command."""
    own = render(LAYERED, {})[OWN_FILE]
    assert own.partition("\n\n")[2] == STANZAS


WHOLE = Bridge(
    "cloudbr0",
    "eth0",
    1500,
    "10.88.0.11/24",
    "10.88.0.1",
    True,
    4,
    ("2001:db8::11/64", "2001:db8::12/64"),
    "2001:db8::1",
    (StaticRoute("198.51.100.0/24", "10.88.0.2", 100), StaticRoute("2001:db8:9::/48", "2001:db8::2")),
    (RoutingRule(100, 1000, "10.88.0.0/24"), RoutingRule(100, 1001, None, "2001:db8:9::/48")),
    ("10.88.0.53", "2001:db8::53"),
    ("lab.test",),
)


def test_what_more_a_bridge_has():
    own = render(network(WHOLE), {})[OWN_FILE]
    assert (
        own.partition("iface cloudbr0 inet static\n")[2]
        == """\
    address 10.88.0.11/24
    gateway 10.88.0.1
    bridge_ports eth0
    bridge_stp on
    bridge_fd 4
    bridge_maxwait 0
    mtu 1500
    dns-nameservers 10.88.0.53 2001:db8::53
    dns-search lab.test
    up ip -4 route replace 198.51.100.0/24 via 10.88.0.2 dev cloudbr0 table 100
    up ip -4 rule add priority 1000 from 10.88.0.0/24 table 100 2>/dev/null || true
    down ip -4 rule delete priority 1000 from 10.88.0.0/24 table 100 || true

iface cloudbr0 inet6 static
    address 2001:db8::11/64

iface cloudbr0 inet6 static
    address 2001:db8::12/64
    gateway 2001:db8::1
    up ip -6 route replace 2001:db8:9::/48 via 2001:db8::2 dev cloudbr0
    up ip -6 rule add priority 1001 to 2001:db8:9::/48 table 100 2>/dev/null || true
    down ip -6 rule delete priority 1001 to 2001:db8:9::/48 table 100 || true
"""
    )


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ("iface eth0 inet static\n address 10.88.0.11/24\n dns-nameservers 10.88.0.53 2001:db8::53\n", ""),
        ("iface eth0 inet static\n dns-nameservers 10.88.0.54\n", "dns_nameservers 10.88.0.54"),
        ("iface eth0 inet6 static\n address 2001:db8::11/64\n gateway 2001:db8::1\n", ""),
        ("iface eth0 inet6 static\n address 2001:db8::99/64\n", "iface eth0 inet6 static"),
        ("iface cloudbr0 inet manual\n bridge_ports eth0\n bridge_stp on\n", ""),
    ],
)
def test_what_is_declared_is_not_lost(lines, lost):
    if not lost:
        assert render(network(WHOLE), {MAIN_FILE: lines})
        return
    with pytest.raises(InputError, match=f"nothing was changed.*Observed: {lost}[.]"):
        render(network(WHOLE), {MAIN_FILE: lines})


SILENT = Bridge("cloudbr1", "eth1")
ASKING = Bridge("cloudbr1", "eth1", multicast_querier=True)


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("up ip link set dev cloudbr1 type bridge mcast_querier 1", True),
        ("post-up /sbin/ip link set cloudbr1 type bridge mcast_querier 1", True),
        ("post-up ( echo 1 > /sys/devices/virtual/net/$IFACE/bridge/multicast_querier )", True),
        ("up echo 1 >/sys/class/net/cloudbr1/bridge/multicast_querier", True),
        ("up ip link set dev cloudbr1 type bridge mcast_querier 0", False),
        ("up ip link set dev cloudbr9 type bridge mcast_querier 1", False),
        ("down ip link set dev cloudbr1 type bridge mcast_querier 1", False),
        ("post-up echo 1 > /sys/class/net/cloudbr1/bridge/multicast_snooping", False),
    ],
)
def test_a_line_makes_a_multicast_querier(line, asks):
    """Those that are written by hand are told too: who declares one keeps it, and it is not lost without a word."""
    text = f"auto cloudbr1\niface cloudbr1 inet manual\n bridge_ports eth1\n bridge_fd 0\n {line}\n"
    (found,) = declared({MAIN_FILE: text}).bridges
    assert found.multicast_querier == asks
    if asks:
        assert render(network(ASKING), {MAIN_FILE: text}) == {}
        own = render(network(replace(ASKING, mtu=9000)), {MAIN_FILE: text})[OWN_FILE]
        assert "    up ip link set dev cloudbr1 type bridge mcast_querier 1\n" in own
        with pytest.raises(InputError, match=r"nothing was changed.*Observed: (post_)?up .*querier"):
            render(network(SILENT), {MAIN_FILE: text})


def test_what_the_role_itself_wrote_of_a_querier_goes_without_a_word():
    files = render(network(ASKING), {})
    assert "mcast_querier" in files[OWN_FILE]
    assert "mcast_querier" not in render(network(SILENT), files)[OWN_FILE]


HAND_MADE = """\
auto bond0
iface bond0 inet static
    address 10.88.0.11/24
    slaves eth0 eth1
    bond-mode 4
    bond_miimon 100
    bond-lacp-rate 1
"""


def test_a_bond_that_somebody_wrote_moves_with_its_address():
    files = render(LAYERED, {MAIN_FILE: HAND_MADE})
    assert files[MAIN_FILE] == "source /etc/network/interfaces.d/*\n"
    assert declared({MAIN_FILE: HAND_MADE}).bonds == (Bond("bond0", ("eth0", "eth1"), "802.3ad", "fast"),)
    with pytest.raises(InputError, match=r"of bond0, the port of bond0.7 than.*Observed: bond_downdelay 200"):
        render(LAYERED, {MAIN_FILE: f"{HAND_MADE}    bond-downdelay 200\n"})


CARD = "auto eth0\niface eth0 inet static\n    address 10.88.0.11/24\n    dns-nameservers 10.88.0.53\n"
TAGGED = Network(vlans=(Vlan("eth0.7", "eth0", 7),), bridges=(Bridge("cloudbr1", "eth0.7"),))


def test_a_nic_under_vlans_alone_stays_as_it_is():
    files = render(TAGGED, {MAIN_FILE: CARD})
    assert files[MAIN_FILE].startswith(CARD)
    assert "auto eth0\n" not in files[OWN_FILE]
    assert render(TAGGED, {CLOUD_INIT: CARD})
    jumbo = Network(vlans=TAGGED.vlans, bridges=(Bridge("cloudbr1", "eth0.7", 9000),)).layered
    with pytest.raises(InputError, match="a smaller MTU than the VLAN devices.*Observed: mtu 1500.*set mtu 9000"):
        render(jumbo, {MAIN_FILE: CARD})
    assert render(jumbo, {MAIN_FILE: f"{CARD}    mtu 9216\n"})


def test_a_vlan_device_has_a_name_that_ifupdown_knows():
    with pytest.raises(InputError, match=r"no VLAN device of the name eno7.*Expected: eth0.7 or vlan7"):
        render(Network(vlans=(Vlan("eno7", "eth0", 7),)), {})


def test_what_is_not_declared_any_more_stays_until_it_is_absent():
    both = {MAIN_FILE: MAIN, **render(network(MANAGEMENT, GUEST), {MAIN_FILE: MAIN})}
    assert render(network(MANAGEMENT), both) == {}
    swapped = {**both, **render(network(GUEST), both)}
    assert set(declared(swapped).bridges) == {MANAGEMENT, GUEST}
    assert render(network(GUEST), swapped) == {}
    gone = render(Network(bridges=(MANAGEMENT,), absent=("cloudbr1",)), both)
    assert gone == {OWN_FILE: render(network(MANAGEMENT), {MAIN_FILE: MAIN})[OWN_FILE]}


def test_a_bond_that_is_absent_goes_with_its_ports_but_what_another_device_needs_stays():
    files = render(LAYERED, {})
    left = Network(absent=("cloudbr1", "bond0.7", "bond1"))
    own = render(left, files)[OWN_FILE]
    assert set(declared({OWN_FILE: own}).devices) == {"bond0", "cloudbr0", "vlan8"}
    assert ("auto eth0\n" in own, "auto eth2\n" in own) == (True, False)
