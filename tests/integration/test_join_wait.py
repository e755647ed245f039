# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for a join in progress, on this machine with a program of the set-up that lasts until the test ends it.
Needs no lab."""

from __future__ import annotations

import os
import subprocess
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


class SetUp:
    """keystore-setup, which runs until `end`, beside a command: both in a process namespace of their own, as labs may
    be up on this machine, with hosts that join."""

    def __init__(self, folder: Path) -> None:
        self._program, self._end = folder / "keystore-setup", folder / "end"
        self._program.write_text('#!/bin/bash\nread -r _ <"$2"\n')
        self._program.chmod(0o755)
        os.mkfifo(self._end)

    def beside(self, words: list[str]) -> list[str]:
        script = '"$0" planted-passphrase "$1" & shift; "$@"'
        enter = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script]
        return [*enter, str(self._program), str(self._end), *words]

    def end(self) -> None:
        os.close(os.open(self._end, os.O_WRONLY))


def line(playbook: str, inventory: Path, **extra) -> list[str]:
    words = command("x.yml", inventory, extra, [])
    return [*words[:-1], playbook]


def flat(shown: str) -> str:
    """Without the line breaks of YAML."""
    return " ".join(shown.split())


def test_it_says_what_it_waits_for_and_goes_on_at_the_end(waiting, tmp_path):
    running = SetUp(tmp_path)
    process = subprocess.Popen(
        running.beside(line(*waiting)),
        cwd=ROOT,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    shown = ""
    while "RETRYING" not in shown:
        more = process.stdout.readline()
        assert more, shown
        shown += more
    running.end()
    shown += process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=60) == 0, shown
    assert "here: a join is in progress: keystore-setup is running on the host for" in flat(shown), shown
    assert "nothing is in progress any more" in shown
    assert "planted-passphrase" not in shown


def run_beside(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """The command, and a set-up that does not end before it."""
    return subprocess.run(
        SetUp(folder).beside(words),
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_set_up_that_does_not_end_is_told_with_a_next_step(waiting, tmp_path):
    extra = {"__host_registration_wait_retries": 1, "__host_registration_wait_delay": 1}
    done = run_beside(tmp_path, line(*waiting, **extra))
    assert done.returncode != 0
    for part in (
        "expected no join in progress, observed: keystore-setup is running",
        "Next: wait, and run again",
        "/run/cloudstack-kvm/join.json",
    ):
        assert part in flat(done.stdout), done.stdout
    assert "nothing is in progress any more" not in done.stdout


def test_check_mode_says_so_and_does_not_wait(waiting, tmp_path):
    done = run_beside(tmp_path, [*line(*waiting), "--check"])
    assert done.returncode == 0, done.stdout
    assert "A real run waits for its end" in flat(done.stdout)
    assert "nothing is in progress any more" in done.stdout
