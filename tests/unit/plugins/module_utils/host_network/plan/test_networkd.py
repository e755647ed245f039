# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared bridges as files of systemd-networkd, and back: the own files come first, and say what the file said that
they stand before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkd import (
    FOLDER,
    configured,
    declared,
    own_path,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkd import render as render_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import says
from hypothesis import given
from hypothesis import strategies as st

MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)
CARDS = f"{FOLDER}/10-cards.network"
OWN, PORT, NETDEV = (own_path(name) for name in ("cloudbr0.network", "eth0.network", "cloudbr0.netdev"))
MACS = {"eth0": "02:00:00:00:00:01"}
WIRED = """[Match]
Name=eth*

[Link]
RequiredForOnline=routable

[Network]
Address=10.88.0.9/24
Address=2001:db8::11/64
DNS=10.88.0.2
VLAN=eth0.7
IPv6AcceptRA=no

[Route]
Gateway=10.88.0.1

[Route]
Destination=198.51.100.0/24
Gateway=10.88.0.2
"""


def render(bridges, files, macs):
    return render_network(Network(bridges=tuple(bridges)), files, macs)


def test_the_own_files_say_what_the_file_said_that_they_come_before():
    files = render([MANAGEMENT], {CARDS: WIRED}, {})
    assert sorted(files) == [NETDEV, OWN, PORT]
    assert keyfile.sections(files[PORT]) == [
        ("Match", [("Name", "eth0")]),
        ("Link", [("MTUBytes", "1500"), ("RequiredForOnline", "routable")]),
        ("Network", [("Bridge", "cloudbr0"), ("VLAN", "eth0.7")]),
    ]
    assert keyfile.sections(files[OWN]) == [
        ("Match", [("Name", "cloudbr0")]),
        ("Link", [("MTUBytes", "1500")]),
        (
            "Network",
            [
                ("DHCP", "no"),
                ("Address", "10.88.0.11/24"),
                ("Address", "2001:db8::11/64"),
                ("DNS", "10.88.0.2"),
                ("IPv6AcceptRA", "no"),
            ],
        ),
        ("Route", [("Gateway", "10.88.0.1")]),
        ("Route", [("Destination", "198.51.100.0/24"), ("Gateway", "10.88.0.2")]),
    ]
    assert ("STP", "no") in keyfile.entries(files[NETDEV], "Bridge")
    assert render([MANAGEMENT], {CARDS: WIRED, **files}, {}) == {}


def match(line):
    return WIRED.replace("Name=eth*", line)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WIRED, True),
        (match("Name=eth1 eth0"), True),
        (match("Name=!eth1"), True),
        (match("Name=!eth0 eth1"), False),
        (match("Name=ens*"), False),
        (match("MACAddress=02:00:00:00:00:01"), True),
        (match("PermanentMACAddress=02:00:00:00:00:02"), False),
        (match("Type=ether"), True),
        (match("Type=wlan"), False),
        (match("Kind=veth\nName=eth0"), False),
        (match(""), False),
    ],
)
def test_the_file_that_matches_is_what_networkd_takes(text, found):
    own = render([MANAGEMENT], {CARDS: text}, MACS)[OWN]
    assert ("DNS=10.88.0.2" in own) == found


def test_the_first_by_name_counts_and_its_drop_ins():
    files = {
        f"{FOLDER}/20-later.network": match("Name=eth0").replace("10.88.0.2", "10.88.0.9"),
        "/run/systemd/network/15-first.network": match("Name=eth0"),
        f"{FOLDER}/15-first.network.d/more.conf": "[Network]\nDomains=example.org\n",
        f"{FOLDER}/20-later.network.d/more.conf": "[Network]\nDomains=example.net\n",
    }
    own = render([MANAGEMENT], files, {})[OWN]
    assert ("DNS=10.88.0.2" in own, "example.org" in own, "example.net" in own) == (True, True, False)


