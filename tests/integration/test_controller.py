# SPDX-License-Identifier: GPL-3.0-or-later
"""What talks to CloudStack runs on the controller as the user that started ansible-playbook, with its Python and in its
folder, whatever group_vars say of the hosts."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import Run, command, environment, play

NOWHERE = {
    "ansible_connection": "ssh",
    "ansible_host": "192.0.2.99",
    "ansible_python_interpreter": "/nonexistent/python",
}
# As an operator has them for hosts of which each has an account of its own. Nothing listens on port 1.
OF_HOSTS = {
    "ansible_become": True,
    "ansible_become_password": "{{ passwords[inventory_hostname] }}",
    "ansible_connection": "ssh",
    "ansible_port": "{{ {'host1': 1}[inventory_hostname] }}",
    "ansible_python_interpreter": "{{ {'host1': '/nonexistent/python'}[inventory_hostname] }}",
    "ansible_remote_tmp": "/nonexistent/tmp",
    "ansible_shell_executable": "/nonexistent/sh",
    "ansible_user": "{{ {'host1': 'nobody'}[inventory_hostname] }}",
    "passwords": {"host1": "planted-password"},
}
HOST = {"ansible_host": "127.0.0.1", "lab_number": 1, "oobm_password": "planted-password"}
ASK = {"cloudstack.kvm.configuration": {"name": "host"}, "check_mode": True}
DELEGATED = {**ASK, "delegate_to": "localhost"}
PLAYS = [
    {"hosts": "kvm_hosts", "become": True, "tasks": [DELEGATED, {**DELEGATED, "loop": [1, 2]}]},
    {"hosts": "kvm_hosts", "become": True, "tasks": [{**ASK, "delegate_to": "controller"}]},
    {"hosts": "localhost", "become": True, "tasks": [ASK]},
    {"hosts": "kvm_hosts", "vars": {"ansible_connection": "local"}, "tasks": [{**ASK, "become": True}]},
]
# playbook -> its exit code and words of what it says behind its questions of CloudStack: no host can be reached
PLAYBOOKS = {
    "register_cluster": (0, "Note that the cluster is registered"),
    "preflight": (2, "may not join because of FCT001"),
    "add_hosts": (2, "expected an SSH login at 127.0.0.1"),
    "configure_oobm": (2, "127.0.0.1: CloudStack has no host of this address"),
    "enable_ha": (2, "127.0.0.1: CloudStack has no host of this address"),
    "site": (2, "127.0.0.1:1, observed: "),
}
# test_files_of_cs_in_the_folder_that_ansible_was_started_in has the same with register_cluster.
MORE = ("register_cluster", "add_hosts", "configure_oobm", "enable_ha", "site")


@pytest.fixture
def sudo(tmp_path):
    """A program in place of sudo, and the file in which it notes that it was called."""
    noted, program = tmp_path / "sudo.log", tmp_path / "sudo"
    program.write_text(f'#!/bin/sh\necho "$@" >> {noted}\nexit 1\n')
    program.chmod(0o755)
    return program, noted


def write(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def test_tasks_of_an_operators_own(simulator, sudo, tmp_path):
    become = {"ansible_become": True, "ansible_become_exe": str(sudo[0])}
    hosts = {"localhost": NOWHERE, "controller": {**NOWHERE, "ansible_connection": "local"}}
    children = {"kvm_hosts": {"hosts": {"host1": {"ansible_host": "192.0.2.1"}}}}
    inventory = write(tmp_path / "hosts.yml", {"all": {"hosts": hosts, "children": children, "vars": become}})
    playbook = write(tmp_path / "play.yml", [{"gather_facts": False, **each} for each in PLAYS])
    run = play(str(playbook), inventory, env=simulator.env)
    assert run.code == 0, run.output
    assert (run.recap["host1"]["ok"], run.recap["localhost"]["ok"]) == (4, 1), run.output
    assert not sudo[1].exists(), "sudo was called on the controller"


@pytest.mark.parametrize("playbook", ["preflight", *(pytest.param(name, marks=pytest.mark.full) for name in MORE)])
def test_playbooks(simulator, sudo, tmp_path, playbook):
    code, words = PLAYBOOKS[playbook]
    write(tmp_path / "group_vars" / "all.yml", {**OF_HOSTS, "ansible_become_exe": str(sudo[0])})
    inventory = write(tmp_path / "hosts.yml", {"kvm_hosts": {"hosts": {"host1": HOST}, "vars": CLUSTER}})
    extra = {"preflight_report_dir": str(tmp_path / "reports")}
    run = play(f"cloudstack.kvm.{playbook}", inventory, extra=extra, env=simulator.env)
    said = " ".join(run.output.split())
    assert run.code == code, run.output
    assert words in said, run.output
    assert "CloudStack cannot be used" not in said
    assert not sudo[1].exists(), "sudo was called on the controller"
    assert "planted-password" not in said


def test_the_template_is_written_as_the_user(sudo, tmp_path):
    write(tmp_path / "group_vars" / "all.yml", {"ansible_become": True, "ansible_become_exe": str(sudo[0])})
    inventory = write(tmp_path / "hosts.yml", {"kvm_hosts": {"hosts": {}}})
    run = play("init.yml", inventory, extra={"dest": str(tmp_path / "mine")})
    assert run.code == 0, run.output
    assert not sudo[1].exists(), "sudo was called on the controller"


# --- the configuration of `cs`; each of its files and settings by itself: tests/unit/.../client/test_api_options.py ---


def run_in(folder, env) -> Run:
    """A playbook that is started in a folder of the operator's own; the environment has nothing of `cs` but `env`."""
    inventory = write(folder / "hosts.yml", {"kvm_hosts": {"hosts": {"host1": HOST}, "vars": CLUSTER}})
    others = {name: value for name, value in environment({}).items() if not name.startswith("CLOUDSTACK_")}
    done = subprocess.run(
        command("cloudstack.kvm.register_cluster", inventory, {}, ()),
        cwd=folder,
        env={**others, **env, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def test_files_of_cs_in_the_folder_that_ansible_was_started_in(simulator, sudo, tmp_path):
    """With what group_vars say of the hosts."""
    write(tmp_path / "group_vars" / "all.yml", {**OF_HOSTS, "ansible_become_exe": str(sudo[0])})
    credentials = {name.removeprefix("CLOUDSTACK_").lower(): value for name, value in simulator.env.items()}
    lines = [f"{name} = {value}\n" for name, value in credentials.items()]
    (tmp_path / "own.ini").write_text(f"[zurich]\n{''.join(lines)}")
    (tmp_path / "cloudstack.ini").write_text("[cloudstack]\nendpoint = http://127.0.0.1:1/\n[zurich]\nverify = true\n")
    run = run_in(tmp_path, {"CLOUDSTACK_CONFIG": "own.ini", "CLOUDSTACK_REGION": "zurich", "CLOUDSTACK_METHOD": "get"})
    assert run.code == 0, run.output
    assert [row["name"] for row in simulator.api.list("listClusters", "cluster")] == ["cluster1"]
    assert PLAYBOOKS["register_cluster"][1] in " ".join(run.output.split()), run.output
    assert not sudo[1].exists(), "sudo was called on the controller"
    for secret in (simulator.secret, "planted-password"):
        assert secret not in run.output


def test_a_file_of_cs_that_cannot_be_read(tmp_path):
    (tmp_path / "cloudstack.ini").write_text("planted-secret\n")
    run = run_in(tmp_path, {})
    said = " ".join(run.output.split())
    assert run.code == 2
    assert said.count("FAILED!") == 1, run.output
    for part in (
        "host1: CloudStack cannot be used.",
        "cloudstack.ini, line 1: a line stands before the first [section]",
        "No host was touched.",
    ):
        assert part in said, run.output
    assert "planted-secret" not in said
