#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight.yml costs through Ansible: the whole playbook on so many hosts, as a ratio to ansible.builtin.ping on
them in the same run.

The hosts are network namespaces with an sshd each, so their Python starts share this machine's cores with Ansible: the
wall times say more about it than about a fleet, the ratio says what an operator pays. They are pinged right before the
playbook, over open SSH connections; the playbook's last task refuses each of them, as a namespace is not a KVM host.
The share of each task follows. On a machine that is not quiet run it in a room of scripts/beside: then the time of the
processors is counted too. Needs root, ssh, sshd."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from tests.namespaces import missing  # noqa: E402 - the checkout comes first
from tests.ssh_hosts import SshHosts, TaskTime  # noqa: E402

OPENED, PINGED = "Open the connections", "Ping"
SHOWN = 16  # tasks
PLAY = """- hosts: kvm_hosts
  gather_facts: false
  tasks: [{name: %s, ansible.builtin.ping: }, {name: %s, ansible.builtin.ping: }, {name: %s, ansible.builtin.ping: }]
- ansible.builtin.import_playbook: %s
"""


def times(hosts: SshHosts, forks: int, paths: bool) -> list[TaskTime]:
    """The tasks in order."""
    book = hosts.folder / "bench.yml"
    book.write_text(PLAY % (OPENED, PINGED, PINGED, ROOT / "playbooks" / "preflight.yml"))
    found, output = hosts.task_times(book, hosts.inventory(preflight_path_check=paths), forks)
    if not (hosts.folder / "reports" / "preflight.json").exists():
        sys.exit(f"preflight.yml gave no report, so there is nothing to measure:\n{output}")
    return found


def measure(count: int, forks: int, paths: bool) -> str:
    """Lines for so many hosts: everything in seconds, and in pings by the clock and by the time of the processors."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), count) as hosts:
        hosts.introduce()
        found = times(hosts, forks, paths)
    pings = [each for each in found if each.name == PINGED]
    ping = total("", pings, len(pings))
    own = sorted((each for each in found if each.name not in (OPENED, PINGED)), key=lambda each: -each.seconds)
    whole = total("", own)
    lines = [
        f"{count} hosts, {forks} forks, load {load:.1f}: preflight.yml {whole.seconds:.1f} s, ping {ping.seconds:.1f} "
        f"s, ratio {ratios(whole, ping)}"
    ]
    for each in [*own[:SHOWN], total(f"{len(own) - SHOWN} others", own[SHOWN:])]:
        lines.append(
            f"  {each.seconds:7.1f} s {100 * each.seconds / whole.seconds:3.0f} %  {ratios(each, ping)} pings  "
            f"{each.name}"
        )
    return "\n".join(lines)


def total(name: str, tasks: Sequence[TaskTime], parts: int = 1) -> TaskTime:
    """All of these together, divided into equal parts."""
    return TaskTime(name, sum(each.seconds for each in tasks) / parts, sum(each.cpu for each in tasks) / parts)


def ratios(task: TaskTime, ping: TaskTime) -> str:
    """By the clock, and by the time of the processors where it is known: that is the same on a machine which others use
    too."""
    return f"{task.seconds / ping.seconds:.2f}" + (f" ({task.cpu / ping.cpu:.2f} of CPU)" if ping.cpu else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hosts", nargs="*", type=int, default=[20, 100])
    parser.add_argument("--forks", type=int, help="default: one for each host")
    parser.add_argument(
        "--without-paths",
        action="store_true",
        help="preflight_path_check: false; benchmarks/path_check_ssh.py measures that part",
    )
    options = parser.parse_args()
    if missing("ssh", "sshd"):
        print(missing("ssh", "sshd"))
        return 1
    print(f"{os.cpu_count()} cores")
    for count in options.hosts:
        print(measure(count, options.forks or count, not options.without_paths), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
