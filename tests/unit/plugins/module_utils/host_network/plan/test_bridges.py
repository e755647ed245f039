# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared bridge makes of a bare host, of itself, and what is refused before anything is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bond,
    Bridge,
    Link,
    Network,
    Route,
    RoutingRule,
    State,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import (
    guests_on,
    plan_network,
    rebuilt_bridges,
    undeclared,
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
    network, before = Network(bridges=tuple(bridges)), Network(bridges=tuple(bridges if old is None else old))
    return plan_network(network, files, rendered, before, State(links, tuple(routes)))


def test_a_bare_host_gets_both_bridges():
    steps = plan([MANAGEMENT, GUEST], BARE, old=[])
    assert steps.summary() == ["take down eth0", "take down eth1", f"create {FILE}", "build cloudbr0", "build cloudbr1"]
    assert rebuilt_bridges(steps) == [MANAGEMENT, GUEST]


def test_the_second_run_has_nothing_to_do():
    assert not plan([MANAGEMENT, GUEST], built(), TO_ROUTER, file="right")


def test_a_wrong_mtu_alone_takes_no_bridge_down():
    assert plan([MANAGEMENT, GUEST], built(mtu=1500), TO_ROUTER, file="right").summary() == ["resize cloudbr1"]


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
    links = {**BARE_BRIDGE, "vnet0": link("vnet0", "tun", master="cloudbr0")}
    assert guests_on(plan([MANAGEMENT], links), links, Network()) == ["vnet0"]


def test_the_port_that_a_bridge_had_is_no_guest():
    links = {**built(), "vnet0": link("vnet0", "tun", master="cloudbr0"), "eth8": link("eth8", "ether")}
    moved, old = replace(MANAGEMENT, port="eth8"), Network(bridges=(MANAGEMENT,))
    assert guests_on(plan([moved], links, TO_ROUTER, file="old", old=[MANAGEMENT]), links, old) == ["vnet0"]


def test_a_port_that_the_files_would_keep_beside_the_declared_one_is_refused():
    """NetworkManager and networkd have a file for each port; that of the old one says of which bridge it is."""
    moved = Network(bridges=(replace(MANAGEMENT, port="eth8"),))
    old, links = Network(bridges=(MANAGEMENT,)), {**built(), "eth8": link("eth8", "ether")}
    two_ports = Network()  # such a bridge cannot be declared
    with pytest.raises(InputError, match="cloudbr0 has the port eth0, and would have eth8 beside it"):
        plan_network(moved, {FILE: "old"}, {FILE: "new"}, old, State(links), new=two_ports)
    assert plan_network(moved, {FILE: "old"}, {FILE: "new"}, old, State(links), new=moved)


def test_a_vlan_on_a_bridge_that_would_go_down_is_refused():
    vlan = link("cloudbr0.7", "vlan", parent="cloudbr0")
    half = {**built(), "cloudbr0": link("cloudbr0", "bridge"), "cloudbr0.7": vlan}
    with pytest.raises(InputError, match="cloudbr0 would be taken down.*Observed: cloudbr0.7"):
        plan([MANAGEMENT], half)
    assert not plan([MANAGEMENT], {**built(), "cloudbr0.7": vlan}, TO_ROUTER, file="right")


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


BOND = Bond("bond0", ("eth1", "eth2"), "802.3ad", "fast", mtu=9000)
VLAN = Vlan("bond0.7", "bond0", 7, 9000)
LAYERED = Network((BOND,), (VLAN,), (Bridge("cloudbr1", "bond0"), Bridge("cloudbr2", "bond0.7", 9000)))
THREE = {**BARE, "eth2": link("eth2", "ether")}
OUTER = (("id", "7"), ("protocol", "802.1ad"))
LACP = (("mode", "802.3ad"), ("miimon", "100"), ("lacp_rate", "fast"), ("xmit_hash_policy", "layer2"))


def layered(**more: Link) -> dict[str, Link]:
    """The links of a host on which LAYERED stands."""
    return {
        "eth0": BARE["eth0"],
        "eth1": link("eth1", "ether", 9000, master="bond0"),
        "eth2": link("eth2", "ether", 9000, master="bond0"),
        "bond0": link("bond0", "bond", 9000, master="cloudbr1", options=LACP),
        "bond0.7": link("bond0.7", "vlan", 9000, master="cloudbr2", parent="bond0", options=(("id", "7"),)),
        "cloudbr1": link("cloudbr1", "bridge"),
        "cloudbr2": link("cloudbr2", "bridge", 9000),
        **more,
    }


def steps(network, links, old=None, rendered=None):
    return plan_network(network, {}, rendered or {}, old or network, State(links))


def test_layers_are_made_from_below_and_each_nic_comes_up_once():
    found = steps(LAYERED, THREE, Network(), {FILE: "new"})
    assert found.summary() == [
        "take down eth1",
        "take down eth2",
        f"create {FILE}",
        "build bond0",
        "build bond0.7",
        "build cloudbr1",
        "build cloudbr2",
    ]
    builds = [change for change in found if change.action == "build"]
    assert [change.data["bring_up"] for change in builds] == [
        ("eth1", "eth2", "bond0"),
        ("bond0.7",),
        ("cloudbr1",),
        ("cloudbr2",),
    ]
    assert builds[-1].data["mtus"] == (
        *(("eth1", 9000), ("eth2", 9000), ("bond0", 9000)),
        *(("bond0.7", 9000), ("cloudbr2", 9000)),
    )
    assert builds[2].data["mtus"][-1] == ("cloudbr1", 1500)
    kept = {name for change in found for name in change.data.get("names", ())}
    assert kept == {"eth1", "eth2", "bond0", "bond0.7", "cloudbr1", "cloudbr2"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, [], id="whole"),
        pytest.param(
            {"bond0.7": link("bond0.7", "vlan", 9000, parent="bond0", options=(("id", "8"),))},
            ["take down cloudbr2", "take down bond0.7", "build bond0.7", "build cloudbr2"],
            id="another VLAN: what lies on it is built again, the bond is not",
        ),
        pytest.param(
            {"eth2": link("eth2", "ether", 9000)},
            [
                *("take down cloudbr1", "take down cloudbr2", "take down bond0.7", "take down bond0"),
                *("take down eth1", "take down eth2"),
                *("build bond0", "build bond0.7", "build cloudbr1", "build cloudbr2"),
            ],
            id="a port is missing: all that lies on the bond goes first",
        ),
        pytest.param(
            {"bond0": link("bond0", "bond", 9000, master="cloudbr1", options=(("mode", "balance-rr"),))},
            [
                *("take down cloudbr1", "take down cloudbr2", "take down bond0.7", "take down bond0"),
                *("take down eth1", "take down eth2"),
                *("build bond0", "build bond0.7", "build cloudbr1", "build cloudbr2"),
            ],
            id="another mode",
        ),
        pytest.param(
            {"bond0": link("bond0", "bond", 9000, addresses=("10.88.1.11/24",), options=LACP)},
            [
                *("take down cloudbr1", "take down cloudbr2", "take down bond0.7", "take down bond0"),
                *("take down eth1", "take down eth2"),
                *("build bond0", "build bond0.7", "build cloudbr1", "build cloudbr2"),
            ],
            id="an address on the bond goes with it, and its DHCP client",
        ),
        pytest.param(
            {"cloudbr1": link("cloudbr1", "bridge", up=False)},
            ["take down cloudbr1", "build cloudbr1"],
            id="a bridge alone: the bond under it stays up",
        ),
        pytest.param(
            {"eth1": link("eth1", "ether", 1500, master="bond0")},
            ["resize bond0", "resize bond0.7", "resize cloudbr1", "resize cloudbr2"],
            id="the MTU of a port",
        ),
    ],
)
def test_only_what_is_not_as_declared_is_made_again(more, expected):
    assert steps(LAYERED, layered(**more)).summary() == expected


