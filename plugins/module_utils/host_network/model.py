# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bridge as it is declared, and the network as it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState

# Path -> text of the files that a back end reads. A byte that is not UTF-8 is a surrogate in it, so that it can be
# written back.
Files = Mapping[str, str]


def to_text(content: bytes) -> str:
    """What a file holds, as Files have it."""
    return content.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """A text of Files as it stands in the file, byte for byte."""
    return text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Bridge:
    """A bridge with one port. `mtu` in bytes, for bridge and port alike; `address` is CIDR, "dhcp" or None."""

    name: str
    port: str
    mtu: int = 1500
    address: Optional[str] = None
    gateway: Optional[str] = None

    @property
    def ipv4(self) -> str:
        """Its static IPv4 address without prefix length, "" where it has none."""
        address = (self.address or "").partition("/")[0]
        return "" if ":" in address or address == "dhcp" else address


@dataclass(frozen=True)
class Address:
    """An address of a link. `options` are those of `ip address add`; `lifetimes` (valid, preferred, in seconds) only
    where they end."""

    cidr: str
    options: tuple[str, ...] = ()
    dynamic: bool = False  # it has an end: a lease, or announced by a router
    lifetimes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Link:
    """A network link as the kernel has it. `options` are those of a bridge, by the names that `ip link` has for
    them."""

    name: str
    kind: str
    mtu: int
    up: bool
    master: Optional[str]
    addresses: tuple[Address, ...] = ()
    parent: Optional[str] = None  # what a VLAN device lies on
    mac: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def ipv4(self) -> tuple[str, ...]:
        """Its IPv4 addresses in CIDR form."""
        return tuple(each.cidr for each in self.addresses if ":" not in each.cidr)

    @property
    def leased(self) -> tuple[str, ...]:
        """Those of them that a DHCP server gave for a time."""
        return tuple(each.cidr for each in self.addresses if ":" not in each.cidr and each.dynamic)


@dataclass(frozen=True)
class Route:
    """A route that did not come with an address. `words` are what `ip route add` takes, destination first."""

    version: int  # of IP: 4 or 6
    devices: tuple[str, ...]
    words: tuple[str, ...]
    gateway: Optional[str] = None
    main: bool = True  # whether it is in the table main
    unknown: tuple[str, ...] = ()  # parts of it that `words` do not say: it could not be set again


@dataclass(frozen=True)
class State:
    """The links of a host and its routes, as measured at one moment."""

    links: Mapping[str, Link]
    routes: tuple[Route, ...] = ()

    @property
    def gateways(self) -> dict[str, str]:
        """Device -> gateway, of the IPv4 default routes."""
        defaults = [route for route in self.routes if route.main and route.version == 4 and route.words[0] == "default"]
        return {route.devices[0]: route.gateway for route in defaults if route.gateway}

    def touched(self, names: set[str]) -> set[str]:
        """These links, and those that are ports of them."""
        return names | {link.name for link in self.links.values() if link.master in names}


@dataclass(frozen=True)
class Kept:
    """What is needed to put a change back, by the run that made it or by the host itself."""

    backend: str
    state: State  # before the change
    names: tuple[str, ...]  # links that the change touches
    files: tuple[FileState, ...]  # as they were; those that were not there are absent
    taken_down: tuple[str, ...]  # links whose DHCP clients are started again
    leased: tuple[str, ...]  # bridges that the change gives a DHCP client
