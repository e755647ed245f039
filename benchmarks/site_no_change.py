#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of site.yml that changes nothing costs: module executions per host, wall time, and the same for one ping.

Needs hosts that site.yml has already prepared: the lab (`make lab`), or any inventory given as the only argument.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUDGET = 30  # module executions per host, delegated ones included (issue 3, point 9)
PING = "- hosts: kvm_hosts\n  gather_facts: false\n  tasks:\n    - ansible.builtin.ping:\n"


def run(playbook: Path, inventory: str) -> tuple[float, list[list[str]], str]:
    """Run `playbook`; returns seconds, one [host, module, delegated to, task] for each module run, and the output."""
    with tempfile.TemporaryDirectory() as folder:
        count = Path(folder) / "modules"
        count.touch()
        plugins = {
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "benchmarks" / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "count_modules",
            "COUNT_MODULES_FILE": str(count),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = ["ansible-playbook", "-i", inventory, str(playbook)]
        started = time.monotonic()
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **plugins}, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - started
        if done.returncode:
            sys.exit(f"{playbook} failed, so there is nothing to measure:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        return seconds, [line.split("\t") for line in count.read_text().splitlines()], done.stdout


def report(seconds: float, runs: list[list[str]], ping_seconds: float) -> str:
    """The figures as text."""
    per_host = Counter(row[0] for row in runs)
    per_task = Counter((row[1], "on the controller" if row[2] else "on the host") for row in runs)
    lines = [f"{host}: {count} module executions (budget {BUDGET})" for host, count in sorted(per_host.items())]
    lines += [f"  {count:3} x {module} {where}" for (module, where), count in per_task.most_common()]
    lines += [
        f"wall time {seconds:.1f} s; one ping over the same hosts {ping_seconds:.1f} s; ratio "
        f"{seconds / ping_seconds:.1f}"
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Entry point; exit status 1 if the run changed something, because then it measured something else."""
    inventory = arguments[0] if arguments else str(ROOT / "inventories" / "lab")
    with tempfile.TemporaryDirectory() as folder:
        ping = Path(folder) / "ping.yml"
        ping.write_text(PING)
        ping_seconds, _pings, _ = run(ping, inventory)
    seconds, runs, output = run(ROOT / "playbooks" / "site.yml", inventory)
    print(report(seconds, runs, ping_seconds))
    changed = [line for line in output.splitlines() if re.search(r"changed=[1-9]", line)]
    if changed:
        print("not a no-change run:", *changed, sep="\n")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
