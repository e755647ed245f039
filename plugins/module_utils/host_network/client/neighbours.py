# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the wire which machine has an IPv4 address, by ARP: a firewall does not drop it, and it needs no address of
one's own."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock

ETH_P_ARP = 0x0806
_HEADER = struct.Struct("!6s6sH HHBBH 6s4s6s4s")  # Ethernet, then RFC 826: Ethernet and IPv4
_REQUEST = 1
ANSWER = 0.3  # seconds; RFC 5227, 2.1.1 waits one to two seconds for hosts of 1982, behind any bridge
TRIES = 3


def probe_frame(mac: bytes, address: str) -> bytes:
    """The question of RFC 5227, 1.1: its sender has no address, so that nobody's table changes by it."""
    target = socket.inet_aton(address)
    ethernet = (b"\xff" * 6, mac, ETH_P_ARP)
    return _HEADER.pack(*ethernet, 1, 0x0800, 6, 4, _REQUEST, mac, b"\0" * 4, b"\0" * 6, target)


def announcement_frame(mac: bytes, address: str) -> bytes:
    """Tells everybody that this MAC has the address (RFC 5227, 2.3: sender and target are the same)."""
    own = socket.inet_aton(address)
    ethernet = (b"\xff" * 6, mac, ETH_P_ARP)
    return _HEADER.pack(*ethernet, 1, 0x0800, 6, 4, _REQUEST, mac, own, b"\0" * 6, own)


def announce(device: str, address: str) -> None:
    """Have neighbours forget the MAC that the address had before; a device that is down or gone is left alone."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
        wire.bind((device, ETH_P_ARP))
        wire.send(announcement_frame(wire.getsockname()[4], address))


def sender_of(frame: bytes, address: str, own: Collection[str]) -> Optional[str]:
    """The MAC of the other machine that says in this frame that it has the address. `own` are this host's MACs: Linux
    answers on every NIC for every address of the host (arp_ignore, ip-sysctl.rst), also to itself."""
    if len(frame) < _HEADER.size:
        return None
    fields = _HEADER.unpack_from(frame)
    mac, claimed = ":".join(f"{byte:02x}" for byte in fields[8]), fields[9]
    is_about_it = fields[2] == ETH_P_ARP and claimed == socket.inet_aton(address)
    return mac if is_about_it and mac not in own else None


def who_has(device: str, address: str, clock: Optional[SystemClock] = None) -> Optional[str]:
    """The MAC of another machine that has the address on the device's wire, None where nobody answers or the device
    cannot be asked (it is down)."""
    clock = clock or SystemClock()
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as wire:
            wire.bind((device, ETH_P_ARP))
            own = _own_macs()
            for _try in range(TRIES):
                wire.send(probe_frame(wire.getsockname()[4], address))
                found = _listen(wire, address, own, clock)
                if found:
                    return found
    except OSError:  # the device is down, or is gone
        return None
    return None


def _own_macs() -> set[str]:
    """Of all links of this host, as they are now."""
    found = set()
    for path in Path("/sys/class/net").glob("*/address"):
        with contextlib.suppress(OSError):  # the link is gone
            found.add(path.read_text().strip())
    return found


def _listen(wire: socket.socket, address: str, own: Collection[str], clock: SystemClock) -> Optional[str]:
    deadline = clock.monotonic() + ANSWER
    while clock.monotonic() < deadline:
        wire.settimeout(max(0.01, deadline - clock.monotonic()))
        try:
            found = sender_of(wire.recv(1514), address, own)
        except socket.timeout:
            return None
        if found:
            return found
    return None
