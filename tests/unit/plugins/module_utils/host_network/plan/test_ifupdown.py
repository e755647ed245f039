# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared bridges as files of ifupdown, and back; what a stanza would lose is refused."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network
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