@pytest.mark.parametrize(
    ("network", "more", "deleted"),
    [
        (
            LAYERED,
            {"bond0": link("bond0", "bond", 9000, master="cloudbr1", options=(("mode", "balance-alb"),))},
            ["bond0.7", "bond0"],
        ),
        (LAYERED, {"bond0.7": link("bond0.7", "vlan", 9000, parent="bond0", options=(("id", "8"),))}, ["bond0.7"]),
        (LAYERED, {"bond0.7": link("bond0.7", "vlan", 9000, parent="bond0", options=OUTER)}, ["bond0.7"]),
        (LAYERED, {"cloudbr1": link("cloudbr1", "bridge", up=False)}, []),
        (Network((), (), (), ("bond0.7",)), {"cloudbr2": link("cloudbr2", "bridge", 9000)}, ["bond0.7"]),
        (Network((), (), (Bridge("cloudbr1", "bond0", 9000),)), {"cloudbr1": link("cloudbr1", "bridge", up=False)}, []),
    ],
    ids=["another mode", "another VLAN", "another protocol", "a bridge", "absent", "a bond that is declared as a port"],
)
def test_a_bond_or_vlan_device_that_is_made_anew_is_deleted_whatever_files_say_of_it(network, more, deleted):
    """Of the files so far, of which this is not a part, a back end may not understand what they say of it."""
    found = steps(network, layered(**more), old=Network())
    assert [change.target for change in found if change.data.get("delete")] == deleted


