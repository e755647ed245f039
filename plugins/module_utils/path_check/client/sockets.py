# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Opens the sockets of the path check: ICMP echo and UDP, which the kernel never fragments, bound to one device and one
own address; ARP."""

from __future__ import annotations

import _socket as socket
import struct

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import EgressPath
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse import icmp

# Not in Python's socket module; the same on all of Linux's architectures that run KVM (linux/in.h, linux/in6.h,
# asm-generic/socket.h).
_IP_RECVERR, _IP_MTU_DISCOVER, _IPV6_RECVERR, _IPV6_MTU_DISCOVER = 11, 10, 25, 23
_PMTUDISC_PROBE = 3  # sets DF and ignores what the kernel has learnt of the path
_IPV6_DONTFRAG = 62
_ICMP_FILTER, _ICMP6_FILTER, _SOL_RAW = 1, 1, 255
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 32, 33, 35
_SECONDS = struct.Struct("=qq")  # struct timespec
_ETH_P_ARP = 0x0806
_BROADCAST = b"\xff" * 6
IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE = 25, 77  # size of the largest fragment that a packet came in
MSG_ERRQUEUE = 0x2000

_BUFFER = 4 << 20  # bytes; a jumbo frame takes 16 KiB of it, and all peers may answer at once


def open_echo(egress: EgressPath) -> socket.socket:
    """A raw ICMP socket, which also hears the peers' requests; without root one for echo alone.

    Raises PermissionError where neither is allowed.
    """
    protocol = socket.IPPROTO_ICMPV6 if egress.v6 else socket.IPPROTO_ICMP
    try:
        opened = socket.socket(_family(egress), socket.SOCK_RAW, protocol)
    except PermissionError:
        opened = socket.socket(_family(egress), socket.SOCK_DGRAM, protocol)
    return _prepared(opened, egress)


def open_udp(egress: EgressPath) -> socket.socket:
    """A datagram socket."""
    return _prepared(socket.socket(_family(egress), socket.SOCK_DGRAM), egress)


def open_arp(egress: EgressPath) -> socket.socket:
    """A socket for ARP, which needs root."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)  # hears nothing before it is bound
    opened.setblocking(False)
    opened.bind((egress.device, _ETH_P_ARP))
    return opened


def ask_who(egress: EgressPath, opened: socket.socket, target: bytes) -> None:
    """Ask on the link who has an address: by ARP, over IPv6 by the socket for echo.

    The answer also reaches the kernel, which then need not ask again.
    """
    try:
        if egress.v6:
            group = socket.inet_ntop(socket.AF_INET6, icmp.solicited_node(target))
            opened.sendto(icmp.solicitation(egress.mac, target), (group, 0, 0, egress.index))
        else:
            opened.sendto(
                icmp.arp_request(egress.mac, egress.source, target), (egress.device, _ETH_P_ARP, 0, 0, _BROADCAST)
            )
    except OSError:
        return  # it is asked again


def read_stamp(ancillary: list[tuple[int, int, bytes]]) -> tuple[float, bool]:
    """When the kernel received a packet (seconds since the epoch, 0 if it does not say), and whether it came in
    fragments."""
    stamp, fragmented = 0.0, False
    for _level, kind, value in ancillary:
        if kind == _SO_TIMESTAMPNS and len(value) == _SECONDS.size:
            seconds, nanoseconds = _SECONDS.unpack(value)
            stamp = seconds + nanoseconds / 1e9
        elif kind in (IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE):
            fragmented = True
    return stamp, fragmented


def _family(egress: EgressPath) -> int:
    return socket.AF_INET6 if egress.v6 else socket.AF_INET


def _prepared(opened: socket.socket, egress: EgressPath) -> socket.socket:
    try:
        _prepare(opened, egress)
    except BaseException:
        opened.close()
        raise
    return opened


def _prepare(opened: socket.socket, egress: EgressPath) -> None:
    opened.setblocking(False)
    # Allowed to every user since Linux 5.7; before that the source address has to do.
    _try_option(opened, socket.SO_BINDTODEVICE, egress.device.encode() + b"\0")
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF, _SO_SNDBUFFORCE, _SO_RCVBUFFORCE):
        _try_option(opened, option, _BUFFER)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    if egress.v6:
        options = {_IPV6_MTU_DISCOVER: _PMTUDISC_PROBE, _IPV6_DONTFRAG: 1, _IPV6_RECVERR: 1, IPV6_RECVFRAGSIZE: 1}
        options[socket.IPV6_MULTICAST_HOPS] = 255  # neighbour discovery: RFC 4861, 7.1.1
    else:
        options = {_IP_MTU_DISCOVER: _PMTUDISC_PROBE, _IP_RECVERR: 1, IP_RECVFRAGSIZE: 1}
    level = socket.IPPROTO_IPV6 if egress.v6 else socket.IPPROTO_IP
    for option, value in options.items():
        opened.setsockopt(level, option, value)
    if opened.type == socket.SOCK_RAW:
        _filter(opened, egress.v6)
    source = socket.inet_ntop(_family(egress), egress.source)
    opened.bind((source, 0, 0, egress.index) if egress.v6 else (source, 0))


def _try_option(opened: socket.socket, option: int, value: bytes | int) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, option, value)
    except PermissionError:
        return  # it helps, but is for root alone


def _filter(opened: socket.socket, v6: bool) -> None:
    """The kernel passes on requests and replies alone (and answers to neighbour discovery).

    Errors come through the error queue.
    """
    blocked = [0xFFFFFFFF] * 8
    wanted = [icmp.REQUEST[v6], icmp.REPLY[v6]]
    if v6:
        wanted.append(icmp.NEIGHBOUR_ADVERTISEMENT)
    for kind in wanted:
        blocked[kind // 32] &= ~(1 << kind % 32)
    if v6:
        opened.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
    else:
        opened.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", blocked[0]))
