#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What collecting a host's facts costs, beside ansible.builtin.setup over the same hosts: median seconds of pairs, one
after the other.

Needs hosts with libvirt: the lab (`make lab`), or any inventory given as the only argument.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = {
    "kvm_host_facts": "cloudstack.kvm.kvm_host_facts",
    "setup": "ansible.builtin.setup",
    "ping": "ansible.builtin.ping",
}
ROUNDS = 9


def seconds(module: str, inventory: str) -> float:
    """Wall time of one module over all hosts, Ansible's own start included."""
    started = time.monotonic()
    command = ["ansible", "kvm_hosts", "-i", inventory, "-m", module, "--become"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{module} failed, so there is nothing to measure:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
    return time.monotonic() - started


def main(arguments: list[str]) -> int:
    """Entry point."""
    inventory = arguments[0] if arguments else str(ROOT / "inventories" / "lab")
    for module in MODULES.values():  # connections are open and caches warm for all three
        seconds(module, inventory)
    found: dict[str, list[float]] = {name: [] for name in MODULES}
    for _round in range(ROUNDS):
        for name, module in MODULES.items():
            found[name].append(seconds(module, inventory))
    for name, times in found.items():
        print(f"{name:15} median {statistics.median(times):.2f} s, {min(times):.2f} to {max(times):.2f}")
    ratio = statistics.median(one / other for one, other in zip(found["kvm_host_facts"], found["setup"]))
    print(f"kvm_host_facts / setup {ratio:.2f} (median of {ROUNDS} pairs)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
