# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on real wires, for the path check: network namespaces on the bridge of another one, the switch. They vanish
with this process."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.request import OPTIONS as SPEC

from tests.namespaces import Namespaces, python_path

CODE = """
import os, sys
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.run import probe_peers
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
options, files = eval(sys.argv[1]), len(os.listdir("/proc/self/fd"))
try:
    result = probe_peers(options)
except KvmError as error:
    result = str(error)
assert len(os.listdir("/proc/self/fd")) == files, "a socket was left open"
print(repr(result), flush=True)
"""
QUICK = {"count": 10, "interval": 0.005, "timeout": 0.5, "packets_per_second": 2000, "listen_s": 0}
OPTIONS = {**{name: spec["default"] for name, spec in SPEC.items() if "default" in spec}, **QUICK}
PREFIX = {4: "10.77.0.", 6: "2001:db8::"}
TOLERANCE = 4  # a veth of MTU 1400 carries 1404 bytes: room for a VLAN tag


class Wires:
    """A switch, and hosts 1, 2, 3 ... with the addresses 10.77.0.x and 2001:db8::x on eth0."""

    def __init__(self, spaces: Namespaces) -> None:
        self.spaces = spaces
        self.hosts: dict[str, int] = {}
        spaces.add("switch")
        spaces.ip("switch", ["link add name br0 up type bridge"])

    def host(self, name: str) -> Wires:
        number = self.hosts[name] = len(self.hosts) + 1
        self.add(name)
        self.spaces.plug("switch", "br0", name, "eth0", port=name)
        self.spaces.ip(
            name,
            [
                f"address add {PREFIX[4]}{number}/24 dev eth0",
                f"address add {PREFIX[6]}{number:x}/64 dev eth0",
                "link set dev eth0 up",
            ],
        )
        return self

    def add(self, name: str) -> None:
        """A host without a wire. Its IPv6 addresses can be used at once, without detection of duplicates."""
        self.spaces.add(name)
        self.spaces.sysctl(name, "net.ipv6.conf.default.accept_dad", "0")

    def address(self, name: str, version: int = 4) -> str:
        """A host that is not there has an address that no host has."""
        number = self.hosts.get(name, 99)
        return f"{PREFIX[6]}{number:x}" if version == 6 else f"{PREFIX[4]}{number}"

    def probe(self, peer: str, version: int = 4, size: int = 1500, address: str = "") -> dict[str, Any]:
        return {"network": "net", "peer": peer, "address": address or self.address(peer, version), "size": size}

    def start(
        self, host: str, probes: Sequence[dict[str, Any]], user: Sequence[str] = (), terminal: int = 0, **options: Any
    ) -> Any:
        """The asking of a host, in a process there; on a terminal if one is given."""
        network = {"name": "net", "device": options.pop("device", "eth0"), "source": options.pop("source", None)}
        given = repr({**OPTIONS, "host": host, "networks": [network], "probes": list(probes), **options})
        stdin, stdout = (terminal, terminal) if terminal else (subprocess.DEVNULL, subprocess.PIPE)
        command = [*user, sys.executable, "-c", CODE, given]
        return self.spaces.start(host, command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=python_path())

    def ask(self, host: str, probes: Sequence[dict[str, Any]], **options: Any) -> Any:
        return finish(self.start(host, probes, **options))


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def finish(process: Any) -> Any:
    """What it returned."""
    printed, errors = process.communicate(timeout=60)
    assert not process.returncode, errors
    return ast.literal_eval(printed)


def by_peer(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["peer"]: each for each in result["outcomes"]}


def about(mtu: int) -> range:
    """What a veth of this MTU may carry."""
    return range(mtu, mtu + TOLERANCE + 1)


def forwarding(rules: str) -> str:
    """Of a switch."""
    return f"table bridge t {{ chain c {{ type filter hook forward priority 0; {rules} }}; }}\n"


def arriving(rules: str) -> str:
    """Of a host."""
    return f"table inet t {{ chain c {{ type filter hook input priority 0; {rules} }}; }}\n"
