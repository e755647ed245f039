# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docstring of path_check/plan/pairs.py guarantees, for racks of all sizes, and by simulation: which faults
the first round always shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import path as m
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment, Probe
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import SHARE, pairs, plan_probes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fabric import (
    BRIDGE,
    HOST,
    LINK,
    NIC,
    OWN_MTU,
    SWITCH,
    TRUNK,
    Fabric,
    InjectedFault,
    Simulator,
    random_fabric,
)

racks = st.one_of(
    st.lists(st.integers(1, 40), min_size=1, max_size=10),
    st.lists(st.integers(1, 4), min_size=1, max_size=60),
    st.integers(1, 300).map(lambda hosts: [hosts]),
)
peers = st.integers(1, 10)
bounded = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def _places(counts: list[int]) -> dict[str, str]:
    return {
        f"host{rack:03}-{number:03}": f"rack{rack:03}" for rack, count in enumerate(counts) for number in range(count)
    }


@bounded
@given(racks)
def test_up_to_the_bound_everybody_asks_everybody_both_ways(counts):
    places = _places(counts)
    if len(places) <= 100:
        assert sorted(pairs(places, all_pairs=100)) == sorted(
            (host, peer) for host in places for peer in places if host != peer
        )


@bounded
@given(racks, peers)
def test_above_it_nobody_asks_himself_and_no_pair_is_asked_twice(counts, k):
    found = pairs(_places(counts), k, all_pairs=0)
    assert all(host != peer for host, peer in found)
    assert len({frozenset(pair) for pair in found}) == len(found)


@bounded
@given(racks, peers)
def test_no_host_has_more_pairs_than_the_bound(counts, k):
    busy = Counter(host for pair in pairs(_places(counts), k, all_pairs=0) for host in pair)
    assert max(busy.values(), default=0) <= 5 * k + 1 == (SHARE + 1) * k + 1


@bounded
@given(racks, peers)
def test_within_its_place_every_host_has_k_pairs_or_all(counts, k):
    places = _places(counts)
    within = Counter(
        host for pair in pairs(places, k, all_pairs=0) if places[pair[0]] == places[pair[1]] for host in pair
    )
    sizes = Counter(places.values())
    assert all(within[host] >= min(k, sizes[place] - 1) for host, place in places.items())


@bounded
@given(st.integers(1, 12), st.integers(2, 40), peers)
def test_in_racks_of_one_size_every_host_has_k_pairs_in_all(size, count, k):
    places = _places([size] * count)
    busy = Counter(host for pair in pairs(places, k, all_pairs=0) for host in pair)
    assert min(busy[host] for host in places) >= min(k, len(places) - 1)


@bounded
@given(racks, peers)
def test_every_two_places_share_k_pairs_of_different_hosts(counts, k):
    if any(len(counts) - 1 > SHARE * count for count in counts):
        return  # more places than the smallest one can meet
    places = _places(counts)
    shared = defaultdict(list)
    for pair in pairs(places, k, all_pairs=0):
        one, other = sorted(pair, key=lambda host: places[host])
        shared[places[one], places[other]].append((one, other))
    sizes = Counter(places.values())
    for one, other in combinations(sorted(sizes), 2):
        found = shared[one, other]
        assert len(found) >= min(k, sizes[one] * sizes[other])
        for side, place in enumerate((one, other)):
            assert len({pair[side] for pair in found}) >= min(k, sizes[place], sizes[one] * sizes[other])


@bounded
@given(st.integers(20, 120), st.integers(1, 2), st.integers(1, 4))
def test_with_too_many_places_each_meets_as_many_others_as_its_share_allows(count, size, k):
    places = _places([size] * count)
    met = defaultdict(set)
    for host, peer in pairs(places, k, all_pairs=0):
        met[places[host]].add(places[peer])
        met[places[peer]].add(places[host])
    assert min(len(met[place]) for place in places.values()) >= min(count - 1, SHARE * k * size - 2 * k)


