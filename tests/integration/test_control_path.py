# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clouds with hosts at the same addresses never share the SSH connections that Ansible keeps open."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.playbooks import ROOT

ANSIBLE = ROOT / ".venv" / "bin" / "ansible"


def socket_folder(inventory: Path, host: str, **environment: str) -> str:
    """Where Ansible keeps the connection to a host of an inventory, as its own ssh plugin is told."""
    command = [
        str(ANSIBLE),
        host,
        "-i",
        str(inventory),
        "-c",
        "local",
        "-m",
        "ansible.builtin.debug",
        "-a",
        "msg={{ ansible_control_path_dir }}",
    ]
    given = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **environment}
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.search(r"~/\S+/[0-9a-f]{12}\b", done.stdout)[0]


def assert_fits(folder: str) -> None:
    """The path that Ansible and ssh make of it, a slash with ten digits and a dot with 16 letters, is one that the
    kernel takes."""
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(FileNotFoundError):
        probe.connect(f"{os.path.expanduser(folder)}/0123456789.{'X' * 16}")  # a longer one: "AF_UNIX path too long"


def test_two_copies_of_the_example_keep_their_connections_apart(tmp_path):
    folders = set()
    for name in ("cloud1", "a-cloud-" + "x" * 120):
        copy = tmp_path / name
        shutil.copytree(ROOT / "inventories" / "production.example", copy)
        folders.add(socket_folder(copy, "kvm01"))
    assert len(folders) == 2
    for folder in folders:
        assert_fits(folder)


def test_two_labs_keep_their_connections_apart(tmp_path):
    inventory = ROOT / "inventories" / "lab"
    folders = {socket_folder(inventory, "host1", LAB_STATE=str(tmp_path / name)) for name in ("one", "x" * 120)}
    assert len(folders) == 2
    for folder in folders:
        assert_fits(folder)


def test_a_checkout_has_a_folder_of_its_own_for_other_inventories():
    command = [str(ANSIBLE) + "-config", "dump", "-t", "connection", "--only-changed"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("control_path_dir"))
    assert line.endswith("= ./.ansible/cp")
