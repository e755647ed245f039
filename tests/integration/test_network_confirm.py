# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the network that nobody confirms, on a host with systemd: whoever is killed, the host puts everything
back by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.lab import ROOT, Lab
from tests.integration.playbooks import command, environment, play

pytestmark = pytest.mark.lab
HOST, ADDRESS = "host4", "10.88.0.14"  # the spare one, so that a lab in use is not disturbed
SECONDS = 10
KEPT = "/var/lib/cloudstack-kvm/network/kept.json"
BRIDGES = [{"name": "cloudbr0", "port": "eth0", "address": f"{ADDRESS}/24"}]
PLAY = [
    {
        "hosts": "kvm_hosts",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Declare",
                "cloudstack.kvm.bridge": {
                    "config": "{{ declared }}",
                    "rollback_timeout": SECONDS,
                    "allow_guest_disruption": True,
                },
            }
        ],
    }
]
# Without what the kernel counts or gives by itself.
NETWORK = """
ip -j address | python3 -c '
import json, sys
for link in json.load(sys.stdin):
    shown = sorted(each["local"] for each in link["addr_info"] if each["scope"] == "global")
    print(link["ifname"], link["mtu"], link.get("master", "-"), "UP" in link["flags"], *shown)' | sort
ip route; cat /etc/network/interfaces; head -c -0 /etc/network/interfaces.d/* 2>/dev/null; true
"""


class Host:
    """The spare host, with the lab's own network and bridge-utils."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.book, self.more = lab, folder / "play.yml", folder / "fourth.yml"
        self.book.write_text(yaml.safe_dump(PLAY))
        self.more.write_text(
            yaml.safe_dump({"cluster1": {"hosts": {HOST: {"ansible_host": ADDRESS, "lab_number": 4}}}})
        )
        self.arguments = ["-i", str(self.more), "--limit", HOST]
        self.env = {"LAB_STATE": str(lab.state)}

    def run(self, bridges=BRIDGES):
        return play(str(self.book), self.lab.inventory, *self.arguments, extra={"declared": bridges}, env=self.env)

    def start(self, bridges=BRIDGES) -> subprocess.Popen[str]:
        line = command(str(self.book), self.lab.inventory, {"declared": bridges}, self.arguments)
        return subprocess.Popen(
            line,
            cwd=ROOT,
            env=environment(self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def inside(self, script: str, check: bool = True) -> str:
        """A command on the host, past its network, which may be gone."""
        line = [ROOT / "lab" / "labctl", "console", HOST, "sh", "-c", script]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def network(self) -> str:
        return self.inside(NETWORK)

    def waits(self) -> bool:
        return bool(self.inside(f"ls {KEPT} 2>/dev/null", check=False))

    def told(self) -> str:
        return self.inside("cat /var/lib/cloudstack-kvm/network/outcome")


def until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"


@pytest.fixture(scope="module")
def host(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    lab.ctl("recreate", HOST)
    one = Host(lab, tmp_path_factory.mktemp("confirm"))
    one.inside("apt-get update -q && apt-get install -qy bridge-utils")
    one.inside(f"cat >/usr/local/sbin/ifup <<'EOF'\n{SLOW_IFUP}EOF\nchmod +x /usr/local/sbin/ifup")
    yield one
    if not os.environ.get("KEEP"):
        lab.ctl("recreate", HOST)


# ifup as slow as the test wants it: the moments at which somebody is killed are the test's, not the machine's.
SLOW_IFUP = """#!/bin/sh
case "$*" in *--no-act*|*--list*) exec /usr/sbin/ifup "$@" ;; esac
[ ! -e /run/hold ] || { touch /run/holds; while [ -e /run/hold ]; do sleep 0.1; done; }
exec /usr/sbin/ifup "$@"
"""


@contextlib.contextmanager
def half_way(host: Host, bridges=BRIDGES) -> Iterator[subprocess.Popen[str]]:
    """The files are written, the links are down, nothing is up yet: what runs then."""
    host.inside("rm -f /run/holds; touch /run/hold")
    running = host.start(bridges)
    until(lambda: host.inside("ls /run/holds", check=False), "the change is half-way")
    assert host.waits()
    try:
        yield running
    finally:
        kill(host)
        running.communicate(timeout=300)


def kill(host: Host) -> None:
    """The controller: ansible-playbook and its workers, each of which is in a session of its own."""
    subprocess.run(["pkill", "-KILL", "-f", str(host.book)], check=False)


def _whole(host: Host, before: str, bridges=BRIDGES) -> None:
    """As before, nothing waits, the login works, and the next run gets through."""
    until(lambda: not host.waits(), "the host puts it back", SECONDS + 60)
    until(lambda: host.network() == before, f"as before: {before}", 20)
    assert "it was put back" in host.told()
    run = host.run(bridges)
    assert (run.code, list(run.changed)) == (0, [HOST]), run.output[-3000:]
    again = host.run(bridges)
    assert (again.code, again.changed) == (0, {}), again.output[-3000:]
    units = host.inside("systemctl list-units --state=active,failed --plain --no-legend 'cloudstack-kvm-network*'")
    assert units.strip() == ""
    assert "rollback" not in host.inside("ls /etc/systemd/system /etc/systemd/system/sysinit.target.wants")


def test_the_controller_is_killed_before_it_confirms(host):
    """From a host without a bridge: the address moves over the connection that Ansible came in by."""
    before = host.network()
    with half_way(host):
        kill(host)
        host.inside("rm /run/hold")
        until(lambda: "cloudbr0" in host.network(), "the module goes on to its end")
    _whole(host, before)


@pytest.mark.full  # test_broken_kinds.py has it without the controller
def test_the_module_is_killed_half_way(host):
    before, other = host.network(), [{**BRIDGES[0], "address": f"{ADDRESS}/23"}]
    with half_way(host, other) as running:
        host.inside("kill -KILL $(ps -o ppid= -p $(pgrep -of [l]ocal/sbin/ifup)); rm /run/hold")
        assert running.wait(timeout=120) != 0
    _whole(host, before, other)


@pytest.mark.full  # test_broken_kinds.py has it without the controller
def test_the_host_loses_power_half_way(host):
    before = host.network()
    with half_way(host):
        host.lab.ctl("power", HOST, "off")
    host.lab.ctl("power", HOST, "on")
    _whole(host, before)


def test_an_address_that_ansible_does_not_come_to_is_put_back_and_told(host):
    """The host reaches the controller, and answers ARP: only a new login shows that nobody finds it there."""
    before = host.network()
    run = host.run([{**BRIDGES[0], "address": "10.88.0.44/24"}])
    assert run.code == 2, run.output
    said = " ".join(run.output.split())
    assert "the change of the network was not confirmed in time" in said, run.output
    assert "it was put back when the time to confirm it was over" in said
    assert host.network() == before
    assert "Traceback" not in said


def test_a_change_that_is_confirmed_stays_after_a_reboot(host):
    run = host.run([{**BRIDGES[0], "mtu": 1400}])
    assert run.code == 0, run.output[-3000:]
    assert not host.waits()
    after = host.network()
    assert "cloudbr0 1400" in after
    host.lab.ctl("power", HOST, "off")
    host.lab.ctl("power", HOST, "on")
    until(lambda: host.network() == after, "as before the reboot", 60)
