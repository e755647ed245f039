# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bridge as it is wanted, and a link as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

MAIN_FILE = "/etc/network/interfaces"
FOLDER = "/etc/network/interfaces.d"
OWN_FILE = f"{FOLDER}/cloudstack-kvm"


@dataclass(frozen=True)
class Bridge:
    """A bridge with one port. `mtu` in bytes, for bridge and port alike; `address` is CIDR, "dhcp" or None."""

    name: str
    port: str
    mtu: int = 1500
    address: Optional[str] = None
    gateway: Optional[str] = None


@dataclass(frozen=True)
class Link:
    """A network link as the kernel has it."""

    name: str
    kind: str
    mtu: int
    up: bool
    master: Optional[str]
    addresses: tuple[str, ...]  # CIDR, IPv4 only
    leased: tuple[str, ...] = ()  # those of them that a DHCP server gave for a time


@dataclass(frozen=True)
class Wanted:
    """What the plan came from, and the files it leads to."""

    plan: Plan
    files: Mapping[str, str]
    rebuild: tuple[Bridge, ...]  # to be taken down and brought up
    resize: tuple[Bridge, ...]  # only their MTU differs
    reroute: tuple[tuple[Bridge, Optional[str]], ...] = ()  # only their gateway differs; with the one that is there
