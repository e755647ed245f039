# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that host-kvm.json and kvm-host-*.json were recorded in: machines that fail in one way each, and such
that join. The simulator's own SSH code runs against it; only sockets, names and the far end of the protocol are played,
and what an agent tells of its host. Real machines stage the same in tests of lab/simulator/kvm."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import paramiko

from lab.simulator import hosts
from lab.simulator.cloud import Cloud
from lab.simulator.kvm import discoverer, ssh
from lab.simulator.kvm.agents import AgentServer
from lab.simulator.kvm.ca import CertificateAuthority
from lab.simulator.records import Record
from tests.contract.recordings import Exchange

NOWHERE = {"10.98.0.77", "10.88.0.77", "127.1.0.1", "127.0.0.1"}  # refused, or no neighbour
DROPPED, CLOSES, SILENT, HANGS = "10.98.0.2", "127.1.0.8", "127.1.0.9", "127.1.0.10"
# address -> the part of a command that fails there
FAILS = {
    "127.1.0.3": "/dev/kvm",
    "127.1.0.4": "keystore-setup",
    "127.1.0.5": "keystore-cert-import",
    "127.1.0.6": "cloudstack-setup-agent",
}
USERS = ("kvmtest", "root", "ops")
# What was wrong with the real host at an entry of kvm-host-*.json: no key of the server on it, no SSH, or the part of a
# command that
# fails there. "silent": all went well, and no agent came in time; "joins", the rest, has an agent that does.
STAGED = {
    "wrong-password": "no key, no password", "unknown-user": "no key, no password", "key-refused-no-password": "no key",
    "password-login-off": "no key, no password login", "ssh-port-refused": "refused", "ssh-filtered": "dropped",
    "kvm-missing": "/dev/kvm", "migrate h1 to h2, 16514 refused on the target": "cannot be left",
    "kvm-module-only-removed": "/dev/kvm", "cert-import-missing": "keystore-cert-import",
    "etc-cloudstack-readonly": "keystore-cert-import",
    "disk-full": "keystore-cert-import", "setup-agent-missing": "cloudstack-setup-agent",
    **dict.fromkeys(
        ("ssh-port-in-url", "sudo-missing", "sudo-requiretty", "user-no-sudo", "user-sudo-with-password", "user-sudo-documented-only", "no-package",  # noqa: E501
         "keystore-setup-not-executable", "keystore-setup-missing"), "keystore-setup",
    ),
    **dict.fromkeys(
        ("java-missing", "hostname-unresolvable", "guest-bridge-missing", "bridge-without-port", "stale-jks-other-pass", "tls16514-blocked",  # noqa: E501
         "libvirtd-masked", "mgmt-8250-dropped", "kvm-ok-missing", "clock-behind", "addHost h1 first"), "silent",
    ),
}  # fmt: skip
DEAD_EXPORTS = ("/nope", "/export/x")
DETAILS = {
    "Host.OS.Kernel.Version": "6.1.0-56-amd64", "com.cloud.network.Networks.RouterPrivateIpStrategy": "HostLocal",
    "Host.OS.Version": "12",
    "host.vddk.support": "false", "host.uefi.enable": "true", "secured": "true", "Host.OS": "Debian GNU/Linux",
}  # fmt: skip


class Machines:
    """Everything behind the addresses, and in place of the agents' connections."""

    def __init__(self, cloud: Cloud, authority: CertificateAuthority) -> None:
        self._agents = AgentServer(cloud, authority, "", 0)
        self._cloud = cloud
        self.staged = ""

    def stage(self, exchange: Exchange) -> None:
        """What is wrong from now on."""
        self.staged = "no password" if exchange.name == "addHost KVM: wrong password" else STAGED.get(exchange.name, "")
        if exchange.place == "kvm-host-add-failures[2] password-login-off":  # its sshd had not come back yet
            self.staged = "refused"

    def played(self) -> ExitStack:
        """While this context lasts, the simulator's SSH code meets these machines."""
        stack = ExitStack()
        fake_socket = SimpleNamespace(create_connection=self.connect, timeout=socket.timeout)
        fake_names = SimpleNamespace(gethostbyname=_address)
        stack.enter_context(mock.patch.object(ssh, "socket", fake_socket))
        stack.enter_context(mock.patch.object(discoverer, "socket", fake_names))
        stack.enter_context(mock.patch.object(ssh, "_load", lambda path: path))
        stack.enter_context(mock.patch.object(ssh.paramiko, "Transport", lambda address: Transport(self, address)))
        return stack

    def connect(self, target: tuple[str, int], timeout: float) -> str:
        address, port = target
        if port > 65535:
            raise OverflowError("port must be 0-65535.")
        if address in NOWHERE or self.staged == "refused":
            raise ConnectionRefusedError(address)
        if address == DROPPED or self.staged == "dropped":
            raise socket.timeout("timed out")
        return address

    def join(self, address: str, command: str) -> None:
        """The agent that the set-up program has started connects."""
        words = dict(re.findall(r" -(\w) (\S+)", command))
        arch = self._cloud.get("cluster", int(words["c"]))["arch"]
        row = self._agents._row_for({
            "name": f"h{int(address.rpartition('.')[2]) - 10}", "privateIpAddress": address, "guid": words["g"],
            "dataCenter": words["z"],
            "pod": words["p"], "cluster": words["c"], "arch": arch, "cpuSockets": 1, "cpus": 1, "speed": 2596,
            "memory": 1974906880,
            "caps": "hvm,snapshot", "uefi": True, "hostDetails": DETAILS,
        })  # fmt: skip
        hosts.set_state(self._cloud, row, "Up")

    # --- in place of the agents' connections
    # -------------------------------------------------------------------------------------------

    def connect_pool(self, pool: Record, members: list[Record]) -> str | None:
        return "mount failed" if pool["path"] in DEAD_EXPORTS else None

    def ask(self, row: Record, command: str, timeout: float, **fields: Any) -> dict[str, Any]:
        """What the agent of a host answers: that it is well, and did what it was told."""
        if row["state"] != "Up":
            raise ConnectionError("no agent is connected")
        return {"result": not (command == "StopCommand" and self.staged == "cannot be left"), "guests": []}

    def forget(self, row: Record) -> None:
        """Nothing is connected."""

    drop = forget_pool = push_management_list = forget


def _address(name: str) -> str:
    if name.endswith((".invalid", ".test")):
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

    def auth_publickey(self, username: str, key: Path) -> None:
        if "no key" in self.machines.staged or username not in USERS:
            raise paramiko.AuthenticationException("Authentication failed.")

    def is_authenticated(self) -> bool:
        return True

    def auth_password(self, username: str, password: str, fallback: bool) -> None:
        if "no password login" in self.machines.staged:
            raise paramiko.BadAuthenticationType("Bad authentication type", ["publickey"])
        if username not in USERS or "no password" in self.machines.staged:
            raise paramiko.AuthenticationException("Authentication failed.")

    def open_session(self, timeout: float) -> Channel:
        return Channel(self.machines, self.address)

    def close(self) -> None:
        """Nothing is held."""


class Channel:
    """One command."""

    def __init__(self, machines: Machines, address: str) -> None:
        self.machines, self.address, self.status = machines, address, 0

    def settimeout(self, seconds: float) -> None:
        """Nobody waits here."""

    def exec_command(self, command: str) -> None:
        fails = FAILS.get(self.address) or self.machines.staged or "nothing fails"
        self.status = int(fails in command)
        if "cloudstack-setup-agent" in command and not self.machines.staged and self.address.startswith("10.88."):
            self.machines.join(self.address, command)

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
