# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The loop of the path check: sends what is due, waits, reads. It ends when all is asked, when time is over, on SIGTERM
or SIGHUP, or when the reader of the result is gone. It starts no process and changes nothing, so whatever ends it
leaves nothing behind."""

from __future__ import annotations

import _signal as signal
import _socket as socket
import select
import sys
import time

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.path_socket import PathSocket
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NEVER, Asking

_LONGEST = 0.25  # seconds without a look at the signals
# Answers are read, and packets sent, together: the kernel notes when an answer came, so there is no need to hurry.
_TICK = 0.004
_GONE = select.EPOLLERR | select.EPOLLHUP
_ENDS = (signal.SIGTERM, signal.SIGHUP)


def run(
    schedule: Asking, path_sockets: list[PathSocket], socket_of: dict[int, PathSocket], listen_until: float
) -> float:
    """Send everything that `schedule` wants, and listen until `listen_until` in any case. Returns the time of the end.

    `socket_of`: by index of a probe.
    """
    with _Signals() as stopped, select.epoll() as poll:
        loop = _Loop(schedule, socket_of, poll)
        for path_socket in path_sockets:
            path_socket.listener = schedule
            for opened in path_socket.sockets():
                loop.watch(path_socket, opened)
        _watch_reader(poll)
        while not stopped:
            due, now = schedule.next(), time.monotonic()
            if now >= schedule.ends or due == NEVER and now >= listen_until:
                break
            until = min(schedule.ends, listen_until if due == NEVER else due)
            if loop.receive(min(_LONGEST, max(0.0, until - now))):
                break
            # After all that has come in was read: a busy host gets its turn late, and must not take an answer for lost.
            loop.send()
    schedule.stop()
    return time.monotonic()


class _Loop:
    def __init__(self, schedule: Asking, socket_of: dict[int, PathSocket], poll: select.epoll) -> None:
        self.schedule = schedule
        self.socket_of = socket_of
        self.poll = poll
        self.sockets: dict[int, tuple[PathSocket, socket.socket]] = {}

    def watch(self, path_socket: PathSocket, opened: socket.socket) -> None:
        self.sockets[opened.fileno()] = (path_socket, opened)
        self.poll.register(opened.fileno(), select.EPOLLIN)

    def send(self) -> None:
        now = time.monotonic()
        while self.schedule.next() <= now:
            for packet in self.schedule.take(now):
                path_socket = self.socket_of[packet.peer]
                opened = path_socket.send(packet)
                if opened is not None:
                    self.watch(path_socket, opened)
            now = time.monotonic()

    def receive(self, seconds: float) -> bool:
        """Wait for that long at most, and read everything. Whether the reader of the result is gone."""
        gone = False
        time.sleep(min(seconds, _TICK))
        for number, event in self.poll.poll(max(0.0, seconds - _TICK)):
            if number in self.sockets:
                path_socket, opened = self.sockets[number]
                path_socket.receive(opened)
            else:
                gone |= bool(event & _GONE)
        return gone


class _Signals:
    """A list that a signal to end is put into; then what is known is returned at once."""

    def __enter__(self) -> list[int]:
        caught: list[int] = []
        self.before = {number: signal.signal(number, lambda number, _frame: caught.append(number)) for number in _ENDS}
        return caught

    def __exit__(self, *_error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def _watch_reader(poll: select.epoll) -> None:
    """Standard output is a pipe to the SSH server. It has no reader any more when the controller or the connection is
    gone."""
    try:
        poll.register(sys.__stdout__.fileno() if sys.__stdout__ else -1, 0)
    except (OSError, ValueError):
        return  # a plain file cannot be watched, and need not
