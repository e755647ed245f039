# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared bridges as netplan's YAML, and back: the port's definition moves from wherever it stands, or is refused."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.netplan import (
    OWN_FILE,
    configured,
    declared,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.netplan import render as render_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import says
from hypothesis import given, settings
from hypothesis import strategies as st

MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)
CARDS = "/etc/netplan/10-cards.yaml"
CLOUD_INIT = "/etc/netplan/50-cloud-init.yaml"
MACS = {"eth0": "02:00:00:00:00:01"}
# As Ubuntu's installer and cloud-init write them, with what people add.
WHOLE = """# cards
network:
  version: 2
  ethernets:
    # management, see the wiring plan
    eth0:
      match: {macaddress: 02:00:00:00:00:01}
      set-name: eth0
      wakeonlan: true
      addresses:
      - 10.88.0.9/24
      - "2001:db8::11/64"
      nameservers:
        addresses: [10.88.0.2]   # internal
      routes:
      - to: default
        via: 10.88.0.1
        metric: 100
      - to: 198.51.100.0/24
        via: 10.88.0.2

    # nobody touches this
    eth9: {addresses: [192.0.2.9/24], mtu:   1500}
"""


def render(bridges, files, macs):
    return render_network(Network(bridges=tuple(bridges)), files, macs)


def own(files, *keys):
    tree = yaml.safe_load(files[OWN_FILE])["network"]
    for key in keys:
        tree = tree[key]
    return tree


def test_the_definition_of_the_port_moves_and_all_other_lines_stay():
    files = render([MANAGEMENT], {CARDS: WHOLE}, {})
    start, end = WHOLE.index("    eth0:"), WHOLE.index("\n    # nobody")
    assert files[CARDS] == WHOLE[:start] + WHOLE[end:]
    port = {"match": {"macaddress": MACS["eth0"]}, "set-name": "eth0", "wakeonlan": True, "mtu": 1500}
    assert own(files, "ethernets") == {"eth0": port}
    assert own(files, "bridges", "cloudbr0") == {
        "interfaces": ["eth0"],
        "mtu": 1500,
        "addresses": ["10.88.0.11/24", "2001:db8::11/64"],
        "nameservers": {"addresses": ["10.88.0.2"]},
        "routes": [
            {"to": "default", "via": "10.88.0.1", "metric": 100},
            {"to": "198.51.100.0/24", "via": "10.88.0.2"},
        ],
        "parameters": {"stp": False, "forward-delay": 0},
    }
    assert render([MANAGEMENT], {CARDS: WHOLE, **files}, {}) == {}


ALONE = "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n# the end\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (ALONE, "network:\n  version: 2\n# the end\n"),
        ("network:\n  ethernets:\n    eth0: {dhcp4: true}\n", ""),
        (
            "network:\n  ethernets:\n    eth0: {dhcp4: true}\n    eth9: {}\n",
            "network:\n  ethernets:\n    eth9: {}\n",
        ),
        (
            "network:\n  ethernets:\n    eth9: {}\n    eth0:\n      dhcp4: true",
            "network:\n  ethernets:\n    eth9: {}\n",
        ),
        (
            "network:\n  bridges:\n    cloudbr0:\n      interfaces: [eth0]\n  ethernets:\n    eth0: {}\n  version: 2\n",
            "network:\n  version: 2\n",
        ),
    ],
)
def test_only_its_lines_go(text, left):
    assert render([MANAGEMENT], {CARDS: text}, {})[CARDS] == left


@pytest.mark.parametrize(
    ("name", "definition", "found"),
    [
        ("eth0", "{}", "eth0"),
        ("uplink", "{match: {name: eth0}}", "uplink"),
        ("uplink", "{match: {macaddress: '02:00:00:00:00:01'}}", "uplink"),
        ("uplink", "{match: {macaddress: '02:00:00:00:00:01'}, set-name: eth0}", "uplink"),
        ("uplink", "{match: {macaddress: '02:00:00:00:00:02'}}", "eth0"),
        ("uplink", "{match: {name: 'ens*'}}", "eth0"),
    ],
)
def test_the_definition_is_found_by_what_it_matches(name, definition, found):
    files = render([MANAGEMENT], {CARDS: f"network:\n  ethernets:\n    {name}: {definition}\n"}, MACS)
    assert own(files, "bridges", "cloudbr0", "interfaces") == [found]
    assert (CARDS in files) == (found == name)


def test_bonds_and_vlans_are_ports_with_all_that_they_are():
    text = (
        "network:\n  ethernets: {eth5: {}}\n  bonds:\n    bond0:\n      interfaces: [eth5]\n      dhcp4: true\n"
        "      parameters: {mode: 802.3ad}\n"
    )
    files = render([Bridge("cloudbr0", "bond0", 9000)], {CARDS: text}, {})
    assert own(files, "bonds") == {"bond0": {"interfaces": ["eth5"], "parameters": {"mode": "802.3ad"}, "mtu": 9000}}
    assert files[CARDS] == "network:\n  ethernets: {eth5: {}}\n"


