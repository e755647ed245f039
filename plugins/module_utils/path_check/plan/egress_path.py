# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From which device and address this host asks on a network, what the layers below that device carry, and who is on the same wire."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NO_ADDRESS, NO_ROUTE
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import Address, Interface, EgressPath

_GUESTS = ("tun",)  # ports of a bridge that lead to guests, not to other hosts


def find_egress_path(network: str, v6: bool, device: str, source: bytes, links: list[Interface], addresses: list[Address], peers: list[bytes]) -> EgressPath:
    """`device` or `source` may be empty, not both: then it is the device that has the source, or its address nearest to the `peers`."""
    own = [each for each in addresses if (len(each.packed) == 16) == v6]
    holders = {each.index for each in own if each.packed == source}
    link = next((each for each in links if (each.name == device if device else each.index in holders)), None)
    way = EgressPath(network, v6, device)
    if link is None:
        names = ", ".join(sorted(each.name for each in links))
        return way.refuse(NO_ADDRESS, f"there is no device {device}, only {names}" if device else "no device has the source address")
    way.device, way.index, way.mtu, way.mac = link.name, link.index, link.mtu, link.mac
    way.layers = layers(link, links)
    way.limit = limit(link, links)
    way.prefixes = [each for each in own if each.index == link.index]
    if source and link.index not in holders:
        elsewhere = ", ".join(sorted(each.name for each in links if each.index in holders))
        return way.refuse(NO_ADDRESS, f"{link.name} does not have the source address{', but ' + elsewhere if elsewhere else ''}")
    if not way.prefixes:
        return way.refuse(NO_ADDRESS, f"{link.name} has no {'IPv6' if v6 else 'IPv4'} address")
    way.source = source or _nearest(way.prefixes, peers)
    return way if link.up else way.refuse(NO_ROUTE, f"{link.name} is down")


def _nearest(own: list[Address], peers: list[bytes]) -> bytes:
    """The own address with most peers on the same wire; a link-local one only if nothing else is there."""
    return max(own, key=lambda each: (sum(each.reaches(peer) for peer in peers), not link_local(each.packed))).packed


def link_local(packed: bytes) -> bool:
    """fe80::/10 or 169.254.0.0/16."""
    return packed[:2] == b"\xa9\xfe" if len(packed) == 4 else (packed[0], packed[1] & 0xC0) == (0xFE, 0x80)


def below(link: Interface, links: list[Interface]) -> list[Interface]:
    """What packets of a device may leave through: ports of a bridge (but guests'), members of a bond, the device that a VLAN is on."""
    under = [each for each in links if each.master == link.index and each.kind not in _GUESTS]
    return under + [each for each in links if each.index == link.parent and link.kind != "veth"]


def layers(link: Interface, links: list[Interface]) -> list[tuple[str, int]]:
    """Name and MTU of a device and of all that is below it."""
    found, rest = {link.index: (link.name, link.mtu)}, [link]
    while rest:
        for lower in below(rest.pop(0), links):
            if lower.index not in found:
                found[lower.index] = (lower.name, lower.mtu)
                rest.append(lower)
    return list(found.values())


def limit(link: Interface, links: list[Interface], depth: int = 8) -> int:
    """The largest packet that can leave: the smallest MTU on the best way down."""
    lower = below(link, links) if depth else []
    return min(link.mtu, max((limit(each, links, depth - 1) for each in lower), default=link.mtu))


def too_small(way: EgressPath, size: int) -> str:
    """Which layers of the own host cannot carry packets of this size, in words; "" if all can."""
    small = [f"{name} has MTU {mtu}" for name, mtu in way.layers if mtu < size]
    return ", ".join(small)


def on_link(way: EgressPath, packed: bytes) -> bool:
    """Whether an address is reached without a router."""
    return any(each.reaches(packed) for each in way.prefixes) or (way.v6 and link_local(packed))
