# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a filter ends and another fault begins: by how many pairs of a network carry other packets than echoes."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import locate_faults
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import Explanation
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import collect
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.silence import split_by_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    HOST,
    NO_NEIGHBOUR,
    SILENT,
    Attachment,
    Element,
    Outcome,
    Probe,
)

NETWORKS = ("Guest", "Management", "Storage")
HOSTS = "abcdef"
AT = [
    Attachment(host, network, f"10.{index}.0.{number}")
    for index, network in enumerate(NETWORKS)
    for number, host in enumerate(HOSTS)
]


def _to_a(network: str, passing: int) -> list[Outcome]:
    """Five hosts get no echo from a; TCP passes from the first `passing` of them."""
    found = []
    for number, host in enumerate("bcdef"):
        probe = Probe(host, network, "a", f"10.{NETWORKS.index(network)}.0.0", 1500)
        tcp = number < passing
        failure = SILENT if passing else NO_NEIGHBOUR
        found.append(Outcome(probe, False, None, 8, 8, failure=failure, tcp=tcp))
    return found


@pytest.mark.parametrize(
    ("passing", "split"),
    [
        # on Guest, Management and Storage: the networks with a filter, those with another fault
        ((5, 5, 0), (["Guest", "Management"], ["Storage"])),
        ((0, 5, 0), (["Management"], ["Guest", "Storage"])),
        ((4, 0, 0), (["Guest"], ["Management", "Storage"])),  # nearly everywhere is enough
        ((5, 5, 5), None),
        ((0, 0, 0), None),
        ((5, 1, 0), None),  # neither nearly all nor nearly none: bad legs and links
    ],
)
def test_a_filter_is_told_from_silence_by_network(passing, split):
    outcomes = [outcome for network, count in zip(NETWORKS, passing) for outcome in _to_a(network, count)]
    observations = collect(AT, outcomes, (), HOSTS)
    whole = Explanation((Element(HOST, host="a"),), tuple(sorted(observations.flows)), len(observations.flows))
    found = split_by_network(observations, whole)
    if split is None:
        assert found == [whole]
    else:
        filtered, silent = found
        assert ([_networks(filtered), _networks(silent)]) == list(split)
        assert [str(each.suspects[0]) for each in found] == [_name(names) for names in split]


def _networks(explanation: Explanation) -> list[str]:
    return sorted({network for _host, _peer, network in explanation.failed})


def _name(networks: list[str]) -> str:
    return f"a on {networks[0]}" if len(networks) == 1 else "a"


def test_a_host_with_a_filter_on_one_network_and_a_wrong_vlan_on_another_has_two_faults():
    outcomes = [*_to_a("Guest", 5), *_to_a("Storage", 0)]
    healthy = []
    for host in "bcde":
        for network in NETWORKS:
            probe = Probe(host, network, "f", f"10.{NETWORKS.index(network)}.0.5", 1500)
            healthy.append(Outcome(probe, True, True, 20, 0))
    for host in "bcdef":
        healthy.append(Outcome(Probe(host, "Management", "a", "10.1.0.0", 1500), True, True, 20, 0))
    # told by the places, so that the switch is not suspected
    at = [Attachment(each.host, each.network, each.address, place=f"rack{each.host}") for each in AT]
    faults = locate_faults(at, outcomes + healthy, (), HOSTS).faults
    found = {str(fault.suspects[0]): fault.kinds[0] for fault in faults}
    assert found == {"a on Guest": "filtered", "a on Storage": "unplugged"}
