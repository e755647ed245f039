# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is blamed, by kind of fault and element, on simulated fabrics; nobody else ever is. And what single answers
mean."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import locate_faults
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import path as m
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    Attachment,
    Element,
    Heard,
    Outcome,
    Probe,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import plan_probes

from tests.fabric import (
    BRIDGE,
    FAULTS,
    HOST,
    LEG,
    LINK,
    NIC,
    ONE_WAY_L2,
    OWN_MTU,
    SPINE,
    SWITCH,
    TRUNK,
    UPLINK,
    Fabric,
    InjectedFault,
    Simulator,
    random_fabric,
    random_fault,
)
from tests.fabric_score import check_fabric, score

SIZES = {"Guest": 1550, "Management": 1500, "Storage": 9000}


def _fabric(racks: int = 4, hosts: int = 4, legs: int = 1, spines: int = 1) -> Fabric:
    """Host h00 to h15 in r0 to r3, management on a bond of its own."""
    attachments = []
    for number in range(racks * hosts):
        for index, network in enumerate(SIZES):
            nic = "bond1" if network == "Management" else "bond0"
            mac = f"02:00:00:00:{index:02x}:{number:02x}"
            attachments.append(
                Attachment(f"h{number:02}", network, f"10.{index}.0.{number}", f"r{number // hosts}", nic, mac)
            )
    return Fabric(tuple(attachments), SIZES, {(each.host, each.nic): legs for each in attachments}, spines, salt=7)


PORT = {"host": "h05", "network": "Storage"}
CARD = {"host": "h05", "nic": "bond0"}
RACK = {"place": "r1"}
AT_PORT, AT_CARD, AT_HOST = "h05 on Storage", "bond0 of h05", "h05"
AT_RACK, AT_UPLINK, AT_LINK, AT_CORE = (
    "r1",
    "the uplink of r1",
    "the way between r1 and r2",
    "the way between the places",
)
SILENCE = ("unplugged", "one_way")

