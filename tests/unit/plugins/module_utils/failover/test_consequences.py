# SPDX-License-Identifier: GPL-3.0-or-later
"""If a host dies now: who comes back where, and who does not and why."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.consequences import consequences
from hypothesis import given
from hypothesis import strategies as st

from tests.staged_site import edited


def of_host1(row):
    return consequences(edited(row))[0]


def test_guests_are_spread_over_the_hosts_with_the_most_memory():
    dies = of_host1({"hosts": {"host2": {"memory_used": 20}}})
    assert [(each.guest, each.host) for each in dies.returns] == [("vm1", "host3"), ("vm2", "host2")]
    assert dies.stays == () and dies.fenced and dies.room


def test_the_guest_with_the_fewest_choices_is_placed_first():
    """vm1 fits only on host2, whose room vm2 would take otherwise."""
    row = {
        "hosts": {"host2": {"tags": ["gold"], "memory_used": 54}, "host3": {"memory_used": 55}},
        "guests": {"vm1": {"tags": ["gold"]}},
    }
    assert [(each.guest, each.host) for each in of_host1(row).returns] == [("vm1", "host2"), ("vm2", "host3")]


@pytest.mark.parametrize(
    ("row", "guest", "reason", "words"),
    [
        (
            {"guests": {"vm1": {"ha": False, "offering": "small"}}},
            "vm1",
            "no HA",
            "HA is off for it (offerha of its offering small)",
        ),
        ({"settings": {"vm.ha.enabled": False}}, "vm1", "VM HA off", "vm.ha.enabled is false for the zone zone1"),
        ({"site": {"zone_allocation_state": "Disabled"}}, "vm2", "disabled", "Disabled"),
        ({"pools": {"primary": {"state": "Maintenance"}}}, "vm1", "pool", "primary is Maintenance"),
        ({"pools": {"primary": {"scope": "HOST"}}}, "vm1", "local storage", "local storage primary"),
        ({"hosts": {"host1": {"power_state": "Unknown"}}}, "vm1", "not fenced", "power state Unknown (HAV004)"),
        ({"guests": {"vm1": {"memory": 100}}}, "vm1", "no capacity", "it needs 102400 MiB and 4000 MHz"),
        ({"guests": {"vm1": {"memory": 100, "gpus": 1}}}, "vm1", "no capacity", "and 1 GPUs"),
        (
            {"guests": {"vm1": {"tags": ["gold"]}}},
            "vm1",
            "no host fits",
            "host tags gold leave it none of host2, host3",
        ),
        ({"settings": {"ha.tag": "spare"}}, "vm1", "no host fits", "ha.tag spare"),
        ({"drop_hosts": ["host2", "host3"]}, "vm1", "no other host", "there is none"),
        (
            {"hosts": {"host2": {"state": "Alert"}, "host3": {"state": "Down"}}},
            "vm1",
            "no other host",
            "host2 is Alert and Enabled",
        ),
    ],
)
def test_a_guest_that_stays_down(row, guest, reason, words):
    (loss,) = (each for each in of_host1(row).stays if each.guest == guest)
    assert loss.reason == reason
    assert words in loss.because


def test_affinity_groups_are_kept_apart_while_guests_are_placed():
    """Both guests of host1 are in one group: they go to two hosts."""
    apart = [["web", "host anti-affinity"]]
    dies = of_host1({"guests": {"vm1": {"groups": apart}, "vm2": {"groups": apart}}})
    assert {each.host for each in dies.returns} == {"host2", "host3"}


@pytest.mark.parametrize(
    ("kind", "where"),
    [("host affinity", {"host3"}), ("non-strict host affinity", {"host2"}), ("host anti-affinity", {"host2"})],
)
def test_affinity_groups_of_guests_on_other_hosts(kind, where):
    """vm5 of the same group is on host3, and host2 has more room."""
    groups = [["db", kind]]
    row = {
        "hosts": {"host3": {"memory_used": 20}},
        "guests": {"vm1": {"groups": groups}, "vm5": {"groups": groups}},
        "drop_guests": ["vm2"],
    }
    assert {each.host for each in of_host1(row).returns} == where


def test_a_group_that_is_wholly_on_the_dead_host_may_go_anywhere():
    groups = [["db", "host affinity"]]
    dies = of_host1({"guests": {"vm1": {"groups": groups}, "vm2": {"groups": groups}}})
    assert len(dies.returns) == 2


def test_an_empty_host_is_not_fenced_and_loses_nothing():
    dies = of_host1({"drop_guests": ["vm1", "vm2"]})
    assert not dies.fenced and dies.stays == () and "HAV017" in dies.because


def test_a_system_vm_comes_back_whatever_its_offering_says():
    row = {"guests": {"r-7-VM": {"host": "host1", "memory": 1, "system": True, "ha": False, "pools": []}}}
    assert "r-7-VM" in {each.guest for each in of_host1(row).returns}


SIZES = st.lists(st.tuples(st.integers(0, 70), st.integers(0, 33000)), min_size=6, max_size=6)


@given(free=st.lists(st.integers(0, 64), min_size=3, max_size=3), sizes=SIZES)
def test_what_is_placed_fits_and_every_guest_is_told_once(free, sizes):
    row = {
        "hosts": {f"host{number + 1}": {"memory_used": 64 - each} for number, each in enumerate(free)},
        "guests": {f"vm{number + 1}": {"memory": gib, "cpu": mhz} for number, (gib, mhz) in enumerate(sizes)},
    }
    site = edited(row)
    guests = {guest.name: guest for guest in site.guests}
    for dies in consequences(site):
        told = [*(each.guest for each in dies.returns), *(each.guest for each in dies.stays)]
        assert sorted(told) == sorted(guest.name for guest in site.on(dies.host))
        for host in site.hosts:
            taken = [guests[each.guest] for each in dies.returns if each.host == host.name]
            assert sum(guest.memory for guest in taken) <= host.memory - host.memory_used
            assert sum(guest.cpu for guest in taken) <= host.cpu - host.cpu_used
            assert not taken or host.name != dies.host
