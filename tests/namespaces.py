# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces without names: they hang on open files of this process, so the kernel removes them, and all that
is in them, when it ends for whatever reason. Nothing of this machine's own network is touched. Needs root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_CLONE_NEWNET = 0x40000000
_SOCKETS = ("raw", "raw6", "icmp", "icmp6", "udp", "udp6", "packet")
_libc = ctypes.CDLL(None, use_errno=True)


def missing(*tools: str) -> str:
    """Why namespaces cannot be had here; "" if they can."""
    absent = [tool for tool in ("ip", *tools) if not shutil.which(tool)]
    return "needs root" if os.geteuid() else f"needs {', '.join(absent)}" if absent else ""


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Namespaces:
    """Named ones, within a `with`."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}

    def __enter__(self) -> Namespaces:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        return self

    def __exit__(self, *_error: object) -> None:
        for each in (*self.files.values(), self._home):
            os.close(each)
        self.files.clear()

    def add(self, *names: str) -> None:
        """Make namespaces whose loopback interface is up."""
        for name in names:
            _check(_libc.unshare(_CLONE_NEWNET))
            try:
                self.files[name] = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            finally:
                self._enter(self._home)
            self.ip(name, ["link set dev lo up"])

    def path(self, name: str) -> str:
        """What `ip` takes for a namespace."""
        return f"/proc/{os.getpid()}/fd/{self.files[name]}"

    def ip(self, name: str, lines: Iterable[str]) -> None:
        """Run `ip` there, one command a line."""
        self.run(name, ["ip", "-batch", "-"], input="\n".join(lines) + "\n")

    def nft(self, name: str, rules: str) -> None:
        """Load rules there."""
        self.run(name, ["nft", "-f", "-"], input=rules)

    def sysctl(self, name: str, key: str, value: str) -> None:
        """Set a value there. (The files below /proc/sys/net are those of the namespace of who opens them.)"""
        self.run(name, ["sh", "-c", 'printf %s "$2" > "/proc/sys/$1"', "sh", key.replace(".", "/"), value])

    def run(self, name: str, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end; it must succeed unless check=False."""
        with self._inside(name):
            done = subprocess.run(command, **{"text": True, "capture_output": True, **options, "check": False})
        assert not done.returncode or not options.get("check", True), f"{name}: {' '.join(command)}: {done.stderr}"
        return done

    def start(self, name: str, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Start a command there."""
        with self._inside(name):
            return subprocess.Popen(command, text=True, **options)

    @contextlib.contextmanager
    def _inside(self, name: str) -> Iterator[None]:
        """This thread is there, and so is what it starts. (A preexec_fn would cost each start a copy of this
        process.)"""
        self._enter(self.files[name])
        try:
            yield
        finally:
            self._enter(self._home)

    @staticmethod
    def _enter(number: int) -> None:
        _check(_libc.setns(number, _CLONE_NEWNET))

    def plug(self, switch: str, bridge: str, host: str, device: str, *, mtu: int = 1500, port: str = "") -> str:
        """Connect `device` of a host to a port of a bridge; returns the port's name."""
        port = port or f"{host}{device}"[-15:]
        made = f"link add name {port} mtu {mtu} type veth peer name {device} mtu {mtu} netns {self.path(host)}"
        self.ip(switch, [made, f"link set dev {port} master {bridge} up"])
        return port

    # --- what is there ---

    def processes(self, name: str) -> list[int]:
        """Those of all the machine that live there."""
        wanted = f"net:[{Path(self.path(name)).stat().st_ino}]"
        return sorted(int(each.name) for each in Path("/proc").glob("[0-9]*") if _namespace(each) == wanted)

    def sockets(self, name: str) -> list[str]:
        """Those that TCP does not know, as lines of the kernel's tables."""
        return self.run(name, ["sh", "-ec", f"cd /proc/net && tail -qn +2 {' '.join(_SOCKETS)}"]).stdout.splitlines()

    def rules(self, name: str) -> str:
        """Addresses, routes, firewall and queueing."""
        return self.run(
            name,
            [
                "sh",
                "-ec",
                "ip -o address show scope global; ip rule; ip -6 rule; ip route; ip -6 route; nft list ruleset; tc "
                "qdisc",
            ],
        ).stdout


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns" / "net").readlink())
    except OSError:  # it is gone
        return ""


def python_path() -> dict[str, str]:
    """Environment in which the collection can be imported."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "collections"), *(each for each in sys.path if each)]),
    }