# fault; element, kinds, direction, further attributes of the located fault; the fabric's legs and spines
ROWS = [
    (
        InjectedFault(m.MTU, BRIDGE, **PORT, mtu=4000),
        AT_PORT,
        ("mtu",),
        "both",
        {"mtu": 4000, "partial": False, "self_reported": False},
    ),
    (InjectedFault(m.MTU, BRIDGE, **PORT, mtu=4000, direction=m.IN), AT_PORT, ("mtu",), "in", {"mtu": 4000}),
    (InjectedFault(m.MTU, BRIDGE, **PORT, mtu=4000, direction=m.OUT), AT_PORT, ("mtu",), "out", {"mtu": 4000}),
    (InjectedFault(OWN_MTU, BRIDGE, **PORT, mtu=1500), AT_PORT, ("mtu",), "out", {"mtu": 1500, "self_reported": True}),
    (
        InjectedFault(OWN_MTU, BRIDGE, **PORT, mtu=1500, drops=True),
        AT_PORT,
        ("mtu",),
        "out",
        {"mtu": 1500, "self_reported": True},
    ),
    (InjectedFault(m.MTU, NIC, **CARD, mtu=1400), AT_CARD, ("mtu",), "both", {"mtu": 1400, "partial": False}),
    (
        InjectedFault(m.MTU, LEG, **CARD, mtu=1400, number=1),
        AT_CARD,
        ("mtu",),
        "*",
        {"mtu": 1400, "partial": True, "legs": 2},
    ),
    (InjectedFault(m.MTU, SWITCH, **RACK, mtu=1280), AT_RACK, ("mtu",), "*", {"mtu": 1280}),
    (InjectedFault(m.MTU, UPLINK, **RACK, mtu=1280), AT_UPLINK, ("mtu",), "both", {"mtu": 1280, "partial": False}),
    (InjectedFault(m.MTU, UPLINK, **RACK, mtu=1280, direction=m.OUT), AT_UPLINK, ("mtu",), "out", {"mtu": 1280}),
    (
        InjectedFault(m.MTU, UPLINK, **RACK, mtu=1280, number=2),
        AT_UPLINK,
        ("mtu",),
        "*",
        {"mtu": 1280, "partial": True, "spines": 4},
    ),
    (InjectedFault(m.MTU, LINK, **RACK, far="r2", mtu=1280), AT_LINK, ("mtu",), "both", {"mtu": 1280}),
    (InjectedFault(m.MTU, LINK, **RACK, far="r2", mtu=1280, direction=m.IN), AT_LINK, ("mtu",), "in", {"mtu": 1280}),
    (
        InjectedFault(m.MTU, SPINE, mtu=1280, number=1),
        AT_CORE,
        ("mtu",),
        "*",
        {"mtu": 1280, "partial": True, "spines": 4},
    ),
    (InjectedFault(m.LOSS, BRIDGE, **PORT, rate=0.2), AT_PORT, ("loss",), "both", {}),
    (InjectedFault(m.LOSS, BRIDGE, **PORT, rate=0.2, direction=m.IN), AT_PORT, ("loss",), "in", {}),
    (InjectedFault(m.LOSS, BRIDGE, **PORT, rate=0.2, direction=m.OUT), AT_PORT, ("loss",), "out", {}),
    (InjectedFault(m.LOSS, BRIDGE, **PORT, rate=0.02), AT_PORT, ("loss",), "*", {}),
    (InjectedFault(m.LOSS, NIC, **CARD, rate=0.1), AT_CARD, ("loss",), "both", {}),
    (InjectedFault(m.LOSS, SWITCH, **RACK, rate=0.1), AT_RACK, ("loss",), "*", {}),
    (
        InjectedFault(m.LOSS, SWITCH, **RACK, rate=0.5),
        AT_RACK,
        ("loss",),
        "*",
        {},
    ),  # many pairs look silent, or too small
    (InjectedFault(m.LOSS, UPLINK, **RACK, rate=0.1, direction=m.OUT), AT_UPLINK, ("loss",), "out", {}),
    (InjectedFault(m.LOSS, LINK, **RACK, far="r2", rate=0.1), AT_LINK, ("loss",), "both", {}),
    (InjectedFault(m.LOSS, SPINE, rate=0.1, number=1), AT_CORE, ("loss",), "*", {"partial": True, "spines": 4}),
    (InjectedFault(m.ONE_WAY, BRIDGE, **PORT, direction=m.IN), AT_PORT, ("one_way",), "in", {}),
    (InjectedFault(m.ONE_WAY, BRIDGE, **PORT, direction=m.OUT), AT_PORT, ("one_way",), "out", {}),
    (InjectedFault(m.ONE_WAY, UPLINK, **RACK, direction=m.OUT), AT_UPLINK, ("one_way",), "out", {}),
    (InjectedFault(m.ONE_WAY, LINK, **RACK, far="r2", direction=m.IN), AT_LINK, ("one_way",), "in", {}),
    (
        InjectedFault(m.ONE_WAY, LEG, **CARD, direction=m.IN),
        AT_CARD,
        ("one_way", "filtered"),
        "*",
        {"partial": True, "legs": 2},
    ),
    (
        InjectedFault(m.ONE_WAY, SPINE, direction=m.OUT, number=1),
        AT_CORE,
        ("one_way", "filtered"),
        "*",
        {"partial": True, "spines": 4},
    ),
    (InjectedFault(ONE_WAY_L2, BRIDGE, **PORT, direction=m.IN), AT_PORT, SILENCE, "*", {}),
    (InjectedFault(m.DEAD, HOST, host="h05"), AT_HOST, ("dead",), "", {}),
    (InjectedFault(m.UNPLUGGED, BRIDGE, **PORT), AT_PORT, SILENCE, "*", {}),
    (
        InjectedFault(m.UNPLUGGED, BRIDGE, host="h05", network="Management"),
        "h05 on Management",
        SILENCE,
        "",
        {},
    ),  # so it cannot be asked
    (InjectedFault(m.UNPLUGGED, TRUNK, **RACK, network="Storage"), "the uplink of r1 on Storage", SILENCE, "*", {}),
    (InjectedFault(m.SUBNET, BRIDGE, **PORT), AT_PORT, ("subnet",), "", {"self_reported": True}),
    (InjectedFault(m.DUPLICATE, BRIDGE, **PORT), AT_PORT, ("duplicate",), "", {"others": ()}),
    (InjectedFault(m.DUPLICATE, BRIDGE, **PORT, other="h09"), AT_PORT, ("duplicate",), "", {"others": ("h09",)}),
    (InjectedFault(m.FILTERED, HOST, host="h05"), AT_HOST, ("filtered",), "*", {}),
    (InjectedFault(m.FILTERED, HOST, host="h05", requests_only=True), AT_HOST, ("filtered",), "*", {}),
]