def test_a_lease_is_asked_for_as_the_port_did():
    files = render([Bridge("cloudbr0", "eth0", 1500, "dhcp")], {CARDS: ALONE}, MACS)
    bridge = own(files, "bridges", "cloudbr0")
    assert (bridge["dhcp4"], bridge["macaddress"], bridge["dhcp-identifier"]) == (True, MACS["eth0"], "mac")


def test_all_files_are_merged_as_netplan_does_it():
    files = {
        "/lib/netplan/00-base.yaml": "network: {version: 2}\n",
        CARDS: "network:\n  ethernets:\n    eth0:\n      addresses: [10.88.0.11/24]\n",
        "/etc/netplan/20-more.yaml": "network:\n  ethernets:\n    eth0:\n      addresses: ['2001:db8::1/64']\n",
    }
    new = render([MANAGEMENT], files, {})
    assert sorted(new) == [CARDS, "/etc/netplan/20-more.yaml", OWN_FILE]
    assert own(new, "bridges", "cloudbr0", "addresses") == ["10.88.0.11/24", "2001:db8::1/64"]


ETH0 = "network:\n  ethernets:\n    eth0: {dhcp4: true}\n"
OFF = {"/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg": "network: {config: disabled}\n"}
CLOUD = {"/etc/cloud/cloud.cfg": "users: [default]\n"}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({CLOUD_INIT: ETH0, **CLOUD}, "cloud-init would write that file again.*99-disable-network-config.cfg"),
        ({"/etc/netplan/00-installer-config.yaml": ETH0, **CLOUD}, "cloud-init would write that file again"),
        ({CLOUD_INIT: ETH0, **CLOUD, **OFF}, ""),
        ({CLOUD_INIT: ETH0}, ""),
        ({CLOUD_INIT: ETH0.replace("eth0", "eth9"), **CLOUD}, ""),
        ({"/run/netplan/70-initramfs.yaml": ETH0}, "/run/netplan/70-initramfs.yaml configures eth0"),
        (
            {CARDS: "network:\n  renderer: NetworkManager\n"},
            "hands interfaces to NetworkManager.*renderer: networkd",
        ),
        (
            {CARDS: "network:\n  bridges:\n    br0: {interfaces: [eth0]}\n"},
            "has eth0, the port of cloudbr0, in br0",
        ),
        (
            {CARDS: "network:\n  ethernets:\n    all:\n      match: {name: 'e*'}\n"},
            "all is for all interfaces e[*], eth0 being one of them",
        ),
        ({CARDS: "network: {ethernets: {eth0: {}, eth9: {}}}\n"}, "cannot be taken out of .* line by line"),
        (
            {CARDS: "network:\n  ethernets:\n    eth0: &one {dhcp4: true}\n    eth9: *one\n"},
            "cannot be taken out of .* line by line",
        ),
        (
            {CARDS: "network:\n  ethernets:\n    eth0: {addresses: [10.1.0.1/24, 10.2.0.1/24]}\n"},
            "more of eth0 or cloudbr0.*addresses: 10.1.0.1/24, 10.2.0.1/24",
        ),
        (
            {CARDS: "network:\n  ethernets:\n    eth0: {routes: [{to: default, via: 10.88.0.3, metric: 9}]}\n"},
            "routes: to: default, via: 10.88.0.3, metric: 9",
        ),
        (
            {CARDS: "network:\n  bridges:\n    cloudbr0: {interfaces: [eth0], parameters: {stp: true}}\n"},
            "parameters: stp: true",
        ),
        ({CARDS: "network:\n  ethernets:\n    eth0:\n  - wrong\n"}, "cannot read /etc/netplan/10-cards.yaml, line 4"),
    ],
)
def test_what_would_be_lost_or_come_back_is_refused(files, says):
    if not says:
        assert OWN_FILE in render([MANAGEMENT], files, {})
        return
    with pytest.raises(Exception, match=says):
        render([MANAGEMENT], files, {})


ADDRESSES = st.sampled_from([None, "dhcp", "10.88.0.11/24", "192.0.2.7/31"])
BRIDGES = st.builds(Bridge, st.just("x"), st.just("y"), st.integers(576, 65535), ADDRESSES)


@settings(max_examples=25)  # PyYAML is slow
@given(st.lists(BRIDGES, min_size=1, max_size=4), st.sampled_from(["", WHOLE.replace("metric: 100", ""), ALONE]))
def test_what_is_rendered_is_read_back_and_rendered_no_more(bridges, cards):
    named = [Bridge(f"cloudbr{number}", f"eth{number}", each.mtu, each.address) for number, each in enumerate(bridges)]
    files = {CARDS: cards, **render(named, {CARDS: cards}, MACS)}
    found = declared(files).devices
    assert [each for each in named if not says(found.get(each.name), each)] == []
    assert render(named, files, MACS) == {}


def test_what_the_files_configure_is_told_with_the_file():
    files = {CARDS: WHOLE, **render([GUEST], {CARDS: WHOLE}, {})}
    assert configured(files) == {"eth0": CARDS, "eth9": CARDS, "eth1": OWN_FILE, "cloudbr1": OWN_FILE}


def test_a_message_names_what_to_do():
    with pytest.raises(InputError) as refused:
        render([MANAGEMENT], {CLOUD_INIT: ETH0, **CLOUD}, {})
    assert "nothing was changed" in refused.value.next_step