def test_guests_are_attached_again_where_their_bridge_is_made_anew():
    """On a bridge that stays up, nobody has lost anything."""
    guests = {
        "vnet0": link("vnet0", "tun", master="cloudbr1"),
        "vnet1": link("vnet1", "tun", master="cloudbr2"),
        "vnet2": link("vnet2", "tun", master="cloudbr9"),
    }
    found = steps(LAYERED, layered(**guests, eth2=link("eth2", "ether", 9000)))
    assert found.summary()[-3:] == ["build cloudbr2", "attach vnet0", "attach vnet1"]
    attached = [change.data for change in found if change.action == "attach"]
    assert attached[0] == {"names": ("vnet0",), "bridge": "cloudbr1"}
    resized = steps(LAYERED, layered(**guests, eth1=link("eth1", "ether", 1500, master="bond0")))
    assert "attach" not in {change.action for change in resized}


def test_a_port_that_is_no_guest_is_not_attached_again():
    """The bridge's port so far, and a NIC that somebody had put there."""
    strange = {"eth0": link("eth0", "veth", master="cloudbr1"), "eth7": link("eth7", "ether", master="cloudbr1")}
    links = {**built(), **strange, "eth1": link("eth1", "veth", 9000)}
    found = plan([GUEST], links, file="old", old=[Bridge("cloudbr1", "eth0")])
    assert found.summary() == ["take down cloudbr1", "take down eth1", f"change {FILE}", "build cloudbr1"]


def test_a_nic_under_vlans_alone_keeps_its_addresses_and_a_larger_mtu():
    network = Network(vlans=(Vlan("eth0.7", "eth0", 7),), bridges=(Bridge("cloudbr1", "eth0.7"),))
    jumbo = {**BARE, "eth0": link("eth0", "ether", 9000, addresses=("10.88.0.11/24",))}
    found = steps(network, jumbo)
    assert found.summary() == ["build eth0.7", "build cloudbr1"]
    first = next(iter(found))
    assert (first.data["bring_up"], first.data["mtus"]) == (("eth0.7",), (("eth0", 9000), ("eth0.7", 1500)))
    down = steps(network, {**BARE, "eth0": link("eth0", "ether", up=False)})
    assert next(iter(down)).data["bring_up"] == ("eth0", "eth0.7")


def test_a_vlan_that_nobody_declares_does_not_go_with_its_bond():
    guest = link("bond0.9", "vlan", parent="bond0")
    with pytest.raises(InputError, match=r"bond0 would be taken down.*Observed: bond0.9.*declare them"):
        steps(LAYERED, layered(**{"bond0.9": guest}, eth2=link("eth2", "ether", 9000)))
    assert not steps(LAYERED, layered(**{"bond0.9": guest}))


def test_what_is_absent_goes_from_above_and_what_is_not_declared_stays():
    gone = Network(absent=("bond0", "cloudbr1", "bond0.7", "cloudbr2", "cloudbr7"))
    found = steps(gone, layered(), LAYERED, {FILE: ""})
    assert found.summary() == [
        *("take down cloudbr1", "take down cloudbr2", "take down bond0.7", "take down bond0"),
        f"create {FILE}",
        *("remove cloudbr1", "remove cloudbr2", "remove bond0.7", "remove bond0"),
    ]
    assert not steps(Network(), layered(), LAYERED)
    own = {"/etc/a/10-cloudstack-kvm-x": "iface cloudbr1 bond0\n", "/etc/a/b": "cloudbr2 bond0.7\n"}
    assert undeclared(Network(), own, LAYERED) == ["bond0", "cloudbr1"]
    assert undeclared(gone, own, LAYERED) == []


def test_guests_on_a_bridge_that_goes_are_named():
    links = {**built(), "vnet0": link("vnet0", "tun", master="cloudbr1")}
    assert guests_on(steps(Network(absent=("cloudbr1",)), links), links, Network()) == ["vnet0"]


def test_a_file_that_has_nothing_to_say_any_more_is_deleted():
    found = plan_network(Network(), {FILE: "old"}, {FILE: ""}, Network(), State(BARE))
    assert found.summary() == [f"delete {FILE}"]


