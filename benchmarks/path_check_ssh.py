#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What path_check.yml costs through Ansible: the task that tries all paths on all hosts, as a ratio to
ansible.builtin.ping on them.

The hosts are network namespaces with an sshd each, so their Python starts share this machine's cores with Ansible: the
wall times say more about it than about a fleet, the ratio says what an operator pays. Both are measured over open SSH
connections. Needs root, ssh, sshd."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment  # noqa: E402 - the checkout comes first
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import plan_probes  # noqa: E402
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_options import questions  # noqa: E402

from tests.namespaces import missing  # noqa: E402
from tests.ssh_hosts import NETWORKS, SWITCH, SshHosts  # noqa: E402

PATHS, PINGED = "Probe every path with packets of the required size", "Ping the second time"
PING = """- hosts: kvm_hosts
  gather_facts: false
  tasks:
    - {name: Open the connections, ansible.builtin.ping: }
    - {name: %s, ansible.builtin.ping: }
"""
ALONE = """  vars_files: [plan.json]
  tasks:
    - {name: Open the connections, ansible.builtin.ping: }
    - name: %s
      cloudstack.kvm.path_mtu: {host: "{{ inventory_hostname }}", networks: "{{ mine.networks }}", probes: "{{ mine.probes }}", count: "{{ mine.count }}",
                                direction: true, duplicates: true}
      vars: {mine: "{{ plan[inventory_hostname] }}"}
"""  # noqa: E501


def times(hosts: SshHosts, playbook: Path, forks: int) -> dict[str, float]:
    """Seconds by task."""
    found, output = hosts.task_times(playbook, hosts.inventory(), forks)
    if not found or "unreachable=1" in output:
        sys.exit(f"{playbook} failed, so there is nothing to measure:\n{output}")
    return {each.name: each.seconds for each in found}


def task_alone(hosts: SshHosts) -> Path:
    """A playbook with nothing but the task that tries the paths, for machines on which the facts of many hosts take
    minutes."""
    at = [
        Attachment(name, bridge, hosts.address(place, net))
        for place, name in enumerate(hosts.names, 1)
        for bridge, net in NETWORKS.items()
    ]
    plan = questions(plan_probes(at, dict.fromkeys(NETWORKS, hosts.mtu)), at, hosts.names, {})
    (hosts.folder / "plan.json").write_text(json.dumps({"plan": plan}))
    path = hosts.folder / "alone.yml"
    path.write_text(PING.split("  tasks:", 1)[0] + ALONE % PATHS)
    return path


def measure(count: int, forks: int, broken: int, alone: bool) -> str:
    """A line for so many hosts, `broken` of them behind a switch port that is too small."""
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), count, mtu=9000) as hosts:
        hosts.introduce()
        hosts.ip(SWITCH, [f"link set dev host{number}eth2 mtu 1500" for number in range(1, broken + 1)] or [""])
        ping = hosts.folder / "ping.yml"
        ping.write_text(PING % PINGED)
        pinged = times(hosts, ping, forks)[PINGED]
        found = times(hosts, task_alone(hosts) if alone else ROOT / "playbooks" / "path_check.yml", forks)
    rest = sorted(((seconds, name) for name, seconds in found.items() if name != PATHS), reverse=True)[:3]
    head = f"{count} hosts, {broken} broken, {forks} forks: all paths {found[PATHS]:.1f} s, ping {pinged:.1f} s, ratio {found[PATHS] / pinged:.2f}"  # noqa: E501
    return (
        head
        if alone
        else f"{head}; whole playbook {sum(found.values()):.1f} s "
        f"({', '.join(f'{name} {seconds:.1f} s' for seconds, name in rest)})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hosts", nargs="*", type=int, default=[20, 50])
    parser.add_argument("--forks", type=int, help="default: one for each host")
    parser.add_argument("--broken", type=int, default=0)
    parser.add_argument("--task-only", action="store_true", help="without the rest of path_check.yml")
    options = parser.parse_args()
    if missing("ssh", "sshd"):
        print(missing("ssh", "sshd"))
        return 1
    print(f"{os.cpu_count()} cores")
    for count in options.hosts:
        print(measure(count, options.forks or count, options.broken, options.task_only), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
