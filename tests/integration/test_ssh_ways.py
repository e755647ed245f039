# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which operators reach their hosts: by password, through a jump host, on another port, with a sudo that
asks for a password. One run has them all, each by a real sshd."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from ansible.release import __version__ as core

from tests.namespaces import missing
from tests.ssh_hosts import SSHD, SshHosts

PASSWORD = "planted-Pw1"
# As sudo of Debian 12 does with what Ansible gives it: -H -S -p PROMPT -u USER COMMAND, with -n in place of -S and -p
# where there is no password. (It is not setuid: these hosts log root in.)
SUDO = f"""#!/bin/sh
while :; do case "$1" in
  -n) echo "sudo: a password is required" >&2; exit 1;;
  -p) prompt="$2"; shift 2;;
  -u) shift 2;;
  -*) shift;;
  *) break;;
esac; done
for try in 1 2 3; do
  printf '%s' "$prompt" >&2
  IFS= read -r password || break
  [ "$password" = '{PASSWORD}' ] && exec "$@"
  echo "Sorry, try again." >&2
done
echo "sudo: $try incorrect password attempts" >&2
exit 1
"""
TASKS = [
    {"name": "Collect", "cloudstack.kvm.kvm_host_facts": {"clock": True}, "become": True, "register": "facts"},
    {"name": "Measure", "cloudstack.kvm.clock_offset": {}, "register": "measured"},
    {
        "name": "Show",
        "ansible.builtin.debug": {
            "msg": "{{ inventory_hostname }} {{ facts.clock.offset_s < 1 }} {{ measured.clock.offset_s < 1 }}"
        },
    },
]


@pytest.fixture(scope="module")
def fabric():
    reason = missing("ssh", SSHD, "openssl")
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), 2) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def ways(fabric):
    """Inventory host -> its variables. The first address of 10.89 is that of host1 in a network that the controller is
    not in; host2 is."""
    sudo = fabric.folder / "sudo"
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    config = fabric.folder / "ssh_config"
    lines = (
        "Host *",
        f"IdentityFile {fabric.folder / 'user'}",
        "StrictHostKeyChecking no",
        "UserKnownHostsFile /dev/null",
    )
    config.write_text("\n".join(lines) + "\n")
    key = {"ansible_ssh_private_key_file": str(fabric.folder / "user")}
    asks = {"ansible_host": fabric.address(1), "ansible_become_exe": str(sudo), **key}
    jump = f"-F {config} -o ProxyJump=root@{fabric.address(2)}"
    with_password(fabric)
    return {
        "jump_and_port": {
            "ansible_host": fabric.address(1, "10.89"),
            "ansible_port": 2201,
            "ansible_user": "root",
            "ansible_ssh_common_args": jump,
        },
        "password": {
            "ansible_host": fabric.address(1),
            "ansible_port": 2202,
            "ansible_user": "root",
            "ansible_password": PASSWORD,
        },
        "sudo": {**asks, "ansible_become_password": PASSWORD},
        "sudo_without": asks,
        "sudo_wrong": {**asks, "ansible_become_password": "wrong"},
    }


def with_password(fabric):
    """Two more sshd on host1: on port 2201 as the others, on 2202 with the password of an /etc/shadow of its own."""
    digest = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
    )
    shadow = fabric.folder / "shadow"
    shadow.write_text(f"root:{digest.stdout.strip()}:20000:0:99999:7:::\n")
    config = (fabric.folder / "sshd_config").read_text()
    (fabric.folder / "other_port").write_text(config)
    (fabric.folder / "with_password").write_text(f"PermitRootLogin yes\nPubkeyAuthentication no\n{config}")
    own_shadow = [
        "unshare",
        "-m",
        "--propagation",
        "private",
        "sh",
        "-c",
        'mount --bind "$0" /etc/shadow && exec "$@"',
        str(shadow),
    ]
    for name, port, before in (("other_port", 2201, []), ("with_password", 2202, own_shadow)):
        sshd = [SSHD, "-D", "-e", "-p", str(port), "-f", str(fabric.folder / name)]
        with (fabric.folder / f"{name}.log").open("w") as log:
            fabric.daemons.append(fabric.start("host1", ["setpriv", "--pdeathsig", "TERM", *before, *sshd], stderr=log))


@pytest.fixture(scope="module")
def run(fabric, ways):
    playbook, inventory = fabric.folder / "play.yml", fabric.folder / "ways.json"
    playbook.write_text(yaml.safe_dump([{"hosts": "kvm_hosts", "gather_facts": False, "tasks": TASKS}]))
    # The keys of hosts that another test had at these addresses do not count: ssh takes no password where one differs.
    common = {
        "ansible_python_interpreter": sys.executable,
        "ansible_ssh_common_args": f"-F {fabric.folder / 'ssh_config'}",
    }
    inventory.write_text(json.dumps({"kvm_hosts": {"hosts": ways, "vars": common}}))
    done = fabric.play(playbook, inventory)
    output = done.stdout + done.stderr
    assert PASSWORD not in output
    return output


@pytest.mark.parametrize("way", ["jump_and_port", "password", "sudo"])
def test_ways(run, way):
    if way == "password" and not shutil.which("sshpass") and tuple(map(int, core.split(".")[:2])) < (2, 19):
        pytest.skip("ansible-core before 2.19 needs sshpass for a login by password")
    assert f"{way} True True" in run, run


@pytest.mark.parametrize(
    ("way", "seen", "step"),
    [
        ("sudo_without", "Missing sudo password", "start ansible-playbook with --ask-become-pass"),
        ("sudo_wrong", "Incorrect sudo password", "correct what --ask-become-pass was told"),
    ],
)
def test_sudo_that_is_not_given_what_it_asks_for(run, way, seen, step):
    said = " ".join(run.split())
    assert f'{way}: Ansible cannot become root on it: "{seen}"' in said.replace('\\"', '"'), run
    assert step in said
