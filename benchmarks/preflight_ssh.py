#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight.yml costs through Ansible: the whole playbook on so many hosts, as a ratio to ansible.builtin.ping on them in the same run.

The hosts are network namespaces with an sshd each, so their Python starts share this machine's cores with Ansible: the wall times say
more about it than about a fleet, the ratio says what an operator pays. They are pinged right before the playbook, over open SSH
connections; the playbook's last task refuses each of them, as a namespace is not a KVM host. The share of each task follows.
Needs root, ssh, sshd.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from tests.namespaces import missing  # noqa: E402 - the checkout comes first
from tests.ssh_hosts import SshHosts  # noqa: E402

OPENED, PINGED = "Open the connections", "Ping"
PLAY = """- hosts: kvm_hosts
  gather_facts: false
  tasks: [{name: %s, ansible.builtin.ping: }, {name: %s, ansible.builtin.ping: }, {name: %s, ansible.builtin.ping: }]
- ansible.builtin.import_playbook: %s
"""


def times(hosts: SshHosts, forks: int, paths: bool) -> list[tuple[str, float]]:
    """Task and seconds, in order."""
    book, noted = hosts.folder / "bench.yml", hosts.folder / "times"
    book.write_text(PLAY % (OPENED, PINGED, PINGED, ROOT / "playbooks" / "preflight.yml"))
    env = {
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "benchmarks" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_times",
        "TASK_TIMES_FILE": str(noted),
        "ANSIBLE_FORKS": str(forks),
    }
    done = hosts.play(book, hosts.inventory(preflight_path_check=paths), env=env)
    found = [(name, float(seconds)) for name, seconds in (line.split("\t") for line in noted.read_text().splitlines())] if noted.exists() else []
    if PINGED not in dict(found) or not (hosts.folder / "reports" / "preflight.json").exists():
        sys.exit(f"preflight.yml gave no report, so there is nothing to measure:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return found


def measure(count: int, forks: int, paths: bool) -> str:
    """Lines for so many hosts."""
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), count) as hosts:
        hosts.introduce()
        found = times(hosts, forks, paths)
    pings = [seconds for name, seconds in found if name == PINGED]
    ping = sum(pings) / len(pings)
    own = [(name, seconds) for name, seconds in found if name not in (OPENED, PINGED)]
    whole = sum(seconds for _name, seconds in own)
    longest = sorted(own, key=lambda each: -each[1])[:12]
    shares = [f"  {seconds:7.1f} s  {seconds / ping:5.2f} pings  {100 * seconds / whole:3.0f} %  {name}" for name, seconds in longest]
    each = ", ".join(f"{seconds:.1f}" for seconds in pings)
    return "\n".join([f"{count} hosts, {forks} forks: preflight.yml {whole:.1f} s, ping {ping:.1f} s ({each}), ratio {whole / ping:.2f}", *shares])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hosts", nargs="*", type=int, default=[20, 100])
    parser.add_argument("--forks", type=int, help="default: one for each host")
    parser.add_argument("--without-paths", action="store_true", help="preflight_path_check: false; benchmarks/path_check_ssh.py measures that part")
    options = parser.parse_args()
    if missing("ssh", "sshd"):
        print(missing("ssh", "sshd"))
        return 1
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for count in options.hosts:
        print(measure(count, options.forks or count, not options.without_paths), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
