# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From which device and address this host asks on a network, what the layers below that device carry, and which
addresses are on the same link."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import (
    Address,
    EgressPath,
    Interface,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NO_ADDRESS, NO_ROUTE

_GUESTS = ("tun",)  # ports of a bridge that lead to guests, not to other hosts


def find_egress_path(
    network: str,
    v6: bool,
    device: str,
    source: bytes,
    links: list[Interface],
    addresses: list[Address],
    peers: list[bytes],
) -> EgressPath:
    """`device` or `source` may be empty, not both: then it is the device that has the source, or its address nearest to
    the `peers`. What cannot be used is returned with a failure."""
    own = [each for each in addresses if (len(each.packed) == 16) == v6]
    holders = {each.index for each in own if each.packed == source}
    egress = EgressPath(network, v6, device)
    link = _named(device, links) if device else _first_of(holders, links)
    if link is None:
        return egress.refuse(NO_ADDRESS, _no_link(device, links))
    egress.device, egress.index, egress.mtu, egress.mac = link.name, link.index, link.mtu, link.mac
    egress.layers = layers(link, links)
    egress.limit = limit(link, links)
    egress.prefixes = [each for each in own if each.index == link.index]
    if source and link.index not in holders:
        elsewhere = ", ".join(sorted(each.name for each in links if each.index in holders))
        but = f", but {elsewhere}" if elsewhere else ""
        return egress.refuse(NO_ADDRESS, f"{link.name} does not have the source address{but}")
    if not egress.prefixes:
        return egress.refuse(NO_ADDRESS, f"{link.name} has no {'IPv6' if v6 else 'IPv4'} address")
    egress.source = source or _nearest(egress.prefixes, peers)
    return egress if link.up else egress.refuse(NO_ROUTE, f"{link.name} is down")


def _no_link(device: str, links: list[Interface]) -> str:
    if not device:
        return "no device has the source address"
    return f"there is no device {device}, only {', '.join(sorted(each.name for each in links))}"


def _named(device: str, links: list[Interface]) -> Interface | None:
    return next((each for each in links if each.name == device), None)


def _first_of(indexes: set[int], links: list[Interface]) -> Interface | None:
    return next((each for each in links if each.index in indexes), None)


def _nearest(own: list[Address], peers: list[bytes]) -> bytes:
    """The own address with most peers on the same link; a link-local one only if there is no other."""
    return max(own, key=lambda each: _nearness(each, peers)).packed


def _nearness(own: Address, peers: list[bytes]) -> tuple[int, bool]:
    return sum(own.reaches(peer) for peer in peers), not is_link_local(own.packed)


def is_link_local(packed: bytes) -> bool:
    """fe80::/10 or 169.254.0.0/16."""
    if len(packed) == 4:
        return packed[:2] == b"\xa9\xfe"
    return (packed[0], packed[1] & 0xC0) == (0xFE, 0x80)


def below(link: Interface, links: list[Interface]) -> list[Interface]:
    """What packets of a device may leave through: a bridge's ports (but guests'), a bond's members, a VLAN's device."""
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


def too_small(egress: EgressPath, size: int) -> str:
    """Which layers of the own host cannot carry packets of this size, in words; "" if all can."""
    small = [f"{name} has MTU {mtu}" for name, mtu in egress.layers if mtu < size]
    return ", ".join(small)


def is_on_link(egress: EgressPath, packed: bytes) -> bool:
    """Whether an address is reached without a router."""
    return any(each.reaches(packed) for each in egress.prefixes) or (egress.v6 and is_link_local(packed))
