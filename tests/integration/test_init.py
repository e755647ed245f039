# SPDX-License-Identifier: GPL-3.0-or-later
"""cloudstack.kvm.init: the inventory that an operator starts from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "inventories" / "production.example"
PROGRAMS = Path(sys.executable).parent


def init(folder: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAMS / "ansible-playbook"), "cloudstack.kvm.init", *extra]
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")}
    env.pop("ANSIBLE_CONFIG", None)  # as for an installed user
    env.pop("PWD", None)  # as for cron and systemd
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_three_hosts_are_the_example_of_the_repository(tmp_path):
    done = init(tmp_path, "-e", "dest=mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(tmp_path / "mine") == files(EXAMPLE)
    assert f"cd {tmp_path}/mine && ansible-playbook cloudstack.kvm.site --check --diff" in done.stdout


def test_as_many_hosts_as_asked_for(tmp_path):
    assert init(tmp_path, "-e", f"dest={tmp_path}/mine", "-e", "host_count=40").returncode == 0
    command = [str(PROGRAMS / "ansible-inventory"), "-i", "hosts.yml", "--list"]
    listed = json.loads(subprocess.run(command, cwd=tmp_path / "mine", capture_output=True, check=True).stdout)
    assert len(listed["cluster1"]["hosts"]) == 40
    assert listed["_meta"]["hostvars"]["kvm40"]["oobm_address"] == "203.0.113.50"


@pytest.mark.parametrize(
    "given, words",
    [
        ((), "Expected: -e dest=FOLDER"),
        # the conditions of the same task as the cases before and after them
        pytest.param(("-e", "dest="), "Expected: -e dest=FOLDER", marks=pytest.mark.full),
        pytest.param(("-e", "dest=mine", "-e", "host_count=0"), "host_count=0", marks=pytest.mark.full),
        pytest.param(("-e", "dest=mine", "-e", "host_count=many"), "host_count=many", marks=pytest.mark.full),
        (("-e", "dest=mine", "-e", "host_count=201"), "from 1 to 200"),
        (("-e", "dest=there"), "there does not exist. Observed: it does"),
    ],
)
def test_what_it_cannot_do_is_refused_and_nothing_is_written(tmp_path, given, words):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "hosts.yml").write_text("all: {}\n")
    done = init(tmp_path, *given)
    assert done.returncode != 0
    assert words in done.stdout
    assert files(tmp_path) == {"there/hosts.yml": "all: {}\n"}
