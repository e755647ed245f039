# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that host-kvm.json was recorded in: machines that fail in one way each. The simulator's own SSH code runs against it;
only sockets, names and the far end of the protocol are played. Real machines stage the same in tests of lab/simulator/kvm."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from types import SimpleNamespace
from unittest import mock

import paramiko

from lab.simulator.kvm import discoverer, ssh

NOWHERE = {"10.98.0.77", "127.1.0.1", "127.0.0.1"}  # refused, or no neighbour
DROPPED, CLOSES, SILENT, HANGS = "10.98.0.2", "127.1.0.8", "127.1.0.9", "127.1.0.10"
# address -> the part of a command that fails there
FAILS = {"127.1.0.3": "/dev/kvm", "127.1.0.4": "keystore-setup", "127.1.0.5": "keystore-cert-import", "127.1.0.6": "cloudstack-setup-agent"}
USER = "kvmtest"


class Machines:
    """Everything behind the addresses. `password` is right unless the entry says that it is wrong."""

    def __init__(self) -> None:
        self.password = True

    def played(self) -> ExitStack:
        """While this context lasts, the simulator's SSH code meets these machines."""
        stack = ExitStack()
        fake_socket = SimpleNamespace(create_connection=self.connect, timeout=socket.timeout)
        fake_names = SimpleNamespace(gethostbyname=_address)
        stack.enter_context(mock.patch.object(ssh, "socket", fake_socket))
        stack.enter_context(mock.patch.object(discoverer, "socket", fake_names))
        stack.enter_context(mock.patch.object(ssh.paramiko, "Transport", lambda address: Transport(self, address)))
        return stack

    def connect(self, target: tuple[str, int], timeout: float) -> str:
        address, port = target
        if port > 65535:
            raise OverflowError("port must be 0-65535.")
        if address in NOWHERE:
            raise ConnectionRefusedError(address)
        if address == DROPPED:
            raise socket.timeout("timed out")
        return address


def _address(name: str) -> str:
    if name.endswith(".invalid"):
        raise socket.gaierror(-2, "Name or service not known")
    return name


class Transport:
    """The far end, as far as the simulator uses it."""

    def __init__(self, machines: Machines, address: str) -> None:
        self.machines, self.address = machines, address

    def get_security_options(self) -> SimpleNamespace:
        return SimpleNamespace(kex=ssh.KEX, ciphers=ssh.CIPHERS, digests=ssh.MACS, key_types=ssh.KEYS)

    def start_client(self, timeout: float) -> None:
        if self.address == CLOSES:
            raise EOFError
        if self.address == SILENT:
            raise paramiko.SSHException("Timeout opening channel.")

    def is_active(self) -> bool:
        return True

    def auth_password(self, username: str, password: str, fallback: bool) -> None:
        if username != USER or not self.machines.password:
            raise paramiko.AuthenticationException("Authentication failed.")

    def open_session(self, timeout: float) -> Channel:
        return Channel(self.address)

    def close(self) -> None:
        """Nothing is held."""


class Channel:
    """One command."""

    def __init__(self, address: str) -> None:
        self.address, self.status = address, 0

    def settimeout(self, seconds: float) -> None:
        """Nobody waits here."""

    def exec_command(self, command: str) -> None:
        self.status = int(FAILS.get(self.address, "nothing fails") in command)

    def recv(self, size: int) -> bytes:
        if self.address == HANGS:
            raise socket.timeout("timed out")
        return b""

    def recv_stderr(self, size: int) -> bytes:
        return b""

    def recv_exit_status(self) -> int:
        return self.status

    def close(self) -> None:
        """Nothing is held."""