@pytest.mark.parametrize(("injected", "element", "kinds", "direction", "more"), ROWS)
def test_one_fault_is_named_and_nothing_else(injected, element, kinds, direction, more):
    expected = dict(more)
    fabric = _fabric(legs=expected.pop("legs", 1), spines=expected.pop("spines", 1))
    for seed in range(2):
        (fault,) = check_fabric(Simulator(fabric, [injected], Random(seed))).faults
        assert [str(each) for each in fault.suspects] == [element]
        # stale neighbour entries let a wrong VLAN look like something else, too
        assert fault.kinds[: len(kinds)] == kinds
        assert direction in ("*", fault.direction)
        assert {name: getattr(fault, name) for name in expected} == expected
        assert fault.decided
        assert 0 < fault.failed_pairs <= fault.tested_pairs


def test_a_filter_says_nothing_of_the_mtu():
    injections = [InjectedFault(m.FILTERED, HOST, host="h05"), InjectedFault(m.MTU, BRIDGE, **PORT, mtu=1500)]
    (fault,) = check_fabric(Simulator(_fabric(), injections, Random(0))).faults
    assert (fault.kinds, fault.mtu) == (("filtered",), None)


def test_loss_is_told_in_percent():
    (fault,) = check_fabric(
        Simulator(_fabric(), [InjectedFault(m.LOSS, BRIDGE, **PORT, rate=0.2, direction=m.IN)], Random(0))
    ).faults
    assert fault.loss_percent == pytest.approx(20, abs=4)


@pytest.mark.parametrize("place", ["", "r0"])
@pytest.mark.parametrize("seed", range(4))
def test_of_three_hosts_the_one_that_loses_packets_is_told_from_the_network_between_them(place, seed):
    """20 packets each way do not suffice for that: the second round asks the pair that lost none once more."""
    attachments = [
        Attachment(f"h{n}", "Storage", f"10.1.0.{n}", place, "eth2", f"02:00:00:00:01:{n:02x}") for n in range(3)
    ]
    injected = InjectedFault(m.LOSS, BRIDGE, host="h2", network="Storage", rate=0.1)
    (fault,) = check_fabric(
        Simulator(Fabric(tuple(attachments), SIZES, {}, 1, salt=7), [injected], Random(seed))
    ).faults
    assert [str(each) for each in fault.suspects] == ["h2 on Storage"]


def test_two_faults_are_named_each():
    injections = [InjectedFault(m.MTU, UPLINK, **RACK, mtu=1280), InjectedFault(m.DEAD, HOST, host="h12")]
    found = check_fabric(Simulator(_fabric(), injections, Random(0))).faults
    assert [(each.kinds, str(each.suspects[0])) for each in found] == [(("mtu",), AT_UPLINK), (("dead",), "h12")]


def test_two_mtus_are_two_faults():
    injections = [
        InjectedFault(m.MTU, BRIDGE, host="h01", network="Storage", mtu=4000),
        InjectedFault(m.MTU, BRIDGE, host="h02", network="Storage", mtu=1500),
    ]
    found = check_fabric(Simulator(_fabric(), injections, Random(0))).faults
    assert sorted((str(each.suspects[0]), each.mtu) for each in found) == [
        ("h01 on Storage", 4000),
        ("h02 on Storage", 1500),
    ]


# --- ties ---


def test_of_two_hosts_nobody_can_tell_which():
    fabric = _fabric(racks=1, hosts=2)
    (fault,) = check_fabric(
        Simulator(fabric, [InjectedFault(m.MTU, BRIDGE, host="h00", network="Storage", mtu=1500)], Random(0))
    ).faults
    assert not fault.decided
    assert {"h00 on Storage", "h01 on Storage"} <= {str(each) for each in fault.suspects}


