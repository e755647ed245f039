# SPDX-License-Identifier: GPL-3.0-or-later
"""Wires are bridges in the lab's network namespace. A node's cards are veth pairs; the node's own network namespace is
made anew at each boot, so that nothing it had configured survives a power cycle but what is on its disk."""

from __future__ import annotations

import json

from .namespaces import NETNS
from .shell import run
from .topology import Node, Topology, Wire, mac, port

UPLINK = "cslab0"  # this machine's end of the cable into the management wire
_NO_IPV6 = "for each in all default; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done"


def lab_ip(*arguments: str, check: bool = True):
    """`ip` in the lab's network namespace."""
    return run(["ip", "-n", NETNS, *arguments], check=check)


def exists(link: str) -> bool:
    """Whether the lab's namespace has that link."""
    return lab_ip("link", "show", link, check=False).returncode == 0


def create(topology: Topology) -> None:
    """Make all wires, and this machine's address on those that have one."""
    for wire in topology.wires.values():
        if not exists(wire.bridge):
            # An address of its own: a bridge without one takes the lowest of its ports', another one at many boots of a
            # node, and for
            # ten seconds nobody would find the BMCs, whose addresses are on it.
            address = mac(wire.name, "switch")
            lab_ip(
                "link",
                "add",
                wire.bridge,
                "address",
                address,
                "mtu",
                str(wire.mtu - 1),
                "type",
                "bridge",
                "stp_state",
                "0",
                "forward_delay",
                "0",
            )
            # a change, so that the kernel no longer lowers a bridge's MTU to that of its smallest port
            lab_ip("link", "set", wire.bridge, "mtu", str(wire.mtu))
        lab_ip("link", "set", wire.bridge, "up")
        if wire.controller:
            _uplink(wire)


def _uplink(wire: Wire) -> None:
    """A plain cable from this machine into the wire: an address on it, no route but the subnet's own, no forwarding."""
    if run(["ip", "link", "show", UPLINK], check=False).returncode != 0:
        run(
            [
                "ip",
                "link",
                "add",
                UPLINK,
                "mtu",
                str(wire.mtu),
                "type",
                "veth",
                "peer",
                "name",
                "uplink",
                "netns",
                NETNS,
            ]
        )
    lab_ip("link", "set", "uplink", "master", wire.bridge, "up")
    run(["ip", "address", "replace", f"{wire.controller}/{wire.prefix_length}", "dev", UPLINK])
    run(["ip", "link", "set", UPLINK, "up"])


def plug(topology: Topology, node: Node) -> None:
    """Give the node a new network namespace with its cards in it, none of them configured."""
    unplug(node)
    run(["ip", "netns", "add", node.netns])
    if not node.ipv6:  # before there are cards
        run(["nsenter", f"--net=/run/netns/{node.netns}", "sh", "-ec", _NO_IPV6])
    run(["ip", "-n", node.netns, "link", "set", "lo", "up"])
    for nic in node.nics:
        wire = topology.wire(nic.wire)
        outer = port(node.name, nic.name)
        lab_ip(
            "link", "add", outer, "mtu", str(wire.mtu), "type", "veth",
            "peer", "name", nic.name, "mtu", str(wire.mtu), "address", mac(node.name, nic.name), "netns", node.netns,
        )  # fmt: skip
        lab_ip("link", "set", outer, "master", wire.bridge, "up")


def unplug(node: Node) -> None:
    """Remove the node's cards and namespace."""
    for nic in node.nics:
        lab_ip("link", "del", port(node.name, nic.name), check=False)
    run(["ip", "netns", "del", node.netns], check=False)
    _forget(node)


def _forget(node: Node) -> None:
    """Cut this machine's connections to a node that is gone. Ansible keeps SSH connections open for a minute, and would
    try to reach the next machine at that address through one of them."""
    run(["ss", "-4", "-K", "dst", node.address], check=False)
    run(["ip", "neigh", "del", node.address, "dev", UPLINK], check=False)


def set_mtu(topology: Topology, wire: Wire, mtu: int) -> None:
    """MTU of the whole wire: its bridge and every card's outer end."""
    lab_ip("link", "set", wire.bridge, "mtu", str(mtu))
    for node in topology.nodes.values():
        for nic in node.nics:
            if nic.wire == wire.name and exists(port(node.name, nic.name)):
                lab_ip("link", "set", port(node.name, nic.name), "mtu", str(mtu))


def mtu(link: str) -> int | None:
    """The MTU of a link of the lab's namespace in bytes, None where there is no such link."""
    shown = lab_ip("-json", "link", "show", link, check=False)
    return json.loads(shown.stdout)[0]["mtu"] if shown.returncode == 0 else None


def remove() -> None:
    """Remove this machine's cable; the rest goes with the namespace."""
    run(["ip", "link", "del", UPLINK], check=False)
