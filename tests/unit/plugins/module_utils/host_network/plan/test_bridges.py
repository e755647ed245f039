# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared bridge makes of a bare host, of itself, and what is refused before anything is touched."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bridge,
    Link,
    Route,
    State,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import (
    check,
    guests_on,
    plan_bridges,
    read_bridges,
    rebuilt_bridges,
)

FILE = "/etc/net/bridges"


def link(
    name: str,
    kind: str,
    mtu: int = 1500,
    *,
    up: bool = True,
    master: str | None = None,
    addresses: tuple[str, ...] = (),
    **more,
) -> Link:
    return Link(name, kind, mtu, up, master, tuple(Address(each) for each in addresses), **more)


BARE = {
    "lo": link("lo", "loopback", 65536, addresses=("127.0.0.1/8",)),
    "eth0": link("eth0", "ether", addresses=("10.88.0.11/24",)),
    "eth1": link("eth1", "ether", up=False),
}
MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)


def built(mtu: int = 9000, **more: Link) -> dict[str, Link]:
    """The links of a host on which both bridges stand."""
    return {
        "cloudbr0": link("cloudbr0", "bridge", addresses=("10.88.0.11/24",)),
        "cloudbr1": link("cloudbr1", "bridge", mtu),
        "eth0": link("eth0", "ether", master="cloudbr0"),
        "eth1": link("eth1", "ether", mtu, master="cloudbr1"),
        **more,
    }


def default(device: str, gateway: str) -> Route:
    return Route(4, (device,), ("default", "via", gateway, "dev", device), gateway)


TO_ROUTER = (default("cloudbr0", "10.88.0.1"),)


def plan(bridges, links, routes=(), *, file="new", old=None):
    """The steps for bridges whose file is, or is not yet, as it shall be; `old` is what it declares so far."""
    files = {} if file == "new" else {FILE: "old"}
    rendered = {} if file == "right" else {FILE: "new"}
    return plan_bridges(bridges, files, rendered, bridges if old is None else old, State(links, tuple(routes)))


def test_a_bare_host_gets_both_bridges():
    steps = plan([MANAGEMENT, GUEST], BARE, old=[])
    assert steps.summary() == ["take down eth0", "take down eth1", f"create {FILE}", "build cloudbr0", "build cloudbr1"]
    assert rebuilt_bridges(steps) == [MANAGEMENT, GUEST]


def test_the_second_run_has_nothing_to_do():
    assert not plan([MANAGEMENT, GUEST], built(), TO_ROUTER, file="right")


def test_a_wrong_mtu_alone_takes_no_bridge_down():
    assert plan([MANAGEMENT, GUEST], built(mtu=1500), TO_ROUTER, file="right").summary() == ["resize cloudbr1"]


def test_a_netmask_is_a_prefix_length():
    given = {
        "name": "cloudbr0",
        "port": "eth0",
        "mtu": 1500,
        "address": "10.88.0.11/255.255.255.0",
        "gateway": "10.88.0.1",
    }
    assert read_bridges([given, {**given, "address": "", "gateway": ""}]) == [MANAGEMENT, Bridge("cloudbr0", "eth0")]
    assert read_bridges([{**given, "address": "10.88.0.11/255.0.255.0"}])[0].address == "10.88.0.11/255.0.255.0"


NO_GATEWAY = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24")
NO_ADDRESS = Bridge("cloudbr0", "eth0")
DHCP = Bridge("cloudbr0", "eth0", 1500, "dhcp")


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        pytest.param(MANAGEMENT, NO_GATEWAY, ["route cloudbr0", f"change {FILE}"], id="the gateway goes"),
        pytest.param(
            MANAGEMENT,
            NO_ADDRESS,
            ["route cloudbr0", "remove address cloudbr0", f"change {FILE}"],
            id="address and gateway go",
        ),
        pytest.param(
            NO_ADDRESS, NO_ADDRESS, [f"change {FILE}"], id="an address and a route that no file declared stay"
        ),
        pytest.param(
            MANAGEMENT,
            DHCP,
            ["take down cloudbr0", "take down eth0", f"change {FILE}", "build cloudbr0"],
            id="a DHCP client has to start",
        ),
        pytest.param(
            DHCP,
            NO_ADDRESS,
            ["take down cloudbr0", "take down eth0", f"change {FILE}", "build cloudbr0"],
            id="a DHCP client has to end",
        ),
    ],
)
def test_what_is_declared_no_more_goes_before_the_file_is_written(old, new, steps):
    assert plan([new], built(), TO_ROUTER, file="old", old=[old]).summary() == steps


