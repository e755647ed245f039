# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages of the kernel's route socket: interfaces, addresses, neighbours and routes, without starting `ip`
(rtnetlink(7))."""

from __future__ import annotations

import struct

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import Address, Interface

GET_LINK, GET_ADDRESS, GET_ROUTE, GET_NEIGHBOUR = 18, 22, 26, 30
_NEW = {16: GET_LINK, 20: GET_ADDRESS, 24: GET_ROUTE, 28: GET_NEIGHBOUR}
_ERROR, _DONE = 2, 3
_REQUEST, _DUMP = 0x1, 0x300
INET, INET6 = 2, 10
_TENTATIVE_OR_FAILED = 0x48  # IFA_F_TENTATIVE, IFA_F_DADFAILED: nothing can be sent from there

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_ROUTE = struct.Struct("=BBBBBBBBI")

# Neighbour states (NUD_*)
INCOMPLETE, REACHABLE, FAILED, NOARP, PERMANENT = 0x01, 0x02, 0x20, 0x40, 0x80


def dump_request(kind: int) -> bytes:
    """Ask for all interfaces, addresses or neighbours."""
    size = {GET_LINK: _LINK.size, GET_ADDRESS: _ADDRESS.size, GET_NEIGHBOUR: _NEIGHBOUR.size}[kind]
    return _message(kind, _REQUEST | _DUMP, bytes(size))


def route_request(target: bytes, source: bytes) -> bytes:
    """Ask which way a packet from `source` to `target` takes."""
    family = INET if len(target) == 4 else INET6
    body = _ROUTE.pack(family, len(target) * 8, len(source) * 8, 0, 0, 0, 0, 0, 0)
    return _message(GET_ROUTE, _REQUEST, body + _attribute(1, target) + _attribute(2, source))


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value


def messages(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """(kind asked for, body) of each message in one datagram, and whether it was the last one of a dump.

    Raises OSError with the kernel's number.
    """
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, offset)
        body = data[offset + _HEADER.size : offset + length]
        if kind == _DONE or length < _HEADER.size:
            return found, True
        if kind == _ERROR and len(body) >= 4:
            raise OSError(-struct.unpack_from("=i", body)[0], "rtnetlink")
        if kind in _NEW:
            found.append((_NEW[kind], body))
        offset += (length + 3) & ~3
    return found, False


def _attributes(body: bytes, offset: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def _not_understood(message: str, body: bytes) -> Exception:
    # Not at the top: every run of the path check would pay for the import of `typing`.
    from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

    return ParseError("rtnetlink", message, observed=body.hex())


def _fixed(layout: struct.Struct, body: bytes) -> tuple:
    """What a message begins with. Raises ParseError if it is cut short."""
    if len(body) < layout.size:
        raise _not_understood("a message is cut short", body)
    return layout.unpack_from(body)


def read_link(body: bytes) -> Interface:
    """An interface."""
    _family, _type, index, flags, _change = _fixed(_LINK, body)
    parts = _attributes(body, _LINK.size)
    kind = _attributes(parts.get(18, b""), 0).get(1, b"")
    elsewhere = 37 in parts  # IFLA_LINK_NETNSID: its parent's index means something in another namespace only
    return Interface(
        index=index,
        name=parts.get(3, b"").rstrip(b"\0").decode(errors="replace"),
        mtu=_number(parts.get(4)),
        up=bool(flags & 1),
        mac=parts.get(1, b""),
        kind=kind.rstrip(b"\0").decode(errors="replace"),
        master=_number(parts.get(10)),
        parent=0 if elsewhere else _number(parts.get(5)),
    )


def read_address(body: bytes) -> Address | None:
    """An address that can be sent from, else None."""
    family, prefix, flags, _scope, index = _fixed(_ADDRESS, body)
    parts = _attributes(body, _ADDRESS.size)
    reached = parts.get(1, b"")  # of a point-to-point link the far end's
    packed = parts.get(2, reached)
    if family not in (INET, INET6) or not packed or (_number(parts.get(8)) or flags) & _TENTATIVE_OR_FAILED:
        return None
    if not len(packed) == len(reached or packed) == (4 if family == INET else 16) or prefix > len(packed) * 8:
        raise _not_understood("this is not an address", body)
    return Address(index, packed, reached or packed, prefix)


def read_neighbour(body: bytes) -> tuple[int, bytes, int, bytes] | None:
    """Index of the interface, packed address, state and MAC (empty if not known)."""
    _family, index, state, _flags, _type = _fixed(_NEIGHBOUR, body)
    parts = _attributes(body, _NEIGHBOUR.size)
    return (index, parts[1], state, parts.get(2, b"")) if 1 in parts else None


def read_route(body: bytes) -> int:
    """Index of the interface through which the packet leaves, 0 if it does not leave."""
    _fixed(_ROUTE, body)
    return _number(_attributes(body, _ROUTE.size).get(4))


def _number(value: bytes | None) -> int:
    return struct.unpack_from("=I", value)[0] if value and len(value) >= 4 else 0
