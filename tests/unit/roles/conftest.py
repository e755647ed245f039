# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs roles in check mode on captured facts, with every module of the collection replaced by record.py.

No machine is looked at or changed, so a distribution that cannot be had here (EL) is rendered like any other. Its facts
are those of a real joined Debian 12 host with identity, packages and units of the other distribution put in
(distributions.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
HOST_MODULES = ["agent_properties", "bridge", "daemon", "host_files", "kvm_host_facts", "nfs_export_check", "package"]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """How a play ended, and what its roles asked the modules for."""

    status: int
    output: str
    calls: list[dict]

    def of(self, host: str) -> Run:
        """The same run, with the calls for one of its hosts."""
        return Run(self.status, self.output, [call for call in self.calls if call["host"] == host])

    def files(self) -> dict[str, dict]:
        """Path -> entry, of all host_files together."""
        return {
            entry["path"]: entry
            for call in self.calls
            if call["module"] == "host_files"
            for entry in call["args"]["files"]
        }


@pytest.fixture(scope="session")
def collection(tmp_path_factory) -> Path:
    """The collection with record.py in the place of its modules."""
    path = tmp_path_factory.mktemp("collections")
    shadow = path / "ansible_collections" / "cloudstack" / "kvm"
    (shadow / "plugins" / "action").mkdir(parents=True)
    for name in ("galaxy.yml", "meta", "roles"):
        (shadow / name).symlink_to(ROOT / name)
    for name in ("filter", "lookup", "module_utils", "plugin_utils"):
        (shadow / "plugins" / name).symlink_to(ROOT / "plugins" / name)
    checks = Path("plugins") / "action" / "validate_variables.py"
    (shadow / checks).symlink_to(ROOT / checks)
    for name in HOST_MODULES:
        (shadow / "plugins" / "action" / f"{name}.py").write_text((HERE / "record.py").read_text())
    return path


@pytest.fixture(scope="session")
def play(collection, tmp_path_factory):
    """play(roles, facts, variables) -> Run of one host named host1. A variable that is None is not set."""

    def run(roles, facts, variables=None) -> Run:
        return _run(collection, tmp_path_factory.mktemp("play"), {"host1": (roles, facts, variables or {})})

    return run


@pytest.fixture(scope="session")
def play_many(collection, tmp_path_factory):
    """play_many({host: (roles, facts, variables)}) -> one Run of all these hosts, each with roles of its own."""

    def run(hosts) -> Run:
        return _run(collection, tmp_path_factory.mktemp("play"), hosts)

    return run


def _run(collection: Path, folder: Path, hosts: dict) -> Run:
    common = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "ansible_host": "192.0.2.11",
    }
    common["facts_required"] = []  # as prepare_hosts.yml has it: the play has collected them
    wanted = {}
    for name, (roles, facts, variables) in hosts.items():
        given = {**common, "wanted_roles": roles, "captured_facts": facts, **variables}
        wanted[name] = {key: value for key, value in given.items() if value is not None}
    inventory = {
        "kvm_hosts": {"hosts": wanted},
        "management_servers": {"hosts": {"mgmt1": {"ansible_host": "192.0.2.254"}}},
    }
    remember = {
        "name": "Remember captured facts",
        "ansible.builtin.set_fact": {"kvm_host": "{{ captured_facts }}", "cacheable": True},
    }
    # One play for all hosts: the run ends after a play of which every host has failed.
    include = {
        "name": "Run the roles",
        "ansible.builtin.include_role": {"name": "cloudstack.kvm.{{ item }}"},
        "loop": "{{ wanted_roles }}",
    }
    plays = [{"hosts": "kvm_hosts", "gather_facts": False, "tasks": [remember, include]}]
    return run_plays(collection, folder, inventory, plays)


def run_plays(collection: Path, folder: Path, inventory: dict, plays: list[dict]) -> Run:
    """Run plays in check mode with the recording collection."""
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump(plays))
    (folder / "ansible.cfg").write_text("[defaults]\n")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(collection),
        "RECORDED_CALLS": str(folder / "calls"),
    }
    argv = [
        Path(sys.executable).parent / "ansible-playbook",
        "-i",
        folder / "inventory.yml",
        folder / "play.yml",
        "--check",
    ]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False)
    calls = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
    return Run(done.returncode, done.stdout + done.stderr, [json.loads(line) for line in calls])
