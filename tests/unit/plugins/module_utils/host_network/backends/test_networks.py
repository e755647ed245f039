# SPDX-License-Identifier: GPL-3.0-or-later
"""Random declarations of bonds, VLANs and bridges: what a back end renders it reads back, and renders no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.registry import BACKENDS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    HASH_POLICIES,
    LACP_RATES,
    OVS_MODES,
    Bond,
    Bridge,
    Network,
    Ovs,
    RoutingRule,
    StaticRoute,
    Vlan,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

SWITCHED = ["ifupdown", "netplan", "networkmanager"]  # back ends that make bridges of Open vSwitch
UNTAGGED = ["netplan"]  # and those of them that have no words for VLANs there
# Back ends that make bonds and VLAN devices.
LAYERED = ["ifupdown", "netplan", "networkd", "networkmanager"]
ADDRESSES = st.sampled_from([None, "dhcp", "10.88.0.11/24", "192.0.2.7/31"])
ROUTES4 = [StaticRoute("198.51.100.0/24", "10.88.0.2"), StaticRoute("default", "10.88.0.3", 100)]
ROUTES6 = [StaticRoute("2001:db8:9::/48", "2001:db8::2"), StaticRoute("default", "2001:db8::3", 101)]
RULES = [RoutingRule(100, 1000, "10.88.0.0/24"), RoutingRule(100, 1001, None, "10.9.0.0/16")]
SIX = ["2001:db8::11/64", "2001:db8::12/64"]


@st.composite
def bonds(draw: st.DrawFn, number: int) -> Bond:
    ports = tuple(f"eth{number}{port}" for port in range(draw(st.integers(1, 3))))
    name, mtu = f"bond{number}", draw(st.sampled_from([0, 1500, 9216]))
    mode = draw(st.sampled_from(["802.3ad", "active-backup", "balance-xor"]))
    if mode == "active-backup":
        return Bond(name, ports, mode, primary=draw(st.sampled_from([None, *ports])), mtu=mtu)
    rate = draw(st.sampled_from([None, *LACP_RATES])) if mode == "802.3ad" else None
    return Bond(name, ports, mode, rate, draw(st.sampled_from([None, *HASH_POLICIES])), mtu=mtu)


@st.composite
def bridges(draw: st.DrawFn, name: str, port: str) -> Bridge:
    address, six = draw(ADDRESSES), tuple(draw(st.lists(st.sampled_from(SIX), unique=True)))
    stp = draw(st.booleans())
    routes = draw(st.lists(st.sampled_from(ROUTES4), unique=True)) if address == "10.88.0.11/24" else []
    routes += draw(st.lists(st.sampled_from(ROUTES6), unique=True)) if six else []
    return Bridge(
        name,
        port,
        draw(st.sampled_from([1400, 1500, 9000])),
        address,
        "10.88.0.1" if address == "10.88.0.11/24" and draw(st.booleans()) else None,
        stp,
        draw(st.integers(2, 30)) if stp else 0,
        six,
        "2001:db8::1" if six and draw(st.booleans()) else None,
        tuple(routes),
        tuple(draw(st.lists(st.sampled_from(RULES), unique=True))) if address else (),
        tuple(draw(st.lists(st.sampled_from(["10.88.0.53", "10.88.0.54"]), unique=True))) if address else (),
        ("lab.test",) if address and draw(st.booleans()) else (),
        multicast_querier=draw(st.booleans()),
    )


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Bonds and NICs, VLANs on some of them, and bridges on some of all these."""
    bonded = [draw(bonds(number)) for number in range(draw(st.integers(0, 2)))]
    carriers = [bond.name for bond in bonded] + [f"eno{number}" for number in range(draw(st.integers(0, 2)))]
    vlans = [
        Vlan(f"{carrier}.{number}", carrier, number, draw(st.sampled_from([0, 1500, 9000])))
        for carrier in carriers
        for number in sorted(draw(st.sets(st.integers(1, 4094), max_size=2)))
    ]
    ports = [port for port in [*carriers, *(vlan.name for vlan in vlans)] if draw(st.booleans())]
    made = [draw(bridges(f"cloudbr{number}", port)) for number, port in enumerate(ports)]
    return Network(tuple(bonded), tuple(vlans), tuple(made)).layered


