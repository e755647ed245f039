# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of all kinds of paths, against simulated ones."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    ARP,
    LOCAL,
    NO_NEIGHBOUR,
    NO_ROUTE,
    NOT_ASKED,
    PROHIBITED,
    ROUTER,
    SILENT,
    TOO_LARGE,
    UDP,
    Refusal,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peer_probe import PeerProbe, Settings
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import SizeHints
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.simulated_paths import Path, ask

DEAD = Path(mtu=0, mac="")


def _verdict(path, size=1500, **options):
    outcome = ask([path], size, **options).outcomes[0]
    return outcome["control"], outcome["passed"], outcome["failure"], outcome["path_mtu"]


@pytest.mark.parametrize(
    ("path", "size", "verdict"),
    [
        (Path(), 1500, (True, True, "", 1500)),
        (Path(mtu=1450), 1500, (True, False, TOO_LARGE, 1450)),
        (Path(mtu=9000, back=1500), 9000, (True, False, TOO_LARGE, 1500)),
        (Path(mtu=1400, router=1400), 1500, (True, False, ROUTER, 1400)),
        (Path(mtu=1400, router=0), 1500, (True, False, ROUTER, 1400)),
        (Path(mtu=1400, router=1400, back=1300), 1500, (True, False, ROUTER, 1300)),
        (DEAD, 1500, (False, None, SILENT, None)),
        (Path(mtu=100), 1500, (True, False, TOO_LARGE, 100)),
        (Path(), 68, (True, True, "", 68)),
    ],
)
def test_verdicts(path, size, verdict):
    assert _verdict(path, size) == verdict


def test_ipv6_has_a_larger_small_packet():
    world = ask([Path(mtu=1400)], 1500, v6=True)
    assert world.outcomes[0]["path_mtu"] == 1400
    assert min(world.sizes()) == 104


def test_more_than_the_own_device_carries_is_not_sent():
    world = ask([Path()], 9000, own=1500)
    assert set(world.sizes()) == {84}
    assert {key: world.outcomes[0][key] for key in ("control", "passed", "failure", "path_mtu")} == {
        "control": True,
        "passed": False,
        "failure": LOCAL,
        "path_mtu": 1500,
    }


@pytest.mark.parametrize(
    ("mtu", "larger", "found"), [(1600, True, 1600), (9000, True, 9000), (1500, True, 1500), (1600, False, 1500)]
)
def test_more_than_is_required(mtu, larger, found):
    world = ask([Path(mtu=mtu)], 1500, own=9000, larger=larger)
    assert (world.outcomes[0]["passed"], world.outcomes[0]["path_mtu"], world.outcomes[0]["failure"]) == (
        True,
        found,
        "",
    )


def test_an_answer_in_fragments():
    assert ask([Path(fragments=True)]).outcomes[0]["fragmented"]
    assert not ask([Path()]).outcomes[0]["fragmented"]


@pytest.mark.parametrize(
    ("path", "forward"),
    [
        (Path(mtu=1400), False),
        (Path(mtu=9000, back=1400), True),
        (Path(mtu=1400, icmp_errors=False), None),
        (Path(), None),
        (DEAD, None),
    ],
)
def test_direction(path, forward):
    world = ask([path], direction=True)
    assert world.outcomes[0]["forward"] is forward
    assert len(world.sizes(UDP)) <= 6


def test_no_datagram_without_the_option():
    assert ask([Path(mtu=1400)]).sizes(UDP) == []


def test_who_has_the_address_is_asked_where_nobody_answers():
    assert len(ask([DEAD]).sizes(ARP)) == 3
    assert ask([Path()]).sizes(ARP) == []
    assert ask([DEAD], arp=None).sizes(ARP) == []


def test_and_twice_where_two_might():
    world = ask([Path()], duplicates=True)
    assert len(world.sizes(ARP)) == 2
    assert world.peer_probes[0].macs == ["02:00:00:00:00:01"]


def test_the_kernel_is_waited_for_where_we_may_not_ask():
    assert ask([DEAD], arp=True).now == pytest.approx(1.0)
    assert ask([DEAD], arp=None).now == pytest.approx(1.0)
    assert ask([DEAD], arp=False).now == pytest.approx(3.2)


def test_a_peer_that_wakes_up_late_is_asked_all_the_same():
    assert _verdict(Path(drops=lambda number: number < 7)) == (True, True, "", 1500)


