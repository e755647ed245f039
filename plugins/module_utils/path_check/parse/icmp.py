# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ICMP and ICMPv6 echo packets that carry the path check's tag, ARP and neighbour discovery, and the errors that come
back."""

from __future__ import annotations

import struct

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    NO_NEIGHBOUR,
    PROHIBITED,
    ROUTER,
    Refusal,
)

HEADERS = {False: 28, True: 48}  # IP and ICMP (or UDP), by "is IPv6"
REQUEST = {False: 8, True: 128}
REPLY = {False: 0, True: 129}
NEIGHBOUR_ADVERTISEMENT = 136
PORT_UNREACHABLE = {False: (3, 3), True: (1, 4)}

MAGIC = b"kvmp"
TAG = struct.Struct("!4s8sHHI")  # magic, nonce of the run, peer, size, number
_ECHO = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
ECHO_SIZE = _ECHO.size
_ZEROS = bytes(65535)
# struct sock_extended_err: errno, origin, type, code, info; the address of who sent the error follows
_ERROR = struct.Struct("=IBBBxII")
_ORIGIN_ICMP = (2, 3)
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_SOLICITATION = struct.Struct("!BBHI16sBB6s")

_UNREACHABLE = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    5: "source route failed",
    6: "network unknown",
    7: "host unknown",
    9: "network administratively prohibited",
    10: "host administratively prohibited",
    11: "network unreachable for this type of service",
    12: "host unreachable for this type of service",
    13: "administratively prohibited",
}
_UNREACHABLE6 = {
    0: "no route",
    1: "administratively prohibited",
    2: "beyond the scope of the source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "the source address failed the policy",
    6: "reject route",
}


def tag(nonce: bytes, peer: int, size: int, number: int) -> bytes:
    """What every packet of a run begins with, after its headers. `nonce` has 8 bytes."""
    return TAG.pack(MAGIC, nonce, peer, size, number)


def read_tag(data: bytes, offset: int = 0) -> tuple[bytes, int, int, int] | None:
    """Nonce, peer, size and number; None if that is not a packet of a path check."""
    if len(data) < offset + TAG.size:
        return None
    magic, nonce, peer, size, number = TAG.unpack_from(data, offset)
    return (nonce, peer, size, number) if magic == MAGIC else None


def echo_request(v6: bool, identifier: int, sequence: int, tagged: bytes, size: int) -> bytes:
    """ICMP part of an echo request that makes an IP packet of `size` bytes: header, tag, zeros (which need no
    checksum)."""
    kind = REQUEST[v6]
    checksum = 0  # the kernel fills in ICMPv6's
    if not v6:
        checksum = _checksum(_ECHO.pack(kind, 0, 0, identifier, sequence) + tagged)
    return _ECHO.pack(kind, 0, checksum, identifier, sequence) + tagged + _ZEROS[: size - HEADERS[v6] - len(tagged)]


def datagram(v6: bool, tagged: bytes, size: int) -> bytes:
    """Data of a UDP datagram that makes an IP packet of `size` bytes."""
    return tagged + _ZEROS[: size - HEADERS[v6] - len(tagged)]


def read_echo(data: bytes, offset: int = 0) -> tuple[int, int, int] | None:
    """Type, identifier and sequence of an ICMP message; None if it is cut short."""
    if len(data) < offset + ECHO_SIZE:
        return None
    kind, _code, _checksum, identifier, sequence = _ECHO.unpack_from(data, offset)
    return kind, identifier, sequence


def header_length(data: bytes) -> int:
    """Length of an IPv4 header, which raw sockets deliver too."""
    return (data[0] & 15) * 4 if data else 0


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


# --- errors ---


def read_error(data: bytes) -> tuple[int, int, int, bytes] | None:
    """Type, code, info and sender (packed address, empty if unknown) of a sock_extended_err; None if it was not caused
    by an ICMP error."""
    if len(data) < _ERROR.size + 8:  # the time of arrival is shorter
        return None
    _errno, origin, kind, code, info, _data = _ERROR.unpack_from(data)
    if origin not in _ORIGIN_ICMP:
        return None
    return kind, code, info, _offender(data[_ERROR.size :])


def _offender(address: bytes) -> bytes:
    """The packed address out of a sockaddr_in or sockaddr_in6."""
    family = struct.unpack_from("=H", address)[0]
    if family == 2:
        return address[4:8]
    return address[8:24] if family == 10 else b""


def refusal_of(v6: bool, kind: int, code: int, info: int, by: str, own: bool) -> Refusal:
    """An ICMP error (type, code, MTU in `info`) of the sender `by`.

    `own`: this host's kernel sent it to itself, because no device answers for the address.
    """
    return _refusal6(kind, code, info, by, own) if v6 else _refusal4(kind, code, info, by, own)


def _refusal4(kind: int, code: int, info: int, by: str, own: bool) -> Refusal:
    if (kind, code) == (3, 4):
        return _too_big(f"{by}: fragmentation needed", by, info)
    if own and (kind, code) == (3, 1):
        return Refusal(NO_NEIGHBOUR, "no answer to ARP", by)
    if kind == 11:
        return Refusal(PROHIBITED, f"{by}: too many hops", by)
    text = _UNREACHABLE.get(code) if kind == 3 else None
    return Refusal(PROHIBITED, f"{by}: {text or f'ICMP error {kind}, code {code}'}", by)


def _refusal6(kind: int, code: int, info: int, by: str, own: bool) -> Refusal:
    if kind == 2:
        return _too_big(f"{by}: packet too big", by, info)
    if own and (kind, code) == (1, 3):
        return Refusal(NO_NEIGHBOUR, "no answer to neighbour discovery", by)
    if kind == 3:
        return Refusal(PROHIBITED, f"{by}: too many hops", by)
    text = _UNREACHABLE6.get(code) if kind == 1 else None
    return Refusal(PROHIBITED, f"{by}: {text or f'ICMP error {kind}, code {code}'}", by)


def _too_big(text: str, by: str, mtu: int) -> Refusal:
    return Refusal(ROUTER, f"{text}, MTU {mtu}" if mtu else f"{text}, without saying which MTU", by, mtu)


# --- who has an address ---


def arp_request(mac: bytes, source: bytes, target: bytes) -> bytes:
    """Who has `target`? (RFC 826)"""
    return _ARP.pack(1, 0x0800, 6, 4, 1, mac, source, bytes(6), target)


def read_arp_reply(data: bytes) -> tuple[bytes, bytes] | None:
    """Address and MAC of who answered; None for anything else."""
    if len(data) < _ARP.size:
        return None
    hardware, protocol, _hlen, _plen, operation, mac, address, _target_mac, _target = _ARP.unpack_from(data)
    return (address, mac) if (hardware, protocol, operation) == (1, 0x0800, 2) else None


def solicitation(mac: bytes, target: bytes) -> bytes:
    """ICMPv6 neighbour solicitation (RFC 4861, 4.3). The kernel fills in the checksum."""
    return _SOLICITATION.pack(135, 0, 0, 0, target, 1, 1, mac)


def solicited_node(target: bytes) -> bytes:
    """The multicast address to which it is sent (RFC 4291, 2.7.1)."""
    return b"\xff\x02" + bytes(9) + b"\x01\xff" + target[13:]


def read_advertisement(data: bytes) -> tuple[bytes, bytes] | None:
    """Address and MAC out of an ICMPv6 neighbour advertisement; None for anything else, or without a MAC."""
    if len(data) < 24 or data[0] != NEIGHBOUR_ADVERTISEMENT:
        return None
    offset = 24
    while offset + 8 <= len(data) and data[offset + 1]:
        if data[offset] == 2:
            return data[8:24], data[offset + 2 : offset + 8]
        offset += data[offset + 1] * 8
    return None


def mac_text(mac: bytes) -> str:
    return mac.hex(":")
