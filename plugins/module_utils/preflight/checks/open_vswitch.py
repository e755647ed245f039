# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What lies under a bridge of Open vSwitch, by the fact `ovs` (ovs-vsctl) or, where that is missing, by `ip`.

Bridges may be joined by patch ports, and a fake bridge is one VLAN of its parent (ovs-vsctl(8)), so the cards of a
bridge are found by walking both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Optional

Links = Mapping[str, Mapping[str, Any]]

DATAPATH = "ovs-system"  # the kernel's master of all ports of Open vSwitch
PHYSICAL_TYPES = ("", "system", "dpdk")  # of the column `type` of the table Interface
TUNNEL_TYPES = ("vxlan", "geneve", "gre", "stt", "lisp")
GUEST = re.compile(r"(vnet|tap|vif|lxc|veth|qvo|fwln|macvtap)\d*")  # ports that libvirt and others make for guests


def uplinks(ovs: Mapping[str, Any], bridge: str) -> list[str]:
    """The ports through which a bridge of Open vSwitch leads out of the host, sorted."""
    return sorted(_reached(ovs["bridges"], bridge))


def possible_uplinks(links: Links) -> list[str]:
    """The ports of the kernel's datapath that lead out, of all bridges together: what `ip` shows without ovs-vsctl."""
    return sorted(
        name
        for name, link in links.items()
        if link.get("master") == DATAPATH and link.get("kind") != "tun" and not GUEST.match(name)
    )


def is_known(ovs: Mapping[str, Any], bridge: str) -> bool:
    """Whether ovs-vsctl told the ports of this bridge."""
    return bridge in (ovs.get("bridges") or {})


def vlan_of(ovs: Mapping[str, Any], bridge: str) -> Optional[int]:
    """The VLAN in which the host's own traffic leaves the bridge: a fake bridge's, or the tag of its local port. None
    is untagged."""
    entry = (ovs.get("bridges") or {}).get(bridge) or {}
    tags = [port.get("tag") for port in entry.get("ports") or () if port["name"] == bridge]
    return entry.get("vlan") or next(iter(tags), None)


def links_of(ovs: Mapping[str, Any], links: Links) -> dict[str, Mapping[str, Any]]:
    """Bonds of Open vSwitch and cards that DPDK took from the kernel, in the form of the fact `interfaces`, and the
    members of those bonds with the bond as their master."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in (ovs.get("bridges") or {}).values():
        for port in entry.get("ports") or ():
            legs = [_leg(each, links) for each in port["interfaces"] if each["type"] in PHYSICAL_TYPES]
            bonded = len(port["interfaces"]) > 1
            if bonded:
                found[port["name"]] = _bond(port, legs)
            for leg in legs:
                if bonded or leg["name"] not in links:
                    found[leg["name"]] = {**leg, "master": port["name"] if bonded else leg.get("master")}
    return found


def _reached(bridges: Mapping[str, Any], bridge: str) -> set[str]:
    """Names of the physical ports of a bridge, of its parent, and of the bridges behind its patch ports."""
    seen, todo, found = set(), [bridge], set()
    while todo:
        name = todo.pop()
        entry = bridges.get(name)
        if name in seen or entry is None:
            continue
        seen.add(name)
        todo.append(str(entry.get("parent")))
        for port in entry.get("ports") or ():
            kinds = {each["type"] for each in port["interfaces"]}
            todo.extend(_behind(bridges, port))
            if kinds & {*PHYSICAL_TYPES, *TUNNEL_TYPES} and not GUEST.match(port["name"]):
                found.add(port["name"])
    return found


def _behind(bridges: Mapping[str, Any], port: Mapping[str, Any]) -> Iterator[str]:
    """The bridge at the other end of a patch port."""
    peers = {each.get("peer") for each in port["interfaces"] if each["type"] == "patch"}
    for name, entry in bridges.items():
        if peers & {each["name"] for each in entry.get("ports") or ()}:
            yield name


def _leg(interface: Mapping[str, Any], links: Links) -> dict[str, Any]:
    """The kernel knows its own cards best; what it does not see is told by ovs-vsctl."""
    seen = links.get(interface["name"])
    if seen is not None:
        return dict(seen)
    state = {"up": True, "down": False}
    return {
        "name": interface["name"],
        "kind": interface["type"] or "ether",
        "mtu": interface.get("mtu"),
        "up": state.get(str(interface.get("admin_state")), True),
        "carrier": state.get(str(interface.get("link_state"))),
        "speed_mbps": interface.get("speed_mbps"),
    }


def _bond(port: Mapping[str, Any], legs: list[dict[str, Any]]) -> dict[str, Any]:
    """A bond as `ip` would tell it. It has a carrier as long as one of its members has."""
    sizes = [leg["mtu"] for leg in legs if leg.get("mtu")]
    carriers = [leg.get("carrier") for leg in legs]
    return {
        "name": port["name"],
        "kind": "bond",
        "mtu": min(sizes, default=None),
        "up": True,
        "carrier": True if True in carriers else next(iter(carriers), None),
        "bond": {
            "mode": port.get("bond_mode") or "active-backup",  # Open vSwitch's default
            "members": [{"name": leg["name"], "up": bool(leg.get("carrier"))} for leg in legs],
        },
    }
