# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packet size must pass where: by isolation, IP version, tags and what the bridges are declared to have."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.size import sizes

LABELS = {"Management": ["cloudbr0"], "Public": ["cloudbr0"], "Guest": ["cloudbr1"], "Storage": ["cloudbr2"]}


@pytest.mark.parametrize(
    ("isolation", "options", "needed", "why"),
    [
        (["VLAN"], {}, 1500, "Guest"),
        (["VXLAN"], {}, 1550, "Guest: 1500 + 50 (VXLAN over IPv4)"),
        (["vxlan"], {}, 1550, "Guest: 1500 + 50 (VXLAN over IPv4)"),
        (["VLAN", "VXLAN"], {}, 1550, "Guest: 1500 + 50 (VXLAN over IPv4)"),
        (["VXLAN"], {"families": {"cloudbr1": 6}}, 1570, "Guest: 1500 + 70 (VXLAN over IPv6)"),
        (["VXLAN"], {"families": {"cloudbr0": 6}}, 1550, "Guest: 1500 + 50 (VXLAN over IPv4)"),
        (["VXLAN"], {"counts_tag": ["cloudbr1"]}, 1554, "Guest: 1500 + 50 (VXLAN over IPv4) + 4 (tag)"),
        (
            ["VXLAN"],
            {"families": {"cloudbr1": 6}, "counts_tag": ["cloudbr1"]},
            1574,
            "Guest: 1500 + 70 (VXLAN over IPv6) + 4 (tag)",
        ),
        (["VXLAN"], {"guest_mtu": 8950}, 9000, "Guest: 8950 + 50 (VXLAN over IPv4)"),
        (["VLAN"], {"guest_mtu": 9000}, 9000, "Guest"),
        ([], {}, 1500, "Guest"),
    ],
)
def test_the_guest_network(isolation, options, needed, why):
    found = sizes(LABELS, isolation, {}, **options)["cloudbr1"]
    assert (found.needed, found.why) == (needed, why)


def test_other_networks_need_no_room_for_vxlan():
    found = sizes(LABELS, ["VXLAN"], {})
    assert {label: each.needed for label, each in found.items()} == {
        "cloudbr0": 1500,
        "cloudbr1": 1550,
        "cloudbr2": 1500,
    }


def test_a_label_needs_what_its_greediest_traffic_needs():
    found = sizes({"Guest": ["cloudbr0"], "Management": ["cloudbr0"], "Storage": ["cloudbr0"]}, ["VXLAN"], {})
    assert list(found) == ["cloudbr0"]
    assert (found["cloudbr0"].needed, found["cloudbr0"].why) == (1550, "Guest: 1500 + 50 (VXLAN over IPv4)")


@pytest.mark.parametrize(
    ("declared", "probed", "gap"),
    [
        ({}, 1500, 50),  # the declaration is at fault, so the wire is asked for what is declared
        ({"cloudbr1": 1550}, 1550, 0),
        ({"cloudbr1": 9000}, 9000, 0),
        ({"cloudbr1": 1450}, 1450, 100),
        ({"cloudbr2": 9000}, 1500, 50),
    ],
)
def test_what_is_declared_is_what_must_pass(declared, probed, gap):
    found = sizes(LABELS, ["VXLAN"], declared)["cloudbr1"]
    assert (found.probed, found.gap) == (probed, gap)


def test_storage_has_jumbo_frames_by_declaration_only():
    assert sizes(LABELS, [], {"cloudbr2": 9000})["cloudbr2"].probed == 9000
    assert sizes(LABELS, [], {})["cloudbr2"].probed == 1500
