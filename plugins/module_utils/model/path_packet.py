# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the path check sends and hears on one host.

Plain classes: to import `dataclasses` or `typing` costs more than all else that the probing of a host needs, and every host pays it.
"""

from __future__ import annotations

ECHO, UDP, ARP = "echo", "udp", "arp"  # ARP: neighbour discovery over IPv6

CONTROL = {False: 84, True: 104}  # the small packet, by "is IPv6": what `ping` sends by itself
SMALLEST = {False: 68, True: 1280}  # RFC 791, RFC 8200: every link carries that
LARGEST = 65535

NEVER = float("inf")  # a time

# Outcome.failure of model/path.py
LOCAL = "local"
ROUTER = "router"
TOO_LARGE = "too_large"
SILENT = "silent"
NO_NEIGHBOUR = "no_neighbour"
PROHIBITED = "prohibited"
NO_ADDRESS = "no_address"
NO_ROUTE = "no_route"
NOT_ASKED = "not_asked"


class Packet:
    """One packet to send: to which peer (its place in the list of probes), how large as an IP packet, the how-manieth of its kind and size."""

    __slots__ = ("kind", "number", "peer", "size")

    def __init__(self, peer: int, kind: str, size: int, number: int) -> None:
        self.peer = peer
        self.kind = kind
        self.size = size
        self.number = number


class Refusal:
    """Somebody said that a packet does not pass: `by` an address or "" (this host's own kernel), with the MTU he named (0: none)."""

    __slots__ = ("by", "failure", "mtu", "text")

    def __init__(self, failure: str, text: str, by: str = "", mtu: int = 0) -> None:
        self.failure = failure
        self.text = text
        self.by = by
        self.mtu = mtu


class Listener:
    """Who is told what came back. `at` is when, on the clock that is never set; `peer`, `size` and `number` are those of the Packet."""

    def answered(self, peer: int, kind: str, size: int, number: int, at: float, fragmented: bool = False) -> None:
        """An echo reply, or the port unreachable that answers a datagram."""

    def refused(self, peer: int, kind: str, size: int, refusal: Refusal, at: float) -> None:
        """An ICMP error, or an error of the own kernel."""

    def neighbour(self, peer: int, mac: str) -> None:
        """Somebody says that he has the peer's address."""


class Asking(Listener):
    """Who also knows what to send: what the loop over the sockets needs. `ends` is when no time is left."""

    ends: float

    def next(self) -> float:
        """When to take; infinite when all is said."""
        raise NotImplementedError

    def take(self, now: float) -> list[Packet]:
        """What is to be sent now, to one peer."""
        raise NotImplementedError

    def stop(self) -> None:
        """No more."""
        raise NotImplementedError
