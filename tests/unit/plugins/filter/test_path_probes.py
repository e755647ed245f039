# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role gets from its two filters: both rounds of the path check, out of the hosts' variables."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.path_probes import first_round, second_round

from tests.cluster_profiles import healthy

PLACE = {"cloudstack_zone": "zone1", "cloudstack_pod": "pod1", "cloudstack_cluster": "cluster1"}
LABELS = {
    "cluster_traffic_labels": [
        {"type": "Management", "label": "cloudbr0"},
        {"type": "Guest", "label": "cloudbr1"},
        {"type": "Storage", "label": "cloudbr2"},
    ]
}


def hostvars(edit=None, reached=("host1", "host2", "host3", "host4")):
    """The variables of the healthy cluster's hosts."""
    world = healthy().edit(edit or {})
    return {
        name: {
            **PLACE,
            **LABELS,
            "__preflight_facts": {"kvm_host": parts["facts"]},
            "__preflight_seen": {"reached": name in reached, "declared": parts["declared"]},
            "__preflight_paths": parts["probes"]["paths"],
        }
        for name, parts in world.hosts.items()
    }


NAMES = ["host1", "host2", "host3", "host4"]


def asked(found):
    return {host: sorted({each["peer"] for each in options["probes"]}) for host, options in found.items()}


def test_everybody_asks_everybody_with_the_declared_size_where_there_are_addresses():
    found = first_round(NAMES, hostvars(), NAMES)
    assert asked(found)["host1"] == ["host2", "host3", "host4"]
    assert {(each["network"], each["size"]) for each in found["host1"]["probes"]} == {
        ("cloudbr0", 1500),
        ("cloudbr2", 9000),
    }


@pytest.mark.parametrize(
    ("live", "reached", "expected"),
    [
        (["host4"], ["host4"], {"host4": ["host1", "host2", "host3"]}),  # --limit: the others were read all the same
        (["host3", "host4"], ["host4"], {"host4": ["host1", "host2", "host3"]}),  # host3 gave no facts in this run
    ],
)
def test_only_hosts_of_this_run_ask(live, reached, expected):
    assert asked(first_round(NAMES, hostvars(reached=reached), live)) == expected


def test_nobody_asks_for_an_address_of_its_own():
    twice = {
        "host3": {
            "facts.bridges[cloudbr2].addresses": ["10.88.2.14/24"],
            "facts.interfaces[cloudbr2].addresses": ["10.88.2.14/24"],
        }
    }
    found = first_round(NAMES, hostvars(twice), NAMES)
    assert not [each for each in found["host3"]["probes"] if each["address"] == "10.88.2.14"]


@pytest.mark.parametrize(
    ("address", "peers"), [("10.88.0.14", {"cloudbr0"}), ("192.0.2.14", set()), ("host4.example", set()), (None, set())]
)
def test_a_host_without_facts_is_asked_where_cloudstack_will_look_for_it(address, peers):
    variables = hostvars(reached=["host1", "host2", "host3"])
    variables["host4"]["__preflight_facts"] = {}
    variables["host4"]["__preflight_seen"]["declared"]["address"] = address
    found = first_round(NAMES, variables, NAMES)
    assert {each["network"] for each in found["host1"]["probes"] if each["peer"] == "host4"} == peers
    assert "host4" not in found


def test_the_second_round_looks_for_the_direction_to_a_host_without_facts():
    small = {"probes.paths.outcomes[4]": {"passed": False, "path_mtu": 1400, "failure": "too_large"}}
    variables = hostvars({f"host{number}": small for number in (1, 2, 3)}, reached=["host1", "host2", "host3"])
    variables["host4"]["__preflight_facts"] = {}
    found = second_round(NAMES, variables, NAMES)
    assert {(host, each["network"], each["peer"]) for host, mine in found.items() for each in mine["probes"]} >= {
        ("host1", "cloudbr0", "host4")
    }
    assert "host4" not in found


def test_a_second_round_only_where_something_failed():
    small = {"passed": False, "path_mtu": 1500, "failure": "too_large"}
    bad = {f"host{number}": {"probes.paths.outcomes[5]": small} for number in (1, 2, 3)}
    assert second_round(NAMES, hostvars(), NAMES) == {}
    assert second_round(NAMES, hostvars(bad), NAMES)
