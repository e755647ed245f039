# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role asks through one host, out of the hosts' variables."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.filter.preflight_probes import questions

from tests.cluster_profiles import healthy

LABELS = {"Management": "cloudbr0", "Guest": "cloudbr2", "Storage": "cloudbr2"}
NAMES = ["host1", "host2", "host3", "host4"]


def hostvars(isolation):
    """The variables of the healthy cluster's hosts, whose guests use the storage bridge, which has addresses."""
    labels = [{"type": kind, "label": label} for kind, label in LABELS.items()]
    place = {"groups": {}, "cluster_traffic_labels": labels, "cluster_physical_network_isolation_methods": [isolation]}
    return {
        name: {
            **place,
            "ansible_facts": {"kvm_host": parts["facts"]},
            "__preflight_seen": {"declared": parts["declared"]},
        }
        for name, parts in healthy().hosts.items()
    }


@pytest.mark.parametrize(
    ("isolation", "asked"), [("VXLAN", {"10.88.2.12", "10.88.2.13", "10.88.2.14"}), ("VLAN", set())]
)
def test_the_way_of_vxlan_is_asked_for_where_the_zone_uses_it(isolation, asked):
    targets = questions(NAMES, hostvars(isolation), NAMES)["host1"]["targets"]
    assert {each["address"] for each in targets if each["purpose"] == "VXLAN"} == asked


class Counted(dict):
    """Counts how often the variables of a host are looked up."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.times = 0

    def __getitem__(self, name):
        self.times += 1
        return super().__getitem__(name)


def test_looking_up_variables_grows_with_the_hosts_not_with_their_pairs():
    variables = Counted(hostvars("VLAN"))
    assert list(questions(NAMES, variables, NAMES)) == NAMES
    assert variables.times <= 4 * len(NAMES)


def test_a_host_that_nothing_is_known_of_is_asked_nothing():
    variables = hostvars("VLAN")
    del variables["host2"]["__preflight_seen"]
    assert list(questions(NAMES, variables, NAMES)) == ["host1", "host3", "host4"]
