# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest network gets its VLAN with its first guest."""

from __future__ import annotations

from .cloud import Cloud
from .records import Record


def implement(cloud: Cloud, network: Record) -> None:
    """Give the network the first free VLAN of its physical network, unless it has one."""
    if network["vlan"]:
        return
    carrier = cloud.table("physicalnetwork").find(network["physicalnetwork"])
    taken = {str(other["vlan"]) for other in cloud.table("network").where(physicalnetwork=carrier.number)}
    for vlan in _numbers(carrier.get("vlan") or ""):
        if str(vlan) not in taken:
            network["vlan"], network["implemented"] = str(vlan), True
            return


def _numbers(ranges: str) -> list[int]:
    """The VLANs of 300-399,410."""
    found: list[int] = []
    for part in filter(None, ranges.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