def test_a_tie_is_told_and_the_second_round_decides_it():
    fabric = _fabric()
    simulator = Simulator(fabric, [InjectedFault(m.MTU, BRIDGE, **PORT, mtu=1500)], Random(0))
    probes = plan_probes(fabric.attachments, {"Storage": 9000}, peers=1, all_pairs=0)
    outcomes, heard = simulator.ask(
        [
            probe
            for probe in probes
            if {"h05", "h06"} == {probe.host, probe.peer} or "h05" not in (probe.host, probe.peer)
        ]
    )
    first = locate_faults(fabric.attachments, outcomes, heard, simulator.ran)
    (tie,) = first.faults
    assert not tie.decided
    assert "h05 on Storage" in map(str, tie.suspects)
    assert first.next_probes
    more, ears = simulator.ask(first.next_probes, direction=True)
    (fault,) = locate_faults(fabric.attachments, outcomes + more, heard + ears, simulator.ran).faults
    assert fault.decided
    assert str(fault.suspects[0]) == AT_PORT


# --- random fabrics ---


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_a_healthy_fabric_has_no_fault(noise):
    for seed in range(15):
        rng = Random(seed)
        fabric = replace(random_fabric(rng, rng.randint(3, 40)), noise=noise)
        faults = check_fabric(Simulator(fabric, [], rng)).faults
        assert not [each for each in faults if each.decided or not noise]


@pytest.mark.parametrize("injections", [1, 2, 3])
def test_no_healthy_host_is_ever_blamed_alone(injections):
    seen = located = 0
    for seed in range(30):
        rng = Random(seed * 10 + injections)
        fabric = random_fabric(rng, round(3 * 12 ** rng.random()))
        chosen = [
            random_fault(rng, fabric, kind)
            for kind in [FAULTS[seed % len(FAULTS)], *rng.choices(FAULTS, k=injections - 1)]
        ]
        simulator = Simulator(fabric, list(dict.fromkeys(chosen)), rng)
        result = score(simulator, check_fabric(simulator).faults)
        assert not result.healthy_blamed, (seed, chosen)
        seen, located = seen + result.seen, located + result.located
    assert located >= 0.9 * seen > 0


def test_without_places_the_hosts_of_a_cut_off_switch_are_one_side():
    fabric = _fabric(racks=2)
    known = [replace(each, place="") for each in fabric.attachments]
    (fault,) = check_fabric(
        Simulator(fabric, [InjectedFault(m.UNPLUGGED, TRUNK, place="r1", network="Storage")], Random(0)),
        attachments=known,
    ).faults
    assert str(fault.suspects[0]) == "the way between the side of h00 and the side of h04 on Storage"


# --- single answers ---

HOSTS = [
    Attachment(host, "Storage", f"10.0.0.{number}", "r0", "eth0", f"02::{number}") for number, host in enumerate("abcd")
]
NAMES = {each.host: each for each in HOSTS}


def _outcome(host: str, peer: str, passed: bool = True, **values) -> Outcome:
    probe = Probe(host, "Storage", peer, NAMES[peer].address, 9000)
    return replace(
        Outcome(probe, True, passed, 20, 0, path_mtu=9000 if passed else 1500, failure="" if passed else m.TOO_LARGE),
        **values,
    )


def _silent(host: str, peer: str, failure: str = m.SILENT, **values) -> Outcome:
    return replace(
        _outcome(host, peer), control=False, passed=None, path_mtu=None, sent=8, lost=8, failure=failure, **values
    )


def _named(outcomes, heard=(), ran="abcd"):
    return [
        (each.kinds, [str(element) for element in each.suspects], each.direction)
        for each in locate_faults(HOSTS, outcomes, heard, ran).faults
    ]


OTHERS = [_outcome("b", "c"), _outcome("b", "d"), _outcome("c", "d")]
TO_A = [_outcome(host, "a") for host in "bcd"]


def _a(*kinds: str, direction: str = ""):
    return [(kinds, ["a on Storage"], direction)]


