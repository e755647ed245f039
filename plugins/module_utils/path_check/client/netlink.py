# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the kernel's route socket: no process is started, no privileges are needed, and it answers for the own network
namespace."""

from __future__ import annotations

import _socket as socket

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import Address, Interface
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse import netlink

TIMEOUT = 5  # seconds; the kernel answers at once


class Netlink:
    """A route socket. Raises OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.settimeout(TIMEOUT)

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def links(self) -> list[Interface]:
        return [netlink.read_link(body) for body in self._dump(netlink.GET_LINK)]

    def addresses(self) -> list[Address]:
        """Those that can be sent from."""
        found = [netlink.read_address(body) for body in self._dump(netlink.GET_ADDRESS)]
        return [address for address in found if address]

    def neighbours(self) -> dict[tuple[int, bytes], tuple[int, bytes]]:
        """(index of the interface, packed address) -> (state, MAC)."""
        found = [netlink.read_neighbour(body) for body in self._dump(netlink.GET_NEIGHBOUR)]
        return {(each[0], each[1]): (each[2], each[3]) for each in found if each}

    def route(self, target: bytes, source: bytes) -> int:
        """Index of the interface through which packets from `source` to `target` leave; 0 if there is no way."""
        self._socket.send(netlink.route_request(target, source))
        try:
            found, _last = netlink.messages(self._socket.recv(65536))
        except OSError:
            return 0
        return netlink.read_route(found[0][1]) if found else 0

    def _dump(self, kind: int) -> list[bytes]:
        self._socket.send(netlink.dump_request(kind))
        bodies: list[bytes] = []
        while True:
            found, last = netlink.messages(self._socket.recv(65536))
            bodies += [body for each, body in found if each == kind]
            if last:
                return bodies
