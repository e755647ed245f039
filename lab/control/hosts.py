# SPDX-License-Identifier: GPL-3.0-or-later
"""Further hosts beside the lab's own, made by the same code: molecule's platforms."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from . import faults, nodes
from .locks import only_one
from .state import State
from .topology import LabError, Nic, Node, Topology

RECORD = "hosts.json"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
FIRST, LAST = 100, 199  # last octets on the management wire that further hosts may have


def free_address(taken: Mapping[str, str], subnet: str) -> str:
    """The first free address. Raises LabError where all are taken."""
    network = ipaddress.ip_network(subnet)
    for number in range(FIRST, LAST + 1):
        address = str(network.network_address + number)
        if address not in taken.values():
            return address
    raise LabError("no address is left: delete hosts with lab/labctl host delete NAME")


def as_node(name: str, address: str, topology: Topology, extra: Sequence[str] = ()) -> Node:
    """A bare host with a management card and one card more for each WIRE given."""
    wire = topology.wire("management")
    cards = [Nic(f"eth{number}", topology.wire(one).name) for number, one in enumerate(extra, start=1)]
    return Node(name, "host", (Nic("eth0", "management", (f"{address}/{wire.prefix_length}",)), *cards))


def all_nodes(topology: Topology, state: State) -> Topology:
    """The topology with the further hosts in it."""
    more = {
        name: as_node(name, host["address"], topology, host["wires"]) for name, host in state.load(RECORD, {}).items()
    }
    return replace(topology, nodes={**topology.nodes, **more})


def create(topology: Topology, state: State, name: str, extra: Sequence[str]) -> Node:
    """Make and boot a bare host. Repeatable."""
    if name in topology.nodes:
        raise LabError(f"{name} is a node of the lab itself: lab/labctl up {name}")
    if not NAME.fullmatch(name):
        raise LabError(f"{name} cannot be a host's name: letters, digits and hyphens, at most 63")
    everything = _register(topology, state, name, extra)
    node = everything.node(name)
    nodes.create(everything, state, node)
    nodes.start(everything, node, plugged=lambda: faults.reapply(faults.Lab(everything, state), node))
    nodes.wait(node)
    return node


def _register(topology: Topology, state: State, name: str, extra: Sequence[str]) -> Topology:
    """Write the host down, with an address of its own; the topology with it."""
    with only_one("hosts"):
        known = state.load(RECORD, {})
        if name not in known:
            address = free_address(
                {key: host["address"] for key, host in known.items()}, topology.wire("management").subnet
            )
            as_node(name, address, topology, extra)  # raises for an unknown wire, before anything is written down
            known[name] = {"address": address, "wires": list(extra)}
            state.save(RECORD, known)
        everything = all_nodes(topology, state)
        nodes.known_hosts(everything, state, list(everything.nodes.values()))
    return everything


def delete(topology: Topology, state: State, name: str) -> None:
    """Remove such a host. Repeatable."""
    if name in topology.nodes:
        raise LabError(f"{name} is a node of the lab itself: lab/labctl down removes the lab")
    known = state.load(RECORD, {})
    if name not in known:
        return
    nodes.remove(as_node(name, known[name]["address"], topology, known[name]["wires"]))
    with only_one("hosts"):
        state.save(RECORD, {key: host for key, host in state.load(RECORD, {}).items() if key != name})
