# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Joins a multicast group, sends to it and hears who else does, for the modules multicast_check and preflight_probe."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.multicast import (
    EVERY,
    GROUP,
    LONGEST,
    MARK,
    PORT,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.multicast import UDP, sender_of

NETWORK = {
    "name": {"type": "str", "required": True},
    "source": {"type": "str", "required": True},
}
OPTIONS = {
    "host": {"type": "str", "required": True},
    "networks": {"type": "list", "elements": "dict", "required": True, "options": NETWORK},
    "seconds": {"type": "float", "default": 4},
}
ETH_P_IP = 0x0800
SO_ATTACH_FILTER = 26  # asm-generic/socket.h
HOPS = 10  # as modifyvxlan.sh gives its devices
# Classic BPF over the IPv4 header: nothing but UDP to the group reaches this process, however much the bridge carries.
_LOAD_WORD, _LOAD_BYTE, _JUMP_EQUAL, _RETURN = 0x20, 0x30, 0x15, 0x06
_INSTRUCTION = struct.Struct("HBBI")


class _Network:
    """One network: the socket that joins and sends, and the one that hears. A packet socket hears what the host's own
    firewall drops, too, as that is the subject of NET023."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self.heard: set[str] = set()
        self.sent = 0
        self.text = ""
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.hearer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            self._open()
        except OSError as error:
            self.text = f"cannot join {GROUP} on {name} from {source}: {error.strerror}"

    def _open(self) -> None:
        own, group = socket.inet_aton(self.source), socket.inet_aton(GROUP)
        _attach(self.hearer, group)
        self.hearer.bind((self.name, ETH_P_IP))
        self.hearer.setblocking(False)
        self.sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        self.sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        self.sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.sender.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + own)
        self.sender.bind((self.source, 0))

    def send(self, host: str) -> None:
        try:
            self.sender.sendto(MARK + host.encode(), (GROUP, PORT))
            self.sent += 1
        except OSError as error:
            self.text = f"cannot send to {GROUP} on {self.name}: {error.strerror}"

    def hear(self) -> None:
        sender = sender_of(self.hearer.recv(2048), socket.inet_aton(GROUP))
        if sender is not None:
            self.heard.add(sender)

    def close(self) -> None:
        self.sender.close()
        self.hearer.close()


def listen(options: Mapping[str, Any], done: Optional[threading.Event] = None) -> dict[str, Any]:
    """The result of the module multicast_check, after `seconds`; with `done` as soon after them as it is set, and
    LONGEST at the latest. Raises InputError for an address that is not one of IPv4.
    """
    for entry in options["networks"]:
        _require_ipv4(entry["source"])
    networks = [_Network(entry["name"], entry["source"]) for entry in options["networks"]]
    began = time.time()
    try:
        _exchange([each for each in networks if not each.text], options["host"], options["seconds"], done)
    finally:
        for each in networks:
            each.close()
    ended = time.time()
    return {"networks": [_result(each, options["host"], began, ended) for each in networks]}


def beside(options: Mapping[str, Any], work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What `work` gives and what was heard meanwhile. The more of their time the hosts listen, the more of them listen
    at the same time."""
    done = threading.Event()
    found: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: found.update(_caught(options, done)), daemon=True)
    thread.start()
    try:
        result = work()
    finally:
        done.set()
        thread.join()
    return result, found


def _caught(options: Mapping[str, Any], done: threading.Event) -> dict[str, Any]:
    try:
        return listen(options, done)
    except (OSError, InputError) as error:
        return {"failed": True, "msg": str(error)}


def _exchange(networks: Sequence[_Network], host: str, seconds: float, done: Optional[threading.Event]) -> None:
    by_socket = {each.hearer: each for each in networks}
    began = following = time.monotonic()
    while networks:
        now = time.monotonic()
        if now - began >= seconds and (done is None or done.is_set() or now - began >= LONGEST):
            return
        if now >= following:
            following = now + EVERY
            for each in networks:
                each.send(host)
        for ready in select.select(list(by_socket), [], [], max(0.0, min(EVERY, following - now)))[0]:
            by_socket[ready].hear()


def _attach(opened: socket.socket, group: bytes) -> None:
    """Let the kernel hand over UDP datagrams to the group alone."""
    wanted = int.from_bytes(group, "big")
    program = b"".join(
        (
            _INSTRUCTION.pack(_LOAD_WORD, 0, 0, 16),
            _INSTRUCTION.pack(_JUMP_EQUAL, 0, 3, wanted),
            _INSTRUCTION.pack(_LOAD_BYTE, 0, 0, 9),
            _INSTRUCTION.pack(_JUMP_EQUAL, 0, 1, UDP),
            _INSTRUCTION.pack(_RETURN, 0, 0, 0xFFFF),
            _INSTRUCTION.pack(_RETURN, 0, 0, 0),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // _INSTRUCTION.size, ctypes.addressof(code))
    opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)


def _result(network: _Network, host: str, began: float, ended: float) -> dict[str, Any]:
    return {
        "name": network.name,
        "source": network.source,
        "began": round(began, 3),
        "ended": round(ended, 3),
        "sent": network.sent,
        "heard": sorted(network.heard - {host}),
        "text": network.text,
    }


def _require_ipv4(address: str) -> None:
    try:
        socket.inet_pton(socket.AF_INET, address)
    except OSError as error:
        raise InputError("not an IPv4 address", expected="an own address on the network", observed=address) from error