@bounded
@given(racks, peers, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_hosts(counts, k, rng):
    places = _places(counts)
    shuffled = list(places.items())
    rng.shuffle(shuffled)
    assert pairs(dict(shuffled), k, all_pairs=0) == pairs(places, k, all_pairs=0)


@bounded
@given(racks)
def test_every_host_is_asked_on_every_network_that_has_a_size(counts):
    hosts = _places(counts)
    attachments = [
        Attachment(host, network, f"{network} {host}", place)
        for host, place in hosts.items()
        for network in ("Guest", "Public", "Storage")
    ]
    probes = plan_probes(attachments, {"Guest": 1550, "Storage": 9000})
    assert probes == sorted(probes, key=lambda probe: (probe.host, probe.network, probe.peer))
    assert {probe.network for probe in probes} == ({"Guest", "Storage"} if len(hosts) > 1 else set())
    ends = {(end, probe.network) for probe in probes for end in (probe.host, probe.peer)}
    assert len(hosts) == 1 or ends == {(host, network) for host in hosts for network in ("Guest", "Storage")}
    assert all(
        probe.address == f"{probe.network} {probe.peer}"
        and probe.size == {"Guest": 1550, "Storage": 9000}[probe.network]
        for probe in probes
    )


def test_a_host_is_asked_only_on_its_own_networks():
    attachments = [Attachment("a", "Guest", "1"), Attachment("b", "Guest", "2"), Attachment("a", "Storage", "3")]
    assert plan_probes(attachments, {"Guest": 1550, "Storage": 9000}) == [
        Probe("a", "Guest", "b", "2", 1550),
        Probe("b", "Guest", "a", "1", 1550),
    ]


# --- which faults the first round always shows ---

WHOLE = {
    "the MTU of a host's bridge": lambda at, far: InjectedFault(
        m.MTU, BRIDGE, host=at.host, network=at.network, mtu=1280
    ),
    "the MTU of a host's bridge, inwards": lambda at, far: InjectedFault(
        m.MTU, BRIDGE, host=at.host, network=at.network, mtu=1280, direction=m.IN
    ),
    "the MTU of a host's own device": lambda at, far: InjectedFault(
        OWN_MTU, BRIDGE, host=at.host, network=at.network, mtu=1280
    ),
    "the MTU of a host's card": lambda at, far: InjectedFault(
        m.MTU, NIC, host=at.host, nic=at.nic, mtu=1280, direction=m.OUT
    ),
    "a dead host": lambda at, far: InjectedFault(m.DEAD, HOST, host=at.host),
    "a host's wrong VLAN": lambda at, far: InjectedFault(m.UNPLUGGED, BRIDGE, host=at.host, network=at.network),
    "a one-way drop at a host": lambda at, far: InjectedFault(
        m.ONE_WAY, BRIDGE, host=at.host, network=at.network, direction=m.OUT
    ),
    "a host's wrong address": lambda at, far: InjectedFault(m.SUBNET, BRIDGE, host=at.host, network=at.network),
    "a filter": lambda at, far: InjectedFault(m.FILTERED, HOST, host=at.host),
    "the MTU of a leaf": lambda at, far: InjectedFault(m.MTU, SWITCH, place=at.place, mtu=1280),
    "a VLAN missing on a leaf's uplinks": lambda at, far: (
        InjectedFault(m.UNPLUGGED, TRUNK, place=at.place, network=at.network) if far else None
    ),
    "the MTU between two leafs": lambda at, far: (
        InjectedFault(m.MTU, LINK, place=at.place, far=far, mtu=1280) if far else None
    ),
}
HOSTS = (4, 5, 7, 9, 12, 16, 21, 28, 37, 49, 70, 90)


def _somewhere(fabric: Fabric, probes: list[Probe], rng: Random) -> tuple[Attachment, str]:
    """A host on a network, and another place that shares pairs with its own; "" if there is none."""
    at = rng.choice(fabric.attachments)
    met = {
        fabric.at[far, probe.network].place
        for probe in probes
        for near, far in ((probe.host, probe.peer), (probe.peer, probe.host))
        if fabric.at[near, probe.network].place == at.place
    }
    return at, rng.choice(sorted(met - {at.place}) or [""])


@pytest.mark.parametrize("name", WHOLE)
def test_a_fault_of_all_packets_of_an_element_is_always_seen(name):
    tried = 0
    for seed, hosts in enumerate(HOSTS):
        rng = Random(f"{name} {seed}")
        fabric = replace(random_fabric(rng, hosts), noise=0.0)
        probes = plan_probes(fabric.attachments, fabric.sizes)
        fault = WHOLE[name](*_somewhere(fabric, probes, rng))
        if fault:
            tried += 1
            simulator = Simulator(fabric, [fault], rng)
            simulator.ask(probes)
            assert not simulator.unseen, (seed, fault)
    assert tried >= len(HOSTS) // 3


def test_any_two_of_them_are_seen_at_two_hosts():
    for seed, hosts in enumerate(HOSTS * 2):
        rng = Random(seed)
        fabric = replace(random_fabric(rng, hosts), noise=0.0)
        network = rng.choice(sorted(fabric.sizes))
        one, other = rng.sample([each for each in fabric.attachments if each.network == network], 2)
        at_hosts = [make for name, make in WHOLE.items() if "host" in name]
        faults = [rng.choice(at_hosts)(each, "") for each in (one, other)]
        simulator = Simulator(fabric, faults, rng)
        simulator.ask(plan_probes(fabric.attachments, fabric.sizes))
        assert not simulator.unseen, (seed, faults)
