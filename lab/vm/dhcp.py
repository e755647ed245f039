# SPDX-License-Identifier: GPL-3.0-or-later
"""A DHCP server on the management wire for a guest that was installed with DHCP: it gives that guest its own address
only."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from lab.control import namespaces
from lab.control.shell import run
from lab.control.state import RUN
from lab.control.topology import Node, Topology, mac

LEASE_S = 3600


def _file(node: Node, suffix: str) -> Path:
    return RUN / f"{node.name}.dhcp.{suffix}"


def config(topology: Topology, node: Node) -> str:
    """What busybox' udhcpd is told. Pure."""
    card, wire = node.nics[0], topology.wire(node.nics[0].wire)
    return (
        f"interface {wire.bridge}\nstart {node.address}\nend {node.address}\nmax_leases 1\n"
        f"static_lease {mac(node.name, card.name)} {node.address}\nlease_file {_file(node, 'leases')}\npidfile "
        f"{_file(node, 'pid')}\n"
        f"option lease {LEASE_S}\noption subnet {_netmask(wire.prefix_length)}\n"
    )


def _netmask(prefix_length: int) -> str:
    bits = (0xFFFFFFFF << (32 - prefix_length)) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 0xFF) for shift in (24, 16, 8, 0))


def start(topology: Topology, node: Node) -> None:
    """Start it anew. It goes to the background by itself."""
    stop(node)
    _file(node, "conf").write_text(config(topology, node))
    _file(node, "leases").touch()
    run(namespaces.inside("/bin/busybox", "udhcpd", str(_file(node, "conf"))))


def stop(node: Node) -> None:
    """Stop it, if it runs."""
    with contextlib.suppress(OSError, ValueError):
        number = int(_file(node, "pid").read_text())
        if "udhcpd" in Path(f"/proc/{number}/cmdline").read_text():
            os.kill(number, signal.SIGTERM)
    _file(node, "pid").unlink(missing_ok=True)
