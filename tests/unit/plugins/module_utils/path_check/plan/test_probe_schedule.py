# SPDX-License-Identifier: GPL-3.0-or-later
"""Many peers at once: within the rate, in little time, and one slow peer delays nobody."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_schedule import BURST, ProbeSchedule
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.simulated_paths import Path, ask

DEAD = Path(mtu=0, mac="")


def _most_in(log, seconds):
    """The most packets within any time that long."""
    times, begin, most = [when for when, _packet in log], 0, 0
    for end, when in enumerate(times):
        while times[begin] < when - seconds:
            begin += 1
        most = max(most, end - begin + 1)
    return most


@pytest.mark.parametrize("rate", [20, 100, 1000])
@pytest.mark.parametrize("path", [Path(), DEAD, Path(mtu=1387)])
def test_never_a_flood(rate, path):
    world = ask([path] * 30, rate=rate)
    assert _most_in(world.log, 1.0) <= rate * (1 + BURST) + 45  # and the one question of several sizes that was begun


def test_a_cluster_takes_as_long_as_one_peer():
    one, many = ask([Path()]).now, ask([Path()] * 30).now
    assert many < one + 0.2


def test_all_peers_with_a_wrong_mtu():
    """An own port with a wrong MTU: the first few find it, the others confirm."""
    world = ask([Path(mtu=1404)] * 99)
    assert [outcome["path_mtu"] for outcome in world.outcomes] == [1404] * 99
    assert world.now < 4
    assert len(world.log) < 99 * 35


def test_dead_peers_delay_nobody():
    world = ask([DEAD, Path(), DEAD, Path(mtu=1400), Path()])
    assert [outcome["path_mtu"] for outcome in world.outcomes] == [None, 1500, None, 1400, 1500]
    assert world.now < 1.3


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1400, 1450, 1492, 1500]), st.sampled_from([0.0, 0.02])), min_size=1, max_size=60
    ),
    st.integers(0, 99),
)
def test_every_peer_gets_the_right_answer(paths, seed):
    world = ask([Path(mtu=mtu, loss=loss) for mtu, loss in paths], seed=seed)
    assert [outcome["path_mtu"] for outcome in world.outcomes] == [mtu or None for mtu, _loss in paths]
    assert world.now < 10


def test_time_is_over():
    world = ask([Path()] * 50, rate=20, limit=2)
    assert world.now == pytest.approx(2, abs=0.1)
    failures = {outcome["failure"] for outcome in world.outcomes}
    assert failures == {"", "not_asked"} or failures == {"not_asked"}


def test_what_belongs_to_nobody_is_passed_over():
    schedule = ProbeSchedule([], 1000, 30, 0.0)
    schedule.answered(7, "echo", 84, 0, 0.1)
    schedule.neighbour(7, "02:00:00:00:00:01")
    assert schedule.next() == float("inf")