def test_guests_on_a_bridge_that_would_go_down_are_named():
    assert guests_on([MANAGEMENT], built(vnet0=link("vnet0", "tun", master="cloudbr0"))) == ["vnet0"]


def test_a_vlan_on_a_bridge_that_would_go_down_is_refused():
    vlan = link("cloudbr0.7", "vlan", parent="cloudbr0")
    half = {**built(), "cloudbr0": link("cloudbr0", "bridge"), "cloudbr0.7": vlan}
    with pytest.raises(InputError, match="cloudbr0 would be taken down.*Observed: cloudbr0.7"):
        plan([MANAGEMENT], half)
    assert not plan([MANAGEMENT], {**built(), "cloudbr0.7": vlan}, TO_ROUTER, file="right")


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
        check([bridge], BARE)


def test_one_bridge_has_the_gateway():
    check([MANAGEMENT, Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24")], BARE)
    with pytest.raises(InputError, match="more than one bridge has a gateway"):
        check([MANAGEMENT, Bridge("cloudbr1", "eth1", 1500, "10.88.1.11/24", "10.88.1.1")], BARE)


def test_two_bridges_with_one_port_are_refused():
    with pytest.raises(InputError, match="declared twice"):
        check([Bridge("cloudbr0", "eth0"), Bridge("cloudbr1", "eth0")], BARE)


def test_a_bridge_is_no_port():
    with pytest.raises(InputError, match="the port ethbr7 of cloudbr1 is a bridge itself"):
        check([Bridge("cloudbr1", "ethbr7")], {**BARE, "ethbr7": link("ethbr7", "bridge")})


def test_a_port_of_another_bridge_is_refused():
    with pytest.raises(InputError, match="belongs to br9 already"):
        check([GUEST], {**BARE, "eth1": link("eth1", "ether", master="br9")})


@pytest.mark.parametrize(
    ("address", "refused"),
    [("10.88.0.11/24", False), ("10.88.0.11/16", False), ("dhcp", False), ("10.88.0.99/24", True), (None, True)],
)
def test_a_lease_is_not_taken_away(address, refused):
    leased = {**BARE, "eth0": Link("eth0", "ether", 1500, True, None, (Address("10.88.0.11/24", dynamic=True),))}
    bridge = Bridge("cloudbr0", "eth0", 1500, address)
    if not refused:
        check([bridge], leased)
        return
    with pytest.raises(
        InputError, match=r"from a DHCP server.*Observed: 10.88.0.11/24 on eth0.*Next: declare 10.88.0.11/24"
    ):
        check([bridge], leased)


def test_a_route_that_the_rollback_could_not_set_is_refused_only_where_it_is_touched():
    strange = Route(4, ("eth0",), ("192.0.2.0/24", "dev", "eth0"), unknown=("encap",))
    with pytest.raises(InputError, match="could not be put back.*192.0.2.0/24 dev eth0 with encap"):
        plan([MANAGEMENT], BARE, [strange])
    assert plan([GUEST], BARE, [strange])


HALF = {**built(), "cloudbr1": link("cloudbr1", "bridge", 9000, up=False)}
BARE_BRIDGE = {**built(), "cloudbr0": link("cloudbr0", "bridge")}


@pytest.mark.parametrize(
    ("file", "links", "routes", "steps"),
    [
        pytest.param("right", built(), TO_ROUTER, [], id="whole"),
        pytest.param(
            "right",
            BARE,
            (),
            ["take down eth0", "take down eth1", "build cloudbr0", "build cloudbr1"],
            id="file written, no bridge yet",
        ),
        pytest.param("new", built(), TO_ROUTER, [f"create {FILE}"], id="bridges up, no file written"),
        pytest.param(
            "right",
            HALF,
            TO_ROUTER,
            ["take down cloudbr1", "take down eth1", "build cloudbr1"],
            id="the second bridge is not up",
        ),
        pytest.param(
            "right",
            BARE_BRIDGE,
            (),
            ["take down cloudbr0", "take down eth0", "build cloudbr0"],
            id="a bridge without its address",
        ),
        pytest.param("right", built(), (), ["route cloudbr0"], id="the gateway is missing"),
        pytest.param(
            "right", built(), (default("cloudbr0", "10.88.0.2"),), ["route cloudbr0"], id="the gateway of before"
        ),
        pytest.param("right", built(), (default("eth9", "192.0.2.1"),), [], id="a default route over another device"),
    ],
)
def test_what_an_interrupted_run_left_is_finished(file, links, routes, steps):
    assert plan([MANAGEMENT, GUEST], links, routes, file=file).summary() == steps
