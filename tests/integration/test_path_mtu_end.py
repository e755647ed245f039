# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever ends the path check in the middle - a signal, the controller, the connection - leaves no process, socket or
rule on the host. Needs root."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.namespaces import ROOT, Namespaces, missing
from tests.ssh_hosts import CONTROL, SSHD, SshHosts
from tests.wires import Wires, finish, until

TOOLS = ("nft", "tc", "setsid")
pytestmark = pytest.mark.skipif(bool(missing(*TOOLS)), reason=missing(*TOOLS))
LONG = {"timeout": 30, "time_limit": 600, "listen_s": 600}


@pytest.fixture
def wires():
    with Namespaces() as spaces:
        yield Wires(spaces).host("asker").host("good")


def _busy(wires, **options):
    """A run that would last ten minutes, with all kinds of sockets open."""
    probes = [wires.probe("nobody"), wires.probe("good"), wires.probe("nobody", 6)]
    process = wires.start("asker", probes, **{**LONG, **options})
    until(lambda: len(wires.spaces.sockets("asker")) == 3)  # ICMP, ICMPv6, ARP
    return process


def _what_is_there(wires):
    return wires.spaces.processes("asker"), wires.spaces.sockets("asker"), wires.spaces.rules("asker")


def _killed(process):
    process.kill()
    process.communicate()


def _without_a_reader(process):
    """SSH without a terminal: the server closes its ends of the pipes when the connection is gone."""
    process.stdout.close()
    process.stderr.close()
    process.wait(60)


@pytest.mark.parametrize("end", [_killed, _without_a_reader])
def test_nothing_is_left(wires, end):
    before = wires.spaces.rules("asker")
    process = _busy(wires)
    assert wires.spaces.processes("asker") == [process.pid]  # it starts no other
    end(process)
    assert _what_is_there(wires) == ([], [], before)


def test_nothing_is_left_when_the_terminal_is_gone(wires):
    """SSH with a terminal, as Ansible does it without pipelining: the kernel sends SIGHUP."""
    before = wires.spaces.rules("asker")
    server, terminal = os.openpty()
    process = _busy(wires, user=("setsid", "--ctty", "--wait"), terminal=terminal)
    os.close(terminal)
    assert wires.spaces.processes("asker")
    os.close(server)
    process.communicate(timeout=60)
    assert _what_is_there(wires) == ([], [], before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_what_is_known_is_returned(wires, number):
    before = wires.spaces.rules("asker")
    process = _busy(wires)
    process.send_signal(number)
    outcomes = {(each["peer"], each["failure"], each["control"]) for each in finish(process)["outcomes"]}
    assert outcomes == {("nobody", "not_asked", False), ("good", "", True)}
    assert _what_is_there(wires) == ([], [], before)


def test_time_is_over(wires):
    result = wires.ask("asker", [wires.probe("nobody")], **{**LONG, "time_limit": 1})
    assert result["outcomes"][0]["failure"] == "not_asked"
    assert 1 <= result["seconds"] < LONG["timeout"]


def _environment(folder, pipelining):
    own = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_PIPELINING": pipelining,
    }
    own.update(ANSIBLE_SSH_ARGS="-o ControlMaster=no", ANSIBLE_LOCAL_TEMP=folder, ANSIBLE_REMOTE_TMP=f"{folder}/remote")
    return {**os.environ, **own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.mark.skipif(not os.path.exists(SSHD), reason="needs openssh-server")
@pytest.mark.parametrize("pipelining", ["True", "False"])
def test_the_controller_is_gone(pipelining):
    """Ansible and its SSH are killed in the middle. With pipelining there is no terminal, without it there is one."""
    probes = [{"network": "net", "peer": "nobody", "address": "10.88.0.99", "size": 1500}]
    options = {**LONG, "host": "host1", "networks": [{"name": "net", "device": "cloudbr0"}], "probes": probes}
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), 1) as hosts:
        before, daemon = hosts.rules("host1"), hosts.processes("host1")
        command = [
            "ansible",
            "-i",
            str(hosts.inventory()),
            "host1",
            "-m",
            "cloudstack.kvm.path_mtu",
            "-a",
            json.dumps(options),
        ]
        with hosts.start(
            CONTROL,
            command,
            cwd=ROOT,
            env=_environment(folder, pipelining),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as ansible:
            until(lambda: len(hosts.sockets("host1")) == 2 or ansible.poll() is not None)  # ICMP, ARP
            assert ansible.poll() is None
            for each in hosts.processes(CONTROL):
                os.kill(each, signal.SIGKILL)
        until(lambda: hosts.processes("host1") == daemon)
        assert (hosts.sockets("host1"), hosts.rules("host1")) == ([], before)