MORE = Bridge(
    "cloudbr1",
    "eth1",
    9000,
    stp=True,
    forward_delay=4,
    addresses6=("2001:db8::11/64",),
    gateway6="2001:db8::1",
    routes=(StaticRoute("198.51.100.7/32", "10.88.0.2", 100),),
    rules=(RoutingRule(100, 1000, "10.88.0.0/24"),),
)
SIX = Route(6, ("cloudbr1",), ("default", "via", "2001:db8::1", "dev", "cloudbr1"), "2001:db8::1")
REBUILD = ["take down cloudbr1", "take down eth1", "build cloudbr1"]


def over(table: str) -> Route:
    words = ("198.51.100.7", "via", "10.88.0.2", "dev", "cloudbr1", "table", table)
    return Route(4, ("cloudbr1",), words, "10.88.0.2", main=False)


@pytest.mark.parametrize(
    ("routes", "rules", "old", "options", "expected"),
    [
        pytest.param((SIX, over("100")), MORE.rules, MORE, "1", [], id="whole"),
        pytest.param((SIX, over("storage")), MORE.rules, MORE, "1", [], id="a table that has a name"),
        pytest.param((SIX,), MORE.rules, MORE, "1", REBUILD, id="a route is missing"),
        pytest.param((over("100"),), MORE.rules, MORE, "1", REBUILD, id="the gateway is missing"),
        pytest.param((SIX, over("100")), (), MORE, "1", REBUILD, id="a rule is missing"),
        pytest.param((SIX, over("100")), MORE.rules, MORE, "0", REBUILD, id="no spanning tree"),
        pytest.param((SIX, over("100")), MORE.rules, GUEST, "1", REBUILD, id="declared otherwise so far"),
    ],
)
def test_what_more_a_bridge_has_comes_with_it(routes, rules, old, options, expected):
    bridge = link("cloudbr1", "bridge", 9000, addresses=("2001:db8::11/64",), options=(("stp_state", options),))
    state = State({**built(), "cloudbr1": bridge}, routes, rules)
    network, before = Network(bridges=(MORE,)), Network(bridges=(old,))
    assert plan_network(network, {}, {}, before, state).summary() == expected


QUERIER = replace(GUEST, multicast_querier=True)
CHANGE, SET = f"change {FILE}", "set querier cloudbr1"


@pytest.mark.parametrize(
    ("old", "new", "measured", "expected"),
    [
        pytest.param(GUEST, QUERIER, "0", [CHANGE, SET], id="declared"),
        pytest.param(QUERIER, QUERIER, "1", [CHANGE], id="as declared"),
        pytest.param(QUERIER, QUERIER, "0", [CHANGE, SET], id="switched off by hand"),
        pytest.param(QUERIER, GUEST, "1", [SET, CHANGE], id="declared no more"),
        pytest.param(QUERIER, GUEST, "0", [CHANGE], id="declared no more, and off"),
        pytest.param(GUEST, GUEST, "1", [CHANGE], id="switched on by hand"),
        pytest.param(GUEST, QUERIER, "", [CHANGE, SET], id="a kernel that does not say"),
    ],
)
def test_a_multicast_querier_comes_and_goes_while_the_bridge_is_up(old, new, measured, expected):
    guest = link("vnet0", "tun", master="cloudbr1")
    options = (("mcast_querier", measured),) if measured else ()
    links = built(cloudbr1=link("cloudbr1", "bridge", 9000, options=options), vnet0=guest)
    steps = plan([new], links, file="old", old=[old])
    assert steps.summary() == expected
    assert guests_on(steps, links, Network()) == []
    words = {True: "on", False: "off"}
    shown = [(step.before, step.after, step.data) for step in steps if step.action == "set querier"]
    wanted = {"names": ("cloudbr1",), "on": new.multicast_querier}
    sides = [{"multicast querier": words[each]} for each in (not new.multicast_querier, new.multicast_querier)]
    assert shown in ([], [(*sides, wanted)])


def test_a_bridge_that_is_made_is_made_a_querier_by_its_back_end():
    steps = plan([QUERIER], BARE, old=[])
    assert steps.summary() == ["take down eth1", f"create {FILE}", "build cloudbr1"]


def test_each_new_file_has_the_mode_of_its_path():
    modes = {"/etc/a": 0o600, "/etc/b": 0o644}
    steps = plan_network(Network(), {}, dict.fromkeys(modes, "new"), Network(), State(BARE), modes.__getitem__)
    assert {step.target: step.data["mode"] for step in steps} == modes
