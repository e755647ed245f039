# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One network and one IP version: sends the packets of the path check there and reports what comes back."""

from __future__ import annotations

import _socket as socket
import errno
import os
import time

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.sockets import (
    MSG_ERRQUEUE,
    ask_who,
    open_arp,
    open_echo,
    open_udp,
    read_stamp,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import EgressPath
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    CONTROL,
    ECHO,
    LOCAL,
    NO_ROUTE,
    NOT_ASKED,
    PROHIBITED,
    UDP,
    Listener,
    Packet,
    Refusal,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse import icmp

UDP_PORT = 33434  # closed on every host: where traceroute begins
_BATCH = 256  # packets read before another socket gets a turn
_FULL = (errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN)
_LARGE = 0x8000  # in the sequence number: the peer counts the small packets


class PathSocket:
    """Open sockets of a usable EgressPath.

    Raises PermissionError where this user may send no echo at all, OSError where the path cannot be used.
    """

    def __init__(self, egress: EgressPath, nonce: bytes) -> None:
        self.egress = egress
        self.nonce = nonce
        self.identifier = int.from_bytes(nonce[:2], "big")
        self.heard: dict[
            tuple[str, int], list[int]
        ] = {}  # (address, identifier) -> count, first, last, any in fragments
        self.listener: Listener = Listener()
        self._names: dict[int, tuple] = {}
        self._peers: dict[bytes, list[int]] = {}
        self._packed: dict[int, bytes] = {}
        self._own = {socket.inet_ntop(self._family, each.packed) for each in egress.prefixes}
        self.echo = open_echo(egress)
        self.udp: socket.socket | None = None
        self.raw = self.echo.type == socket.SOCK_RAW
        self.arp: socket.socket | None = None

    @property
    def _family(self) -> int:
        return socket.AF_INET6 if self.egress.v6 else socket.AF_INET

    @property
    def sends_arp(self) -> bool:
        """Whether it can ask by itself which device has an address: with root, on an Ethernet."""
        return self.raw and len(self.egress.mac) == 6

    def add(self, peer: int, packed: bytes) -> None:
        """Where the packets of a probe go."""
        address = socket.inet_ntop(self._family, packed)
        self._names[peer] = (address, 0, 0, self.egress.index) if self.egress.v6 else (address, 0)
        self._packed[peer] = packed
        self._peers.setdefault(packed, []).append(peer)

    def sockets(self) -> list[socket.socket]:
        return [each for each in (self.echo, self.udp, self.arp) if each is not None]

    def close(self) -> None:
        for each in self.sockets():
            each.close()

    # --- sending ---

    def send(self, packet: Packet) -> socket.socket | None:
        """Send one packet, or tell the listener why the kernel would not. Returns a socket that was opened for it."""
        before = self.arp, self.udp
        if packet.kind == ECHO:
            self._send_echo(packet)
        elif packet.kind == UDP:
            self._send_datagram(packet)
        else:
            self._send_arp(packet)
        if self.arp is not before[0]:
            return self.arp
        return self.udp if self.udp is not before[1] else None

    def _send_echo(self, packet: Packet) -> None:
        tagged = icmp.tag(self.nonce, packet.peer, packet.size, packet.number)
        sequence = packet.number & ~_LARGE
        if packet.size > CONTROL[self.egress.v6]:
            sequence |= _LARGE
        data = icmp.echo_request(self.egress.v6, self.identifier, sequence, tagged, packet.size)
        self._send(self.echo, data, self._names[packet.peer], packet)

    def _send_datagram(self, packet: Packet) -> None:
        self.udp = self.udp or open_udp(self.egress)
        tagged = icmp.tag(self.nonce, packet.peer, packet.size, packet.number)
        address, _port, *scope = self._names[packet.peer]
        self._send(self.udp, icmp.datagram(self.egress.v6, tagged, packet.size), (address, UDP_PORT, *scope), packet)

    def _send_arp(self, packet: Packet) -> None:
        if not self.egress.v6:
            self.arp = self.arp or open_arp(self.egress)
        ask_who(self.egress, self.arp or self.echo, self._packed[packet.peer])

    def _send(self, opened: socket.socket, data: bytes, name: tuple, packet: Packet) -> None:
        """An error may be the answer to an earlier packet. It is gone once the queue of errors is read."""
        for _again in range(3):
            try:
                opened.sendto(data, name)
                return
            except OSError as error:
                number = error.errno
            self._errors(opened)
        self.listener.refused(packet.peer, packet.kind, packet.size, self._refusal(number or 0), time.monotonic())

    def _refusal(self, number: int) -> Refusal:
        if number == errno.EMSGSIZE:
            return Refusal(LOCAL, f"{self.egress.device} takes at most {self.egress.mtu} bytes", "", self.egress.mtu)
        # For a large packet it may also be a veth whose other end has a smaller MTU: the search takes it for lost.
        if number in _FULL:
            return Refusal(NOT_ASKED, "this host's kernel has no room: its table of neighbours or a queue is full")
        if number == errno.EPERM:
            return Refusal(PROHIBITED, "this host's own firewall does not let it out")
        if number == errno.EACCES:
            text = f"{self.egress.device} does not let it out: a broadcast address, or a route that forbids it"
            return Refusal(PROHIBITED, text)
        return Refusal(NO_ROUTE, f"cannot send through {self.egress.device}: {os.strerror(number)}")

    # --- receiving ---

    def receive(self, opened: socket.socket) -> None:
        """Read what has come in on one of the sockets."""
        if opened is self.arp:
            self._replies(opened)
            return
        self._errors(opened)
        for _packet in range(_BATCH):
            try:
                data, ancillary, _flags, name = opened.recvmsg(128, 128)
            except BlockingIOError:
                return
            except OSError:
                self._errors(opened)
                continue
            if opened is self.echo:
                self._message(data, ancillary, name[0])

    def _message(self, data: bytes, ancillary: list[tuple[int, int, bytes]], address: str) -> None:
        offset = icmp.header_length(data) if self.raw and not self.egress.v6 else 0
        echo = icmp.read_echo(data, offset)
        if echo is None:
            return
        if echo[0] == icmp.NEIGHBOUR_ADVERTISEMENT and self.egress.v6:
            self._neighbour(icmp.read_advertisement(data))
            return
        found = icmp.read_tag(data, offset + icmp.ECHO_SIZE)
        if found is None:
            return
        nonce, peer, size, number = found
        stamp, fragmented = read_stamp(ancillary)
        if echo[0] == icmp.REPLY[self.egress.v6]:
            if nonce == self.nonce and peer in self._names and self._names[peer][0] == address:
                self.listener.answered(peer, ECHO, size, number, _monotonic(stamp), fragmented)
        elif nonce != self.nonce:
            self._hear(address, echo[1], echo[2], fragmented)

    def _hear(self, address: str, identifier: int, sequence: int, fragmented: bool) -> None:
        """A request of a peer, so that one reaches this host."""
        entry = self.heard.setdefault((address, identifier), [0, _LARGE, 0, 0])
        entry[3] |= fragmented
        if sequence < _LARGE:
            entry[0] += 1
            entry[1] = min(entry[1], sequence)
            entry[2] = max(entry[2], sequence)

    def _replies(self, arp: socket.socket) -> None:
        for _packet in range(_BATCH):
            try:
                self._neighbour(icmp.read_arp_reply(arp.recv(128)))
            except OSError:
                return

    def _neighbour(self, found: tuple[bytes, bytes] | None) -> None:
        address, mac = found or (b"", b"")
        for peer in self._peers.get(address, ()):
            self.listener.neighbour(peer, icmp.mac_text(mac))

    def _errors(self, opened: socket.socket) -> None:
        """Read the queue of ICMP errors."""
        for _error in range(_BATCH):
            try:
                data, ancillary, _flags, _name = opened.recvmsg(128, 256, MSG_ERRQUEUE)
            except OSError:
                return
            found = icmp.read_tag(data, icmp.ECHO_SIZE if opened is self.echo else 0)
            if found is not None and found[0] == self.nonce and found[1] in self._names:
                for _level, _kind, value in ancillary:
                    self._error(opened, found[1:], icmp.read_error(value))

    def _error(
        self, opened: socket.socket, about: tuple[int, int, int], error: tuple[int, int, int, bytes] | None
    ) -> None:
        """Report an ICMP error about a packet (peer, size, number)."""
        if error is None:
            return
        peer, size, number = about
        kind, code, info, packed = error
        by = "an unknown sender"
        if len(packed) == len(self.egress.source):
            by = socket.inet_ntop(self._family, packed)
        refusal = icmp.refusal_of(self.egress.v6, kind, code, info, by, by in self._own)
        now = time.monotonic()
        if opened is self.echo:
            self.listener.refused(peer, ECHO, size, refusal, now)
        elif (kind, code) == icmp.PORT_UNREACHABLE[self.egress.v6]:
            self.listener.answered(peer, UDP, size, number, now)


def _monotonic(stamp: float) -> float:
    """The kernel's time of arrival on the clock that is never set. What lies long ago or ahead: that clock was set."""
    now, ago = time.monotonic(), time.time() - stamp
    return now - ago if 0 < ago < 10 else now