@st.composite
def switched(draw: st.DrawFn, name: str) -> Network:
    """Bridges of Open vSwitch on NICs and on bonds of theirs, some with VLANs, beside one of Linux."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        bonded = draw(st.booleans())
        port = f"bond{number}" if bonded else f"eno{number}"
        tag = draw(st.sampled_from([None, 1, 4094])) if name not in UNTAGGED else None
        trunks = draw(st.sets(st.integers(0, 4095), max_size=3)) if name not in UNTAGGED else ()
        ovs = Ovs(tag, tuple(sorted(trunks)))
        if bonded:
            mode = draw(st.sampled_from(OVS_MODES))
            lacp = draw(st.sampled_from(["active", "passive", *([] if mode == "balance-tcp" else [None])]))
            ovs = replace(ovs, ports=(f"eth{number}0", f"eth{number}1"), mode=mode, lacp=lacp)
        bridge = draw(bridges(f"cloudbr{number}", port))
        made.append(replace(bridge, ovs=ovs, stp=False, forward_delay=0, multicast_querier=False))
    return Network(bridges=(*made, Bridge("cloudbr9", "eno9"))).layered


@pytest.mark.parametrize("name", SWITCHED)
@settings(max_examples=15, deadline=None, phases=(Phase.generate,))
@given(data=st.data())
def test_open_vswitch_is_read_back_and_rendered_no_more_and_goes(name, data):
    network, backend = data.draw(switched(name)), BACKENDS[name]()
    files = backend.render(network, {})
    assert set(backend.declared(files).made) == set(network.made)
    assert backend.render(network, files) == {}
    gone = {**files, **backend.render(Network(absent=tuple(network.devices)), files)}
    assert backend.declared(gone).made == ()
    assert not [link for link in backend.configured(gone) if link in (*network.names, "bond0", "bond1", "bond2")]


def with_queriers(network: Network, on: bool) -> Network:
    return replace(network, bridges=tuple(replace(each, multicast_querier=on) for each in network.bridges))


@pytest.mark.parametrize("name", LAYERED)
@settings(max_examples=15, deadline=None)
@given(network=networks())
def test_a_multicast_querier_comes_and_goes_and_all_else_stays(name, network):
    backend = BACKENDS[name]()
    off, on = with_queriers(network, on=False), with_queriers(network, on=True)
    before = backend.render(off, {})
    files = {**before, **backend.render(on, before)}
    assert set(backend.declared(files).bridges) == set(on.bridges)
    files |= backend.render(off, files)
    assert {path: text for path, text in files.items() if text} == before


def without_ip(network: Network) -> Network:
    """Name servers of a bridge that loses its address are refused by NetworkManager, which is shown elsewhere."""
    return Network(bridges=tuple(Bridge(each.name, each.port, each.mtu, ovs=each.ovs) for each in network.bridges))


@pytest.mark.parametrize("name", SWITCHED)
@settings(max_examples=5, deadline=None, phases=(Phase.generate,))
@given(data=st.data())
def test_one_declaration_of_open_vswitch_follows_another(name, data):
    """Ports become bonds, VLANs come and go: nothing of the first is left."""
    backend = BACKENDS[name]()
    first, second = without_ip(data.draw(switched(name))), without_ip(data.draw(switched(name)))
    files = backend.render(first, {})
    both = replace(second, absent=tuple(each for each in first.devices if each not in second.devices))
    files = {**files, **backend.render(both, files)}
    said = {each.name: (each.port, each.ovs, each.mtu) for each in backend.declared(files).bridges}
    assert said == {each.name: (each.port, each.ovs, each.mtu) for each in second.bridges}


@pytest.mark.parametrize("name", [name for name in BACKENDS if name not in SWITCHED])
def test_who_cannot_make_open_vswitch_says_so(name):
    with pytest.raises(InputError, match=r"cannot make cloudbr0, a bridge of Open vSwitch"):
        BACKENDS[name]().render(Network(bridges=(Bridge("cloudbr0", "eth0", ovs=Ovs()),)), {})


@pytest.mark.parametrize("name", UNTAGGED)
def test_who_has_no_words_for_vlans_says_so(name):
    with pytest.raises(InputError, match=r"cannot say tag or trunks of cloudbr0"):
        BACKENDS[name]().render(Network(bridges=(Bridge("cloudbr0", "eth0", ovs=Ovs(7)),)), {})


@pytest.mark.parametrize("name", LAYERED)
@settings(max_examples=40, deadline=None)
@given(network=networks())
def test_what_is_rendered_is_read_back_and_rendered_no_more(name, network):
    backend = BACKENDS[name]()
    files = backend.render(network, {})
    read = backend.declared(files)
    assert set(read.made) == set(network.made)
    assert backend.render(network, files) == {}


@pytest.mark.parametrize("name", LAYERED)
@settings(max_examples=40, deadline=None)
@given(network=networks())
def test_what_is_absent_leaves_nothing(name, network):
    backend = BACKENDS[name]()
    files = backend.render(network, {})
    gone = {**files, **backend.render(Network(absent=tuple(network.devices)), files)}
    assert backend.declared(gone).made == ()
    assert not [link for link in backend.configured(gone) if link in network.names]
