# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as values: wires, nodes, addresses, and the names derived from them. Pure but for reading the file."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PREFIX = "cslab"


class LabError(Exception):
    """What stops labctl; the text says what to do."""


@dataclass(frozen=True)
class Wire:
    """A layer-2 segment. `mtu` in bytes; `controller` is this machine's address on it, if it has one."""

    name: str
    mtu: int
    subnet: str
    controller: str | None = None

    @property
    def bridge(self) -> str:
        """Name of its bridge in the lab's network namespace."""
        return f"w-{self.name}"[:15]

    @property
    def prefix_length(self) -> int:
        """Prefix length of the subnet."""
        return ipaddress.ip_network(self.subnet).prefixlen


@dataclass(frozen=True)
class Nic:
    """A network card of a node, on a wire."""

    name: str
    wire: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A machine of the lab."""

    name: str
    kind: str  # management or host
    nics: tuple[Nic, ...]
    bmc: str | None = None
    spare: bool = False
    ipv6: bool = True
    resolver: str | None = None  # the name server that the installer was told; None: it was told none

    @property
    def netns(self) -> str:
        """Its network namespace, made anew at each boot."""
        return f"{PREFIX}-{self.name}"

    @property
    def container(self) -> str:
        """Its container."""
        return f"{PREFIX}-{self.name}"

    @property
    def address(self) -> str:
        """The address that the controller reaches it at."""
        return self.nics[0].addresses[0].split("/")[0]

    def nic_on(self, wire: str) -> Nic:
        """Its card on that wire. Raises LabError where it has none."""
        for nic in self.nics:
            if nic.wire == wire:
                return nic
        raise LabError(f"{self.name} has no card on the wire {wire}; it has {', '.join(nic.wire for nic in self.nics)}")


@dataclass(frozen=True)
class Topology:
    """The whole lab."""

    domain: str
    wires: Mapping[str, Wire]
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def node(self, name: str) -> Node:
        """The node of that name. Raises LabError with the names there are."""
        if name not in self.nodes:
            raise LabError(f"there is no node {name}; the lab has {', '.join(sorted(self.nodes))}")
        return self.nodes[name]

    def wire(self, name: str) -> Wire:
        """The wire of that name. Raises LabError with the names there are."""
        if name not in self.wires:
            raise LabError(f"there is no wire {name}; the lab has {', '.join(sorted(self.wires))}")
        return self.wires[name]


def port(node: str, nic: str) -> str:
    """Name of the lab's end of a card's cable: at most 15 characters, the same at every boot."""
    readable = f"{node}-{nic}"
    return readable if len(readable) <= 15 else f"p{hashlib.sha256(readable.encode()).hexdigest()[:12]}"


def mac(node: str, nic: str) -> str:
    """A locally administered MAC address, the same at every boot."""
    digest = hashlib.sha256(f"{node}/{nic}".encode()).hexdigest()
    return ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])


def guid(node: str) -> str:
    """The system GUID of a node's BMC, 32 hexadecimal digits."""
    return hashlib.sha256(f"guid/{node}".encode()).hexdigest()[:32]


def node_from(name: str, raw: Mapping[str, Any]) -> Node:
    """A node from its YAML."""
    nics = tuple(Nic(nic["name"], nic["wire"], tuple(nic.get("addresses", ()))) for nic in raw["nics"])
    return Node(
        name,
        raw["kind"],
        nics,
        raw.get("bmc"),
        bool(raw.get("spare", False)),
        bool(raw.get("ipv6", True)),
        raw.get("resolver"),
    )


def parse(raw: Mapping[str, Any]) -> Topology:
    """The topology from its YAML. Raises LabError where a card hangs on an unknown wire or an address stands twice."""
    wires = {name: Wire(name, **wire) for name, wire in raw["wires"].items()}
    nodes = {name: node_from(name, node) for name, node in raw["nodes"].items()}
    seen: dict[str, str] = {}
    for node in nodes.values():
        for nic in node.nics:
            if nic.wire not in wires:
                raise LabError(f"{node.name}: {nic.name} hangs on the unknown wire {nic.wire}")
        taken = [address.split("/")[0] for nic in node.nics for address in nic.addresses] + (
            [node.bmc] if node.bmc else []
        )
        for address in taken:
            if address in seen:
                raise LabError(f"{address} is given to {seen[address]} and to {node.name}")
            seen[address] = node.name
    return Topology(raw["domain"], wires, nodes)


def load(path: Path) -> Topology:
    """The topology of a file."""
    return parse(yaml.safe_load(path.read_text()))
