#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a change of a host's network takes, from its beginning to its confirmation, with each back end: a NIC with
an address becomes a bridge, the bridge gets jumbo frames, and a run that changes nothing. Beside it, on the same host
in the same run, ansible.builtin.ping: what a module costs that does nothing.

Hosts are containers with systemd and the real back end (tests/backend_host.py). The module runs as Ansible runs it
there, without the SSH login, and is confirmed by the second run that Ansible makes over a new connection. All proofs
are made: ARP, the gateway, the controller."""

# ruff: noqa: E402 - the checkout comes before a copy that an installation has made
from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from tests import backend_host, namespaces
from tests.backend_host import CODE, BackendHost
from tests.broken_networks import HOSTS, MANAGEMENT
from tests.integration.test_broken_networks import Host

BRIDGE = "ansible_collections.cloudstack.kvm.plugins.modules.bridge"
PING = CODE.replace(BRIDGE, "ansible.modules.ping")
NOTHING, PLAIN, JUMBO, SAME = "ping", "NIC becomes a bridge", "jumbo frames", "no change"
Times = Mapping[str, list[float]]


def confirmed(host: Host, declared: Sequence[Mapping[str, Any]]) -> None:
    """Declare and confirm; exits where that fails, because then there is nothing to measure."""
    result = host.run(declared, rollback_timeout=60)
    if result.get("waits"):
        result = host.confirm()
    if result.get("failed"):
        sys.exit(f"{host.booted.backend}: {result['msg']}")


def measure(host: Host, rounds: int) -> Times:
    """What -> seconds of each round. Each begins with a host that was booted anew."""
    found: dict[str, list[float]] = defaultdict(list)

    def watch(name: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        found[name].append(time.monotonic() - began)

    ping = host.module(PING, {})
    for _round in range(rounds):
        host.clean()
        host.sh(ping)  # what is read from the disk once is read
        watch(NOTHING, lambda: host.sh(ping))
        watch(PLAIN, lambda: confirmed(host, [MANAGEMENT]))
        watch(JUMBO, lambda: confirmed(host, [{**MANAGEMENT, "mtu": 9000}]))
        watch(SAME, lambda: confirmed(host, [{**MANAGEMENT, "mtu": 9000}]))
    return found


def report(backend: str, times: Times) -> str:
    """The medians, and their ratio to the module that does nothing."""
    least = statistics.median(times[NOTHING])
    lines = [f"{backend}: {NOTHING} {least:.2f} s"]
    for name in (PLAIN, JUMBO, SAME):
        middle = statistics.median(times[name])
        lines.append(f"  {name:22} {middle:6.2f} s   {middle / least:5.1f} x {NOTHING}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="From the change of a network to its confirmation.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backends", nargs="+", choices=list(HOSTS), default=list(HOSTS))
    arguments = parser.parse_args()
    why = namespaces.missing() or backend_host.missing()
    if why:
        print(f"cannot measure: {why}")
        return 0
    for backend in arguments.backends:
        kind = HOSTS[backend]
        booted = BackendHost(f"bench-{backend}", kind.packages, kind.tools)
        booted.backend = backend
        with booted:
            print(report(backend, measure(Host(booted), arguments.rounds)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
