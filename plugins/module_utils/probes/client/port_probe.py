# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who answers on which port: many targets at once from one loop of non-blocking sockets. Nothing is sent but the
handshake, a ping to a BMC, or a datagram that no program reads."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

OPEN, REFUSED, FILTERED, UNREACHABLE = "open", "refused", "filtered", "unreachable"
CONCURRENT = 256  # sockets at a time, well below the 1024 files that a process may have by default
_REFUSED = (errno.ECONNREFUSED, errno.ECONNRESET)
# ASF 2.0, section 3.2.4.2: RMCP header (version 6, no acknowledgement, class ASF), the IANA number of ASF, presence
# ping, tag 0.
_RMCP, _ASF = b"\x06\x00\xff\x06", b"\x00\x00\x11\xbe"
PING, PONG = _RMCP + _ASF + b"\x80\x00\x00\x00", 0x40
NOTHING = bytes(8)  # to VXLAN a header without the I flag, which is dropped (RFC 7348, section 5)


@dataclass(frozen=True)
class Target:
    """An address (or name) and port to ask. In place of a TCP connection, `rmcp`: a presence ping over UDP; `udp`: a
    datagram, which is answered only where no program listens. Bound to `source` and `device` if given."""

    address: str
    port: int
    rmcp: bool = False
    source: str = ""
    device: str = ""
    udp: bool = False

    @property
    def datagram(self) -> bytes:
        """What is sent over UDP; empty for TCP."""
        return PING if self.rmcp else NOTHING if self.udp else b""


@dataclass(frozen=True)
class Answer:
    """`state` is None where this host could not even ask. `ms` is None where no answer came. `text` says why it is not
    open. `source` is the address from which an open port was reached: what the other side sees if nothing translates
    it."""

    state: Optional[str]
    ms: Optional[float] = None
    text: str = ""
    source: str = ""


@dataclass(frozen=True)
class _Try:
    number: int
    target: Target
    socket: socket.socket
    began: float


def probe(targets: Sequence[Target], timeout: float) -> list[Answer]:
    """The answers in the order of the targets. Each gets `timeout` seconds; more than CONCURRENT targets are asked one
    group after the other."""
    return _Probe(targets, timeout).run()


class _Probe:
    def __init__(self, targets: Sequence[Target], timeout: float) -> None:
        self.timeout = timeout
        self.waiting = deque(enumerate(targets))
        self.answers: list[Answer] = [Answer(None)] * len(targets)
        self.tries: dict[int, _Try] = {}  # in the order of their beginning
        self.resolved: dict[tuple, Any] = {}
        self.selector = selectors.DefaultSelector()

    def run(self) -> list[Answer]:
        try:
            while self.waiting or self.tries:
                while self.waiting and len(self.tries) < CONCURRENT:
                    self._begin(*self.waiting.popleft())
                self._listen()
        finally:
            for left in self.tries.values():
                left.socket.close()
            self.selector.close()
        return self.answers

    def _begin(self, number: int, target: Target) -> None:
        try:
            family, address = self._resolve(target)
        except OSError as error:
            self.answers[number] = Answer(UNREACHABLE, None, f"the name cannot be resolved: {error.strerror}")
            return
        opened = socket.socket(family, socket.SOCK_DGRAM if target.datagram else socket.SOCK_STREAM)
        opened.setblocking(False)
        try:
            _bind(opened, target)
        except OSError as error:
            opened.close()
            self.answers[number] = Answer(
                None,
                None,
                f"cannot send from {' on '.join(filter(None, (target.source, target.device)))}: {error.strerror}",
            )
            return
        self.tries[number] = attempt = _Try(number, target, opened, time.monotonic())
        self.selector.register(opened, selectors.EVENT_READ if target.datagram else selectors.EVENT_WRITE, attempt)
        self._send(attempt, address)

    def _send(self, attempt: _Try, address: Any) -> None:
        code = attempt.socket.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            self._failed(attempt, code)
        elif attempt.target.datagram:
            try:
                attempt.socket.send(attempt.target.datagram)
                attempt.socket.send(attempt.target.datagram)  # a lost datagram is not repeated
            except OSError as error:
                self._failed(attempt, error.errno)

    def _resolve(self, target: Target) -> tuple[int, Any]:
        """Family and socket address; IPv4 first, as the agent's Java does it."""
        key = (target.address, target.port)
        if key not in self.resolved:
            self.resolved[key] = sorted(
                socket.getaddrinfo(*key, type=socket.SOCK_STREAM), key=lambda found: found[0] != socket.AF_INET
            )[0]
        family, _type, _protocol, _name, address = self.resolved[key]
        return family, address

    def _listen(self) -> None:
        if not self.tries:
            return
        first = next(iter(self.tries.values()))
        for key, _events in self.selector.select(max(0.0, first.began + self.timeout - time.monotonic())):
            self._hear(key.data)
        now = time.monotonic()
        for attempt in [each for each in self.tries.values() if now - each.began >= self.timeout]:
            self._end(attempt, FILTERED, f"no answer within {self.timeout:g} s")

    def _hear(self, attempt: _Try) -> None:
        if not attempt.target.datagram:
            code = attempt.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or _self_connected(attempt.socket)
            self._failed(attempt, code) if code else self._end(attempt, OPEN)
            return
        try:
            data = attempt.socket.recv(512)
        except OSError as error:
            self._failed(attempt, error.errno)
            return
        if data[3:4] == _RMCP[3:] and data[4:8] == _ASF and data[8:9] == bytes([PONG]):
            self._end(attempt, OPEN)

    def _failed(self, attempt: _Try, code: Optional[int]) -> None:
        state = FILTERED if code == errno.ETIMEDOUT else REFUSED if code in _REFUSED else UNREACHABLE
        self._end(attempt, state, os.strerror(code or 0))

    def _end(self, attempt: _Try, state: str, text: str = "") -> None:
        ms = None if state == FILTERED else round((time.monotonic() - attempt.began) * 1000, 1)
        source = str(attempt.socket.getsockname()[0]) if state == OPEN else ""
        self.answers[attempt.number] = Answer(state, ms, text, source)
        self.selector.unregister(attempt.socket)
        attempt.socket.close()
        del self.tries[attempt.number]


def _bind(opened: socket.socket, target: Target) -> None:
    if target.device:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, target.device.encode() + b"\0")
    if target.source:
        opened.bind((target.source, 0))


def _self_connected(opened: socket.socket) -> int:
    """The kernel may choose the very port that is asked on an own address as the source port: then the socket talks to
    itself."""
    return errno.ECONNREFUSED if opened.getsockname() == opened.getpeername() else 0
