# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring guests up in the place of the container hosts of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.control import bmc, hosts, namespaces, podman
from lab.control import lifecycle as lab
from lab.control.locks import only_one
from lab.control.shell import say
from lab.control.state import State
from lab.control.topology import Topology

from . import guests

GUESTS = ("host1", "host2")  # two at a time is what two cores can emulate
# An emulated host needs longer to tell the controller that it is still there after a network change; its memory is its
# own.
DIFFERENCES = (
    "-e",
    "network_bridge_rollback_timeout=120",
    "-e",
    "firewall_rollback_seconds=300",
    "-e",
    '{"preflight_policy": {}}',
)


def up(topology: Topology, state: State, names: Sequence[str], installed: str = "static") -> None:
    """Boot the named guests, installed in that way, and the management node. Where containers stood in their place, or
    a cloud that knows other hosts of the cluster, both are removed first: one address is one machine, and the result
    shall be the guests' own."""
    wanted = [topology.node(name) for name in names]
    if not all(guests.marker(node).exists() for node in wanted) and namespaces.exists():
        _make_room(topology, state)
    manager = next(node for node in topology.nodes.values() if node.kind == "management")
    lab.up(topology, state, [manager.name])
    everything = hosts.all_nodes(topology, state)
    for node in wanted:
        guests.create(topology, state, node, installed)
        if not bmc.running(state, node):
            bmc.start(topology, state, node)
        if guests.pid(node) is None:
            say(f"booting {node.name} (QEMU, emulated)")
            with only_one(node.name):
                guests.start(everything, state, node)
    with ThreadPoolExecutor(len(wanted)) as pool:
        for node, seconds in zip(wanted, pool.map(lambda one: guests.wait(state, one), wanted), strict=True):
            say(f"{node.name} is there after {seconds:.0f} s")


def _make_room(topology: Topology, state: State) -> None:
    """Remove the container hosts of the lab, and the management node with the cloud that knows them."""
    for node in topology.nodes.values():
        if not guests.marker(node).exists() and podman.state(node.container) != "missing":
            say(f"removing the container {node.name}: guests take over")
            with only_one("lab"):
                lab.remove(state, node)
