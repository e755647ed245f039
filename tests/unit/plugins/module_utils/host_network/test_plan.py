# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared bridge makes of a bare host, of itself, and what is refused before anything is touched."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import MAIN_FILE, OWN_FILE, Bridge, Link
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import guests_on, plan_bridges

MAIN = "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    address 10.88.0.11/24\n"
BARE = {
    "lo": Link("lo", "loopback", 65536, True, None, ("127.0.0.1/8",)),
    "eth0": Link("eth0", "ether", 1500, True, None, ("10.88.0.11/24",)),
    "eth1": Link("eth1", "ether", 1500, False, None, ()),
}
MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)


def built(mtu: int = 9000, **more: Link) -> dict[str, Link]:
    """The links of a host on which both bridges stand."""
    return {
        "cloudbr0": Link("cloudbr0", "bridge", 1500, True, None, ("10.88.0.11/24",)),
        "cloudbr1": Link("cloudbr1", "bridge", mtu, True, None, ()),
        "eth0": Link("eth0", "ether", 1500, True, "cloudbr0", ()),
        "eth1": Link("eth1", "ether", mtu, True, "cloudbr1", ()),
        **more,
    }


def test_a_bare_host_gets_both_bridges_and_its_own_file():
    wanted = plan_bridges([MANAGEMENT, GUEST], MAIN, "", BARE)
    assert [change.target for change in wanted.plan] == [MAIN_FILE, OWN_FILE, "cloudbr0", "cloudbr1"]
    assert "eth0" not in wanted.files[MAIN_FILE]
    assert "source /etc/network/interfaces.d/*" in wanted.files[MAIN_FILE]
    own = wanted.files[OWN_FILE]
    for line in ("iface cloudbr0 inet static", "    gateway 10.88.0.1", "    bridge_ports eth1", "    mtu 9000", "iface eth0 inet manual"):
        assert line in own.splitlines()


def test_the_second_run_has_nothing_to_do():
    first = plan_bridges([MANAGEMENT, GUEST], MAIN, "", BARE)
    again = plan_bridges([MANAGEMENT, GUEST], first.files[MAIN_FILE], first.files[OWN_FILE], built())
    assert not again.plan
    assert not again.files


def test_a_wrong_mtu_alone_takes_no_bridge_down():
    first = plan_bridges([MANAGEMENT, GUEST], MAIN, "", BARE)
    again = plan_bridges([MANAGEMENT, GUEST], first.files[MAIN_FILE], first.files[OWN_FILE], built(mtu=1500))
    assert again.rebuild == ()
    assert again.resize == (GUEST,)


def test_guests_on_a_bridge_that_would_go_down_are_named():
    links = built(vnet0=Link("vnet0", "tun", 1500, True, "cloudbr0", ()))
    assert guests_on([MANAGEMENT], links) == ["vnet0"]


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
        (Bridge("cloudbr0", "eth0", 1500, None, "10.88.0.1"), "no static address"),
        (Bridge("eth1", "eth0"), "exists and is no bridge"),
    ],
)
def test_what_cannot_work_is_refused(bridge, says):
    with pytest.raises(InputError, match=says):
        plan_bridges([bridge], MAIN, "", BARE)


def test_two_bridges_with_one_port_are_refused():
    with pytest.raises(InputError, match="declared twice"):
        plan_bridges([Bridge("cloudbr0", "eth0"), Bridge("cloudbr1", "eth0")], MAIN, "", BARE)


def test_a_port_of_another_bridge_is_refused():
    with pytest.raises(InputError, match="belongs to br9 already"):
        plan_bridges([GUEST], MAIN, "", {**BARE, "eth1": Link("eth1", "ether", 1500, True, "br9", ())})


CLOUD_INIT = "/etc/network/interfaces.d/50-cloud-init"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n", "Observed: iface eth0 inet dhcp"),
        ("iface cloudbr0 inet manual\n", "Observed: iface cloudbr0 inet manual"),
        ("auto lo\niface lo inet loopback\nauto eth9\niface eth9 inet dhcp\n", ""),
    ],
)
def test_a_port_that_another_file_configures_is_refused(text, says):
    if not says:
        assert plan_bridges([MANAGEMENT], MAIN, "", BARE, others={CLOUD_INIT: text}).plan
        return
    with pytest.raises(InputError, match=f"^{CLOUD_INIT} configures eth0, the port of cloudbr0.*{says}.*99-disable-network-config.cfg"):
        plan_bridges([MANAGEMENT], MAIN, "", BARE, others={CLOUD_INIT: text})


@pytest.mark.parametrize(
    ("address", "refused"),
    [("10.88.0.11/24", False), ("10.88.0.11/16", False), ("dhcp", False), ("10.88.0.99/24", True), (None, True)],
)
def test_a_lease_is_not_taken_away(address, refused):
    leased = {**BARE, "eth0": Link("eth0", "ether", 1500, True, None, ("10.88.0.11/24",), ("10.88.0.11/24",))}
    bridge = Bridge("cloudbr0", "eth0", 1500, address)
    if not refused:
        assert plan_bridges([bridge], MAIN, "", leased).plan
        return
    with pytest.raises(InputError, match=r"from a DHCP server.*Observed: 10.88.0.11/24 on eth0.*Next: declare 10.88.0.11/24"):
        plan_bridges([bridge], MAIN, "", leased)


FIRST = plan_bridges([MANAGEMENT, GUEST], MAIN, "", BARE)
HALF = {**built(), "cloudbr1": Link("cloudbr1", "bridge", 9000, False, None, ())}
NO_ADDRESS = {**built(), "cloudbr0": Link("cloudbr0", "bridge", 1500, True, None, ())}


@pytest.mark.parametrize(
    ("main", "own", "links", "gateways", "steps"),
    [
        pytest.param(True, True, built(), {"cloudbr0": "10.88.0.1"}, [], id="whole"),
        pytest.param(True, True, BARE, {}, ["build cloudbr0", "build cloudbr1"], id="files written, no bridge yet"),
        pytest.param(True, False, BARE, {}, [f"create {OWN_FILE}", "build cloudbr0", "build cloudbr1"], id="one of two files written"),
        pytest.param(True, False, built(), {"cloudbr0": "10.88.0.1"}, [f"create {OWN_FILE}"], id="bridges up, one file missing"),
        pytest.param(False, False, built(), {"cloudbr0": "10.88.0.1"}, [f"change {MAIN_FILE}", f"create {OWN_FILE}"], id="bridges up, no file written"),
        pytest.param(True, True, HALF, {"cloudbr0": "10.88.0.1"}, ["build cloudbr1"], id="the second bridge is not up"),
        pytest.param(True, True, NO_ADDRESS, {}, ["build cloudbr0"], id="a bridge without its address"),
        pytest.param(True, True, built(), {}, ["route cloudbr0"], id="the gateway is missing"),
        pytest.param(True, True, built(), {"cloudbr0": "10.88.0.2"}, ["route cloudbr0"], id="the gateway of before"),
        pytest.param(True, True, built(), {"eth9": "192.0.2.1"}, [], id="a default route of somebody else"),
    ],
)
def test_what_an_interrupted_run_left_is_finished(main, own, links, gateways, steps):
    main_text = FIRST.files[MAIN_FILE] if main else MAIN
    own_text = FIRST.files[OWN_FILE] if own else ""
    assert plan_bridges([MANAGEMENT, GUEST], main_text, own_text, links, gateways=gateways).plan.summary() == steps
