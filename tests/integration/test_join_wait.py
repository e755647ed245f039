# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for a join in progress, on this machine with a program of the set-up that lasts until the test ends it.
Needs no lab."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.integration.playbooks import ROOT, command, environment

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the role becomes root")
HOST = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
PLAY = [
    {
        "name": "Wait",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Wait",
                "ansible.builtin.include_role": {"name": "cloudstack.kvm.host_registration", "tasks_from": "wait.yml"},
            },
            {"name": "Go on", "ansible.builtin.debug": {"msg": "nothing is in progress any more"}},
        ],
    }
]


@pytest.fixture
def waiting(tmp_path: Path) -> tuple[str, Path]:
    """A playbook that waits, and an inventory of this machine."""
    (tmp_path / "wait.yml").write_text(yaml.safe_dump(PLAY))
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"kvm_hosts": {"hosts": {"here": HOST}}}))
    return str(tmp_path / "wait.yml"), inventory


@contextmanager
def set_up(folder: Path):
    """keystore-setup, which runs until its input is closed."""
    program = folder / "keystore-setup"
    program.write_text("#!/bin/bash\nread -r _\n")
    program.chmod(0o755)
    running = subprocess.Popen([program, "planted-passphrase"], stdin=subprocess.PIPE)
    try:
        yield running
    finally:
        running.stdin.close()
        running.wait(timeout=10)


def line(playbook: str, inventory: Path, **extra) -> list[str]:
    words = command("x.yml", inventory, extra, [])
    return [*words[:-1], playbook]


def flat(shown: str) -> str:
    """Without the line breaks of YAML."""
    return " ".join(shown.split())


def test_it_says_what_it_waits_for_and_goes_on_at_the_end(waiting, tmp_path):
    with set_up(tmp_path) as running:
        process = subprocess.Popen(
            line(*waiting), cwd=ROOT, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        shown = ""
        while "RETRYING" not in shown:
            more = process.stdout.readline()
            assert more, shown
            shown += more
        running.stdin.close()
        shown += process.stdout.read()
        process.stdout.close()
        assert process.wait(timeout=60) == 0, shown
    assert "here: a join is in progress: keystore-setup is running on the host for" in flat(shown)
    assert "nothing is in progress any more" in shown
    assert "planted-passphrase" not in shown


def test_a_set_up_that_does_not_end_is_told_with_a_next_step(waiting, tmp_path):
    with set_up(tmp_path):
        extra = {"__host_registration_wait_retries": 1, "__host_registration_wait_delay": 1}
        done = subprocess.run(
            line(*waiting, **extra),
            cwd=ROOT,
            env=environment({}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode != 0
    for part in (
        "expected no join in progress, observed: keystore-setup is running",
        "Next: wait, and run again",
        "/run/cloudstack-kvm/join.json",
    ):
        assert part in flat(done.stdout), done.stdout
    assert "nothing is in progress any more" not in done.stdout


def test_check_mode_says_so_and_does_not_wait(waiting, tmp_path):
    with set_up(tmp_path):
        done = subprocess.run(
            [*line(*waiting), "--check"],
            cwd=ROOT,
            env=environment({}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stdout
    assert "A real run waits for its end" in flat(done.stdout)
    assert "nothing is in progress any more" in done.stdout