def test_loss_does_not_depend_on_the_size():
    world = ask([Path(mtu=1400, loss=0.1)], 1500, seed=3)
    outcome = world.outcomes[0]
    assert outcome["sent"] == world.sizes().count(84) == 20
    assert 0 < outcome["lost"] < 8


@given(st.integers(84, 9000), st.floats(0, 0.36), st.integers(0, 1000))
def test_exact_on_lossy_paths(mtu, loss, seed):
    """Up to 20 % loss in each direction. The control packet, all eight times, is lost once in 3,500 times on the worst
    of them."""
    outcome = ask([Path(mtu=mtu, loss=loss)], 9000, seed=seed).outcomes[0]
    assert not outcome["control"] or outcome["path_mtu"] == mtu


@given(st.integers(84, 9000))
def test_few_packets_for_one_peer(mtu):
    assert len(ask([Path(mtu=mtu)], 9000).log) <= 20 + 100


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (PROHIBITED, PROHIBITED),
        (NO_ROUTE, NO_ROUTE),
        (NO_NEIGHBOUR, NO_NEIGHBOUR),
        (LOCAL, SILENT),
        (ROUTER, SILENT),
        (NOT_ASKED, NOT_ASKED),
    ],
)
def test_why_nothing_passes(failure, verdict):
    peer_probe = PeerProbe(0, False, 1500, 1500, Settings(), SizeHints(), True)
    now = 0.0
    while peer_probe.due < 10:
        now = max(now, peer_probe.due)
        for packet in peer_probe.take(now):
            peer_probe.refused(packet.kind, packet.size, Refusal(failure, "192.0.2.1: no", "192.0.2.1"), now)
    outcome = peer_probe.outcome(now)
    assert (outcome["control"], outcome["failure"], outcome["router"]) == (False, verdict, "192.0.2.1")


def test_a_large_packet_for_which_there_is_no_room_is_lost():
    """A veth says that of a packet which its other end does not take."""
    peer_probe = PeerProbe(0, False, 1500, 1500, Settings(), SizeHints(), True)
    now = 0.0
    while peer_probe.due < 10:
        now = max(now, peer_probe.due)
        for packet in peer_probe.take(now):
            if packet.size > 1400:
                peer_probe.refused(packet.kind, packet.size, Refusal(NOT_ASKED, "no room"), now)
            else:
                peer_probe.answered(packet.kind, packet.size, packet.number, now, False)
    outcome = peer_probe.outcome(now)
    assert (outcome["passed"], outcome["failure"], outcome["path_mtu"], outcome["text"]) == (False, TOO_LARGE, 1400, "")


def test_a_small_packet_for_which_there_is_no_room_is_not_lost():
    """The network never saw it."""
    peer_probe = PeerProbe(0, False, 1500, 1500, Settings(), SizeHints(), True)
    now, turn = 0.0, 0
    while peer_probe.due < 10:
        now = max(now, peer_probe.due)
        for packet in peer_probe.take(now):
            turn += 1
            if turn % 3:
                peer_probe.answered(packet.kind, packet.size, packet.number, now, False)
            else:
                peer_probe.refused(packet.kind, packet.size, Refusal(NOT_ASKED, "no room"), now)
    outcome = peer_probe.outcome(now)
    assert outcome["lost"] == 0
    assert 10 < outcome["sent"] < 20


def test_stopped_in_the_middle_says_nothing():
    assert _verdict(Path(), limit=0.0001) == (False, None, NOT_ASKED, None)
    control, passed, failure, mtu = _verdict(Path(mtu=1400), limit=0.3)
    assert (control, passed, failure, mtu) == (True, None, NOT_ASKED, None)
    assert _verdict(Path(), limit=0.3) == (True, True, "", 1500)  # only some of the samples are missing


def test_stopped_in_the_middle_loses_nothing():
    outcome = ask([Path(rtt=0.4)], limit=0.5, count=20).outcomes[0]
    assert outcome["lost"] == 0


@pytest.mark.parametrize("rtt", [0.0001, 0.01, 0.1, 0.4])
@pytest.mark.parametrize("mtu", [1500, 1450])
def test_far_peers(rtt, mtu):
    outcome = ask([Path(mtu=mtu, rtt=rtt)], timeout=1.0).outcomes[0]
    assert outcome["path_mtu"] == mtu
    assert rtt * 1000 <= outcome["rtt_min_ms"] <= outcome["rtt_avg_ms"] <= outcome["rtt_p99_ms"] <= 2000 * rtt + 0.001
