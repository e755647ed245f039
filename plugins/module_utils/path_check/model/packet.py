# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the path check sends and hears on one host.

Plain classes: to import `dataclasses` or `typing` costs more than all else that the probing of a host needs, on each
host.
"""

from __future__ import annotations

ECHO, UDP, ARP = "echo", "udp", "arp"  # ARP: neighbour discovery over IPv6

CONTROL = {False: 84, True: 104}  # the small packet, by "is IPv6": what `ping` sends by itself
SMALLEST = {False: 68, True: 1280}  # RFC 791, RFC 8200: every link carries that
LARGEST = 65535

NEVER = float("inf")  # a time

# Outcome.failure: what the asking host itself could say of a probe that did not pass. "" if it passed.
# The kernel refused to send (EMSGSIZE): the asking host's own device is smaller; path_mtu is its MTU.
LOCAL = "local"
# A router said "fragmentation needed" or "packet too big"; path_mtu is what it said, or found.
ROUTER = "router"
# Small packets are answered, those of the required size are not; path_mtu was found by bisection.
TOO_LARGE = "too_large"
# Not even a small packet is answered, though the neighbour's link-layer address is known, or may be.
SILENT = "silent"
NO_NEIGHBOUR = "no_neighbour"  # no device answers ARP or neighbour discovery for the address
# An ICMP error other than the above: administratively prohibited, host or network unreachable from elsewhere.
PROHIBITED = "prohibited"
NO_ADDRESS = "no_address"  # the asking host does not have the source address
NO_ROUTE = "no_route"  # the asking host has no route to the address on this device: another subnet
NOT_ASKED = "not_asked"  # no time left, or stopped: says nothing


class Packet:
    """One packet to send.

    `peer`: its index in the list of probes. `size`: of the IP packet. `number`: among those of its kind and size.
    """

    __slots__ = ("kind", "number", "peer", "size")

    def __init__(self, peer: int, kind: str, size: int, number: int) -> None:
        self.peer = peer
        self.kind = kind
        self.size = size
        self.number = number


class Refusal:
    """A packet does not pass, says `by`: an address or "" (this host's own kernel), with the MTU it named (0: none)."""

    __slots__ = ("by", "failure", "mtu", "text")

    def __init__(self, failure: str, text: str, by: str = "", mtu: int = 0) -> None:
        self.failure = failure
        self.text = text
        self.by = by
        self.mtu = mtu


class Listener:
    """What is told about packets that came back.

    `at` is when, on the clock that is never set; `peer`, `size` and `number` are those of the Packet.
    """

    def answered(self, peer: int, kind: str, size: int, number: int, at: float, fragmented: bool = False) -> None:
        """An echo reply, or the port unreachable that answers a datagram."""

    def refused(self, peer: int, kind: str, size: int, refusal: Refusal, at: float) -> None:
        """An ICMP error, or an error of the own kernel."""

    def neighbour(self, peer: int, mac: str) -> None:
        """A device says that it has the peer's address."""


class Asking(Listener):
    """A listener that also knows what to send: what the loop over the sockets needs.

    This one has nothing to ask, as a Listener has nothing to do. `ends` is when no time is left.
    """

    ends = NEVER

    def next(self) -> float:
        """When to take; NEVER when all is said."""
        return NEVER

    def take(self, now: float) -> list[Packet]:
        """What is to be sent now, to one peer."""
        return []

    def stop(self) -> None:
        """No more."""
