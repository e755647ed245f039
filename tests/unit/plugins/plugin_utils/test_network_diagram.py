# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a host's network."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.network_diagram import (
    BOND,
    BRIDGE,
    CARD,
    HEIGHT,
    NETWORK,
    TRAFFIC,
    VLAN,
    diagram,
    diagrams,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.report_samples import WAIVER, finding, four_hosts, healthy, report

WORLD = healthy()
CLUSTER = report(WORLD, [])["cluster"]


def link(name, kind="ether", **parts):
    return {"name": name, "kind": kind, "mtu": 1500, "physical": kind == "ether", "addresses": [], **parts}


BONDED = [
    link("eno1", master="bond0", speed_mbps=25000, driver="mlx5_core"),
    link("eno2", master="bond0", carrier=False),
    link("eno9"),
    link("bond0", "bond", bond={"mode": "802.3ad"}),
    link("bond0.20", "vlan", parent="bond0", vlan_id=20, master="cloudbr0"),
    link("bond0.30", "vlan", parent="bond0", vlan_id=30, master="cloudbr2"),
    link("cloudbr0", "bridge", addresses=["10.1.0.5/24", "fe80::1/64"]),
    link("cloudbr1", "bridge"),
    link("cloudbr2", "bridge", addresses=["10.3.0.5/24"]),
    link("vnet3", "tun", master="cloudbr1"),
]


def draw(links, *findings):
    found = report(WORLD, findings)["findings"] if findings else []
    return diagram(Profile("host4", {"interfaces": links}), CLUSTER, found)


def boxes(drawn):
    return {box.title.split(" ")[0]: box for box in drawn.boxes}


def test_a_chain_from_the_card_to_the_network():
    drawn = draw(BONDED)
    seen = boxes(drawn)
    columns = {
        "eno1": CARD,
        "bond0": BOND,
        "bond0.20": VLAN,
        "cloudbr0": BRIDGE,
        "Management": TRAFFIC,
        "10.1.0.0/24": NETWORK,
        "eno9": CARD,
    }
    assert {name: seen[name].column for name in columns} == columns
    assert "vnet3" not in seen
    assert (seen["eno1"].detail, seen["eno2"].detail) == ("25 Gb/s · MTU 1500", "MTU 1500 · no link")
    assert seen["bond0"].detail == "802.3ad · MTU 1500"
    assert seen["bond0.20"].detail == "VLAN 20 · MTU 1500"
    assert seen["bond0"].below == ("eno1", "eno2")
    assert len(drawn.lines) == 2 + 2 + 2 + 3 + 3
    assert [name for name, _x in drawn.columns] == ["NIC", "bond", "VLAN", "bridge", "traffic", "network"]


def test_boxes_do_not_overlap():
    drawn = draw(BONDED)
    for one in drawn.boxes:
        for other in drawn.boxes:
            assert one is other or one.x != other.x or abs(one.y - other.y) >= HEIGHT
        assert one.y + HEIGHT <= drawn.height


def test_a_missing_bridge_is_drawn_and_blamed_alone():
    world, found = four_hosts()
    drawn = diagrams(world.profiles(), report(world, found))
    assert [diagram.hosts for diagram in drawn] == [["host4"], ["host1", "host2", "host3"]]
    assert {box.title: (box.missing, box.findings) for box in drawn[0].boxes if "NET001" in box.findings} == {
        "cloudbr1": (True, ("NET001",))
    }


def test_the_worst_finding_colours():
    warning = finding("NET011", ["host4"], severity="warning", observed="eno2 has no link")
    drawn = draw(
        BONDED, finding("NET013", ["host4"], observed="bond0: leg eno2 is down", expected="eno2 of bond0 up"), warning
    )
    assert boxes(drawn)["eno2"].findings == ("NET013", "NET011")
    assert (boxes(drawn)["eno2"].severity, boxes(drawn)["bond0"].severity, boxes(drawn)["eno1"].severity) == (
        "error",
        "error",
        "",
    )


def test_a_finding_that_names_nothing_is_told_beside_the_picture():
    assert draw(BONDED, finding("NET010", ["host4"], observed="no reverse name")).elsewhere == ("NET010",)


def test_waived_findings_and_other_areas_do_not_colour():
    named = {"observed": "eth1", "expected": "eth1"}
    made = report(WORLD, [finding("NET001", ["host4"], waiver=WAIVER, **named), finding("CPU001", ["host4"], **named)])
    assert all(not box.severity for drawn in diagrams(WORLD.profiles(), made) for box in drawn.boxes)


def test_unknown_interfaces_are_not_called_missing():
    assert {box.detail for box in draw(None).boxes} == {"not known"}


NAMES = st.sampled_from(["cloudbr0", "cloudbr1", "bond0", "eth0", "eth1", "lo"])
LINKS = st.lists(
    st.builds(
        link,
        NAMES,
        st.sampled_from(["ether", "bridge", "bond", "vlan", "veth"]),
        master=NAMES | st.none(),
        parent=NAMES | st.none(),
        addresses=st.lists(st.text(), max_size=2),
    ),
    max_size=6,
)


@given(LINKS)
def test_any_interfaces_even_in_circles(links):
    drawn = draw(links)
    assert all(box.y >= 0 for box in drawn.boxes)
