# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that Ansible reaches over SSH, each a network namespace with bridges and an sshd, on switches that are bridges
of another namespace.

They share everything but the network with this machine, so nothing but their network can be changed or wrong. All of it
is gone when the process ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.namespaces import ROOT, Namespaces

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
NETWORKS = {"cloudbr0": "10.88", "cloudbr2": "10.89"}  # bridge -> first half of the addresses, /16
CONTROL, SWITCH = "control", "switch"


class TaskTime(NamedTuple):
    """One task over all hosts: seconds by the clock, and seconds of the processors (0 where they are not known)."""

    name: str
    seconds: float
    cpu: float


class SshHosts(Namespaces):
    """`count` hosts host1, host2 ..., each with cloudbr0 (management) over eth0 and cloudbr2 (storage) over eth2, `mtu`
    everywhere."""

    def __init__(self, folder: Path, count: int, mtu: int = 1500) -> None:
        super().__init__()
        self.folder, self.mtu = folder, mtu
        self.names = [f"host{number}" for number in range(1, count + 1)]
        self.daemons: list[subprocess.Popen[str]] = []

    def __enter__(self) -> SshHosts:
        super().__enter__()
        self.add(SWITCH, CONTROL, *self.names)
        self.ip(
            SWITCH,
            [line for name in NETWORKS for line in (f"link add {name} mtu 9216 type bridge", f"link set {name} up")],
        )
        self.plug(SWITCH, "cloudbr0", CONTROL, "eth0")
        self.ip(CONTROL, ["addr add 10.88.255.254/16 dev eth0", "link set eth0 up"])
        for place, name in enumerate(self.names, 1):
            for bridge, net in NETWORKS.items():
                card = bridge.replace("cloudbr", "eth")
                self.plug(SWITCH, bridge, name, card, mtu=self.mtu)
                made = [
                    f"link add {bridge} address {self.mac(place, net)} type bridge",
                    f"link set {card} master {bridge} up",
                ]
                made.append(f"link set {bridge} mtu {self.mtu} up")
                self.ip(name, [*made, f"addr add {self.address(place, net)}/16 dev {bridge}"])
        self._listen()
        return self

    def __exit__(self, *error: object) -> None:
        for each in self.daemons:
            each.terminate()
        for each in self.daemons:
            each.wait()
        super().__exit__(*error)

    def address(self, place: int, net: str = "10.88") -> str:
        return f"{net}.{place // 200}.{place % 200 + 10}"

    def mac(self, place: int, net: str = "10.88") -> str:
        """The address of a host's bridge."""
        return f"02:{int(net.split('.')[1]):02x}:00:00:{place // 256:02x}:{place % 256:02x}"

    def introduce(self) -> None:
        """Tell every host the others' MACs. All namespaces share the kernel's table of neighbours, which has room for
        1024 (but for those that are told), where each host of a real cluster has a table of its own."""
        for place, name in enumerate(self.names, 1):
            others = [
                (other, bridge, net)
                for other in range(1, len(self.names) + 1)
                if other != place
                for bridge, net in NETWORKS.items()
            ]
            self.ip(
                name,
                [
                    f"neighbour replace {self.address(other, net)} lladdr {self.mac(other, net)} dev {bridge}"
                    for other, bridge, net in others
                ],
            )

    def _listen(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)  # the empty folder of sshd's unprivileged part
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key], check=True)
        shutil.copy(self.folder / "user.pub", self.folder / "authorized")
        options = {
            "HostKey": self.folder / "host",
            "AuthorizedKeysFile": self.folder / "authorized",
            "PidFile": "none",
            "StrictModes": "no",
        }
        options.update(
            UsePAM="no",
            UseDNS="no",
            PermitRootLogin="prohibit-password",
            Subsystem="sftp internal-sftp",
            MaxStartups="100",
            # bash reads ~/.bashrc for a command of sshd, but not below another shell: what root's own start-up files do
            # on this machine is no part of these hosts. A pyenv's lock in them made each login wait for a minute.
            SetEnv="SHLVL=1",
        )
        (self.folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        command = ["setpriv", "--pdeathsig", "TERM", SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "sshd.log").open("w") as log:
            self.daemons = [self.start(name, command, stderr=log) for name in self.names]

    def inventory(self, **variables: Any) -> Path:
        """All hosts in one cluster that CloudStack is not asked about."""
        bridges = [{"name": name, "port": name.replace("cloudbr", "eth"), "mtu": self.mtu} for name in NETWORKS]
        own = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.folder / "user"),
            "ansible_python_interpreter": sys.executable,
            "cloudstack_zone": "zone1",
            "cloudstack_pod": "pod1",
            "cloudstack_cluster": "cluster1",
            "cluster_traffic_labels": [
                {"type": "Management", "label": "cloudbr0"},
                {"type": "Storage", "label": "cloudbr2"},
            ],
            "network_bridge_config": bridges,
            "preflight_ask_cloudstack": False,
            "preflight_report_dir": str(self.folder / "reports"),
        }
        hosts = {name: {"ansible_host": self.address(place)} for place, name in enumerate(self.names, 1)}
        path = self.folder / "hosts.json"
        path.write_text(json.dumps({"kvm_hosts": {"hosts": hosts, "vars": {**own, **variables}}}))
        return path

    def play(
        self, playbook: Path, inventory: Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ansible-playbook on the controller's place in the network."""
        own = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        command: Sequence[str] = ["ansible-playbook", "-i", str(inventory), *arguments, str(playbook)]
        return self.run(CONTROL, command, check=False, cwd=ROOT, env={**os.environ, **own, **(env or {})})

    def task_times(self, playbook: Path, inventory: Path, forks: int) -> tuple[list[TaskTime], str]:
        """How long each task took, in order; none where the play did not end. The output is for those who want to know
        why."""
        noted = self.folder / "times"
        noted.unlink(missing_ok=True)
        env = {
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "benchmarks" / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "TASK_TIMES_FILE": str(noted),
        }
        done = self.play(playbook, inventory, env={**env, **_own_cpu(), "ANSIBLE_FORKS": str(forks)})
        lines = noted.read_text().splitlines() if noted.exists() else []
        rows = [line.split("\t") for line in lines]
        return [
            TaskTime(name, float(seconds), float(cpu)) for name, seconds, cpu in rows
        ], f"{done.stdout[-3000:]}{done.stderr[-1000:]}"


def _own_cpu() -> dict[str, str]:
    """Where the kernel counts what the processors do for this run alone: in a room of scripts/beside."""
    found = [
        path
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
        for path in [Path(root, f"cslab-beside-{os.environ.get('BESIDE')}", "cpu.stat")]
    ]
    return next(({"TASK_TIMES_CPU": str(path)} for path in found if path.is_file()), {})