@pytest.mark.parametrize(
    ("outcomes", "found"),
    [
        ([], []),
        (TO_A, []),
        ([replace(each, failure=m.NOT_ASKED, passed=None) for each in TO_A], []),
        # no route: the host itself is in another subnet
        ([_silent("a", host, m.NO_ROUTE) for host in "bcd"], _a("subnet")),
        ([_silent("a", host, m.NO_ADDRESS) for host in "bcd"], _a("subnet")),
        ([_outcome(host, "a", False) for host in "bcd"], _a("mtu")),
        # seen with veth: the port leaves room for a VLAN tag, in one direction
        (
            [_outcome(host, "a", False) for host in "bcd"]
            + [_outcome("a", host, False, path_mtu=1504) for host in "bcd"],
            _a("mtu"),
        ),
        # answers in fragments: the answering host's device is too small
        ([replace(each, fragmented=True) for each in TO_A], _a("fragmented")),
        # a MAC that is not the declared one
        ([replace(each, neighbour="02::9") for each in TO_A[:1]] + TO_A[1:], _a("duplicate")),
        ([replace(each, neighbour="02::0", neighbours=("02::0", "02::9")) for each in TO_A], _a("duplicate")),
        # nothing passes, neither does TCP; TCP passes everywhere; TCP passes here and there
        ([_silent(host, "a", tcp=False) for host in "bcd"], _a("one_way", "filtered")),
        ([_silent(host, "a", tcp=True) for host in "bcd"], _a("filtered")),
        ([_silent(host, "a", tcp=host == "b") for host in "bcd"], _a("one_way", "filtered")),
        ([_silent(host, "a", m.NO_NEIGHBOUR, tcp=False) for host in "bcd"], _a("unplugged", "one_way")),
        # of a pair that worked in another run, the failure counts
        ([_outcome(host, "a", False) for host in "bcd"] + TO_A, _a("mtu")),
    ],
)
def test_answers(outcomes, found):
    assert _named(outcomes + OTHERS) == found


def test_what_a_peer_heard_tells_the_direction():
    outcomes = [_silent("a", host, tcp=False) for host in "bcd"]
    assert _named(outcomes + OTHERS, [Heard("b", "Storage", "a", 8, 0, 7)]) == _a("one_way", direction="in")


def test_a_datagram_that_is_answered_tells_the_direction():
    outcomes = [_outcome(host, "a", False, forward=True) for host in "bcd"]
    assert _named(outcomes + OTHERS) == _a("mtu", direction="out")


def test_a_host_that_gave_no_results_and_that_nobody_reaches_is_dead():
    assert _named([_silent(host, "a", m.NO_NEIGHBOUR) for host in "bcd"] + OTHERS, ran="bcd") == _a("dead")


def test_loss_up_to_the_limit_is_none():
    outcomes = [replace(each, lost=4) for each in TO_A] + OTHERS
    assert [each.kinds for each in locate_faults(HOSTS, outcomes, loss_max_percent=10.0).faults] == [("loss",)]
    assert not locate_faults(HOSTS, outcomes, loss_max_percent=20.0).faults


@pytest.mark.parametrize(("bursts", "blamed"), [(0, ["loss"]), (3, ["loss"]), (1, [])])
def test_a_few_packets_lost_in_a_row_once_are_chance(bursts, blamed):
    """Seen: three questions and one answer on the way from one host to another within a tenth of a second, and none
    after that."""
    outcomes = [_outcome("b", "a", lost=3, bursts=bursts), _outcome("a", "b", lost=1, bursts=1), *TO_A[1:], *OTHERS]
    assert [kind for each in locate_faults(HOSTS, outcomes).faults for kind in each.kinds] == blamed


def test_what_is_unknown_is_passed_over():
    stranger = Outcome(Probe("a", "Guest", "z", "10.9.9.9", 1550), False, None, 8, 8, failure=m.SILENT)
    assert _named([stranger, _outcome("a", "b"), _outcome("b", "c")]) == []


def test_no_host_is_asked_to_do_too_much():
    simulator = Simulator(
        _fabric(racks=10), [InjectedFault(m.LOSS, SPINE, rate=0.02), InjectedFault(m.MTU, SPINE, mtu=1280)], Random(0)
    )
    outcomes, heard = simulator.ask(plan_probes(simulator.fabric.attachments, SIZES))
    asked = [
        probe.host for probe in locate_faults(simulator.fabric.attachments, outcomes, heard, simulator.ran).next_probes
    ]
    assert max(map(asked.count, set(asked)), default=0) <= 32


def test_an_element_is_told_in_words():
    assert str(Element(m.PAIR, host="a", other="b", network="Storage")) == "the way between a and b on Storage"
