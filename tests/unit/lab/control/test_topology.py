# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's topology: what is read, what is refused, which names follow from it."""

from __future__ import annotations

import copy
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.control import topology
from lab.control.state import ROOT
from lab.control.topology import LabError

RAW = {
    "domain": "lab.test",
    "wires": {
        "management": {"mtu": 1500, "subnet": "10.0.0.0/24", "controller": "10.0.0.1"},
        "storage": {"mtu": 9000, "subnet": "10.0.2.0/24"},
    },
    "nodes": {
        "a": {
            "kind": "host",
            "bmc": "10.0.0.211",
            "nics": [{"name": "eth0", "wire": "management", "addresses": ["10.0.0.11/24"]}],
        },
        "b": {
            "kind": "host",
            "spare": True,
            "nics": [{"name": "eth0", "wire": "management", "addresses": ["10.0.0.12/24"]}],
        },
    },
}
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,40}", fullmatch=True)


def changed(**node: object) -> dict:
    raw = copy.deepcopy(RAW)
    raw["nodes"]["b"].update(node)
    return raw


def test_a_topology_is_read() -> None:
    lab = topology.parse(RAW)
    assert lab.node("a").address == "10.0.0.11"
    assert lab.node("a").bmc == "10.0.0.211"
    assert lab.node("b").spare and not lab.node("a").spare
    assert lab.wire("storage").mtu == 9000
    assert lab.wire("management").prefix_length == 24


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (changed(nics=[{"name": "eth0", "wire": "backup"}]), "b: eth0 hangs on the unknown wire backup"),
        (changed(bmc="10.0.0.11"), "10.0.0.11 is given to a and to b"),
        (
            changed(nics=[{"name": "eth0", "wire": "management", "addresses": ["10.0.0.211/24"]}]),
            "10.0.0.211 is given to a and to b",
        ),
    ],
)
def test_a_topology_that_cannot_work_is_refused(raw: dict, text: str) -> None:
    with pytest.raises(LabError, match=text):
        topology.parse(raw)


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    lab = topology.parse(RAW)
    with pytest.raises(LabError, match="there is no node c; the lab has a, b"):
        lab.node("c")
    with pytest.raises(LabError, match="there is no wire backup; the lab has management, storage"):
        lab.wire("backup")
    with pytest.raises(LabError, match="a has no card on the wire storage; it has management"):
        lab.node("a").nic_on("storage")


@given(NAMES, st.integers(0, 9))
def test_a_port_has_a_name_that_the_kernel_takes(node: str, number: int) -> None:
    name = topology.port(node, f"eth{number}")
    assert 0 < len(name) <= 15
    assert name != topology.port(node, f"eth{number + 1}")


@given(NAMES)
def test_a_mac_address_is_local_and_unicast(node: str) -> None:
    first = int(topology.mac(node, "eth0").split(":")[0], 16)
    assert first & 0b11 == 0b10
    assert len(topology.mac(node, "eth0").split(":")) == 6


def test_the_lab_has_what_the_inventory_relies_on() -> None:
    lab = topology.load(ROOT / "lab" / "topology.yml")
    hosts = [node for node in lab.nodes.values() if node.kind == "host"]
    assert [node.address for node in hosts] == [f"10.88.0.{number}" for number in (11, 12, 13, 14)]
    assert [node.bmc for node in hosts] == [f"10.88.0.21{number}" for number in (1, 2, 3, 4)]
    assert [node.name for node in hosts if node.spare] == ["host4"]
    assert all([nic.wire for nic in node.nics] == ["management", "guest", "storage"] for node in hosts)
    management = ipaddress.ip_network(lab.wire("management").subnet)
    assert all(ipaddress.ip_address(node.bmc) in management for node in hosts)