CLOUD_INIT = f"{FOLDER}/10-cloud-init-eth0.network"
CLOUD = {"/etc/cloud/cloud.cfg": "users: [default]\n"}
ASKING = "[NetDev]\nName=cloudbr0\nKind=bridge\n[Bridge]\nMulticastQuerier=true\nAgeingTimeSec=9\n"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({CLOUD_INIT: WIRED, **CLOUD}, "cloud-init would write that file again"),
        ({CLOUD_INIT: WIRED}, ""),
        ({f"{FOLDER}/00-a.network": WIRED}, "its name comes before"),
        ({CARDS: WIRED.replace("VLAN=eth0.7", "Bond=bond0")}, "Bond=bond0"),
        ({CARDS: WIRED.replace("VLAN=eth0.7", "Bridge=br7")}, "Bridge=br7"),
        ({CARDS: WIRED.replace("Address=2001:db8::11/64", "Address=10.2.0.1/24")}, "Address=10.88.0.9/24"),
        ({CARDS: WIRED.replace("Gateway=10.88.0.1", "Gateway=10.88.0.3\nMetric=9")}, "Gateway=10.88.0.3; Metric=9"),
        ({CARDS: WIRED.replace("Gateway=10.88.0.1", "Gateway=10.88.0.1\nMetric=9")}, ""),
        ({CARDS: f"{WIRED}\n[Route]\nGateway=10.88.0.4\nTable=9\n"}, ""),
        ({f"{FOLDER}/20-cloudbr0.netdev": ASKING}, "Observed: MulticastQuerier=yes"),
        ({NETDEV: ASKING}, ""),
    ],
)
def test_what_would_be_lost_or_come_back_is_refused(files, says):
    if not says:
        assert OWN in render([MANAGEMENT], files, {})
        return
    with pytest.raises(Exception, match=f"{says}.*[Nn]othing was changed|nothing was changed.*{says}"):
        render([MANAGEMENT], files, {})


def test_a_multicast_querier_is_a_line_of_the_netdev():
    netdev = render([replace(MANAGEMENT, multicast_querier=True)], {NETDEV: ASKING}, {})[NETDEV]
    assert keyfile.entries(netdev, "Bridge")[-2:] == [("MulticastQuerier", "yes"), ("AgeingTimeSec", "9")]
    assert "MulticastQuerier" not in render([MANAGEMENT], {NETDEV: netdev}, {})[NETDEV]


@pytest.mark.parametrize(
    ("old", "address", "new"),
    [("", "dhcp", "ipv4"), ("yes", "dhcp", "yes"), ("yes", None, "ipv6"), ("ipv4", "10.88.0.11/24", "no")],
)
def test_dhcp_of_ipv6_goes_along(old, address, new):
    text = f"[Match]\nName=eth0\n[Network]\nDHCP={old}\n"
    own = render([Bridge("cloudbr0", "eth0", 1500, address)], {CARDS: text}, {})[OWN]
    assert keyfile.value(own, "Network", "DHCP") == new


def test_a_lease_is_asked_for_by_the_hardware_address_of_the_port():
    netdev = render([Bridge("cloudbr0", "eth0", 1500, "dhcp")], {}, MACS)[NETDEV]
    assert keyfile.value(netdev, "NetDev", "MACAddress") == MACS["eth0"]


ADDRESSES = st.sampled_from([None, "dhcp", "10.88.0.11/24", "192.0.2.7/31"])
BRIDGES = st.builds(Bridge, st.just("x"), st.just("y"), st.integers(576, 65535), ADDRESSES)


@given(st.lists(BRIDGES, min_size=1, max_size=4), st.sampled_from(["", WIRED, match("MACAddress=02:00:00:00:00:01")]))
def test_what_is_rendered_is_read_back_and_rendered_no_more(bridges, cards):
    named = [Bridge(f"cloudbr{number}", f"eth{number}", each.mtu, each.address) for number, each in enumerate(bridges)]
    files = {CARDS: cards, **render(named, {CARDS: cards}, MACS)}
    found = declared(files).devices
    assert [each for each in named if not says(found.get(each.name), each)] == []
    assert render(named, files, MACS) == {}


def test_what_the_files_configure_is_told_with_the_file():
    files = {
        CARDS: WIRED,
        "/usr/lib/systemd/network/80-vm.network": match("Name=vm-*"),
        "/run/systemd/network/10-netplan-eth5.network": match("Name=eth5"),
    }
    assert configured(files) == {"eth*": CARDS}
