# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host is told to ask."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment, Probe
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_options import probe_options

AT = [
    Attachment(f"h{number}", network, f"{net}.{number}")
    for number in (1, 2, 3)
    for network, net in (("mgmt", "10.0.0"), ("stor", "10.0.1"))
]


def probe(host, peer, network="mgmt", net="10.0.0"):
    return Probe(f"h{host}", network, f"h{peer}", f"{net}.{peer}", 1500)


def asked(found):
    return {host: [(each["network"], each["peer"]) for each in options["probes"]] for host, options in found.items()}


@pytest.mark.parametrize(
    ("probes", "askers", "own", "expected"),
    [
        ([probe(1, 2), probe(2, 1)], {"h1", "h2"}, {}, {"h1": [("mgmt", "h2")], "h2": [("mgmt", "h1")]}),
        ([probe(1, 2), probe(2, 1)], {"h1"}, {}, {"h1": [("mgmt", "h2")]}),  # once, though both ways were planned
        ([probe(2, 1)], {"h1"}, {}, {"h1": [("mgmt", "h2")]}),  # the other end asks
        ([probe(2, 3)], {"h1"}, {}, {}),
        (
            [probe(1, 2), probe(1, 3)],
            {"h1"},
            {"h1": {"10.0.0.1", "10.0.0.2"}},
            {"h1": [("mgmt", "h3")]},
        ),  # an address twice
        ([], {"h1"}, {}, {}),
    ],
)
def test_who_asks_whom(probes, askers, own, expected):
    assert asked(probe_options(probes, AT, askers, own)) == expected


def test_the_options_of_the_module():
    found = probe_options([probe(1, 2), probe(1, 2, "stor", "10.0.1")], AT, {"h1"}, {})
    assert found == {
        "h1": {
            "count": 20,
            "networks": [
                {"name": "mgmt", "device": "mgmt", "source": "10.0.0.1"},
                {"name": "stor", "device": "stor", "source": "10.0.1.1"},
            ],
            "probes": [
                {"network": "mgmt", "peer": "h2", "address": "10.0.0.2", "size": 1500},
                {"network": "stor", "peer": "h2", "address": "10.0.1.2", "size": 1500},
            ],
        }
    }


@pytest.mark.parametrize(
    ("peers", "count", "sent"), [(2, 20, 20), (50, 20, 20), (80, 20, 12), (300, 20, 10), (300, 5, 5)]
)
def test_packets_to_each_of_many(peers, count, sent):
    at = [
        Attachment("h0", "mgmt", "10.0.0.0"),
        *(Attachment(f"h{number}", "mgmt", f"10.0.{number}") for number in range(1, peers + 1)),
    ]
    probes = [Probe("h0", "mgmt", each.host, each.address, 1500) for each in at[1:]]
    assert probe_options(probes, at, {"h0"}, {}, count)["h0"]["count"] == sent
