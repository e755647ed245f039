# SPDX-License-Identifier: GPL-3.0-or-later
"""A join whose controller is killed, and two joins of one host at once: CloudStack goes on with addHost whether its
caller lives or not."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    Access,
    Client,
    NoAnswer,
)

from tests.integration.lab import ROOT, Lab
from tests.integration.playbooks import Run, command, environment, play

pytestmark = pytest.mark.lab
NEW, ADDRESS = "host4", "10.88.0.14"  # the spare one, so that a lab in use is not disturbed
UNPROVEN = {"host_registration_preflight_required": False}  # what the gate says is another test's matter
AGENT = "/etc/cloudstack/agent"
PREPARED = "etc/cloudstack etc/libvirt etc/pki etc/default/libvirtd"
RESTORE = f"systemctl stop cloudstack-agent libvirtd; rm -rf /{PREPARED.replace(' ', ' /')}; tar -xf /root/prepared.tar -C /; systemctl restart libvirtd"  # noqa: E501
PAIR = f'cd {AGENT}; [ "$(openssl x509 -noout -pubkey -in cloud.crt)" = "$(openssl pkey -pubout -in cloud.key)" ] && echo belong || echo differ'  # noqa: E501
# As keystore-cert-import leaves it when another set-up has made a new key meanwhile.
MIXED = f"""
set -e; cd {AGENT}; mkdir -p /etc/pki/CA /etc/pki/libvirt/private
openssl req -x509 -newkey rsa:2048 -nodes -keyout cloud.key -out cloud.crt -days 30 -subj /CN={NEW} 2>/dev/null
openssl genrsa -out cloud.key 2048 2>/dev/null
cp cloud.crt cloud.ca.crt
ln -sf {AGENT}/cloud.ca.crt /etc/pki/CA/cacert.pem
ln -sf {AGENT}/cloud.crt /etc/pki/libvirt/servercert.pem
ln -sf {AGENT}/cloud.key /etc/pki/libvirt/private/serverkey.pem
"""
BEGUN = "journalctl -q --no-pager -t cloudstack-keystore-setup --since @{} | grep -c 'starting keystore-setup' || true"
SET_UP_RUNS = "pgrep -f 'util/[k]eystore-|cloudstack-setup-[a]gent' | wc -l"


class Joining:
    """The spare host, prepared for a join again and again."""

    def __init__(self, lab: Lab, inventory: str) -> None:
        self.lab, self.arguments = lab, ["-i", inventory, "--limit", NEW]

    def again(self, keytool: float, pause: int) -> None:
        """A host that was prepared and never joined, with a set-up as slow as told."""
        self.lab.heal()
        for row in self.lab.api.list("listHosts", "host", type="Routing", details="min"):
            if row["ipaddress"] == ADDRESS:
                self.lab.api.call("deleteHost", id=row["id"], forced="true")
        self.lab.ssh(NEW, RESTORE)
        self.lab.fault("slow-join", NEW, str(keytool), "--pause", str(pause))
        self.since = self.lab.ssh(NEW, "sleep 1; date +%s").strip()

    def play(self, playbook: str = "add_hosts.yml") -> Run:
        return play(
            playbook, self.lab.inventory, *self.arguments, extra=UNPROVEN, env={"LAB_STATE": str(self.lab.state)}
        )

    def start(self) -> subprocess.Popen[str]:
        """add_hosts.yml in a process group of its own."""
        line = command("add_hosts.yml", self.lab.inventory, UNPROVEN, self.arguments)
        env = environment({"LAB_STATE": str(self.lab.state)})
        return subprocess.Popen(
            line, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def add_host_and_go(self) -> None:
        """addHost of a caller that goes away after three seconds."""
        api = self.lab.api
        [cluster] = [row for row in api.list("listClusters", "cluster") if row["name"] == "cluster1"]
        ids = {"zoneid": cluster["zoneid"], "podid": cluster["podid"], "clusterid": cluster["id"]}
        impatient = Client(Access(api.access.url, api.access.key, api.access.secret, timeout=3))
        with pytest.raises(NoAnswer):
            impatient.call("addHost", url=f"http://{ADDRESS}", hypervisor="KVM", username="root", password="", **ids)

    def begun(self) -> int:
        """How often CloudStack has begun to set the host up."""
        return int(self.lab.ssh(NEW, BEGUN.format(self.since)))

    def set_up_runs(self) -> bool:
        return int(self.lab.ssh(NEW, SET_UP_RUNS)) > 0

    def is_whole(self) -> None:
        """Up and secured, and certificate and key belong together."""
        [row] = [
            row
            for row in self.lab.api.list("listHosts", "host", type="Routing", details="all")
            if row["ipaddress"] == ADDRESS
        ]
        assert (row["state"], row["details"]["secured"]) == ("Up", "true")
        assert self.lab.ssh(NEW, PAIR).strip() == "belong"
        assert self.lab.ssh(NEW, "ls /run/cloudstack-kvm").split() == ["lock"], "the mark is gone"

    def is_left_alone(self) -> None:
        """By a further run."""
        again = self.play()
        assert (again.code, again.changed) == (0, {}), again.output[-5000:]


def until(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"


@pytest.fixture(scope="module")
def joining(lab: Lab, tmp_path_factory) -> Joining:
    lab.heal()
    lab.ctl("recreate", NEW)
    more = tmp_path_factory.mktemp("join") / "fourth.yml"
    more.write_text(yaml.safe_dump({"cluster1": {"hosts": {NEW: {"ansible_host": ADDRESS, "lab_number": 4}}}}))
    host = Joining(lab, str(more))
    for playbook in ("prepare_hosts.yml", "register_cluster.yml"):
        run = host.play(playbook)
        assert run.code == 0, run.output[-5000:]
    lab.ssh(NEW, f"tar -cf /root/prepared.tar -C / {PREPARED}")
    yield host
    lab.heal()
    for row in lab.api.list("listHosts", "host", type="Routing", details="min"):
        if row["ipaddress"] == ADDRESS:
            lab.api.call("deleteHost", id=row["id"], forced="true")
    lab.ctl("down", NEW)


def kill_and_run_again(joining: Joining, ready: Callable[[], bool]) -> Run:
    controller = joining.start()
    try:
        until(ready, "the moment of the kill", 400)
    finally:
        os.killpg(controller.pid, signal.SIGKILL)
        controller.communicate()
    return joining.play()


def test_controller_that_is_killed_in_the_middle_of_the_set_up(joining):
    joining.again(keytool=4, pause=3)
    run = kill_and_run_again(joining, joining.set_up_runs)
    assert run.code == 0, run.output[-5000:]
    assert f"{NEW}: a join is in progress: " in " ".join(run.output.split())
    assert joining.begun() == 1, "addHost was sent again"
    joining.is_whole()


def test_two_controllers_at_once(joining):
    joining.again(keytool=2, pause=3)
    controllers = [joining.start() for _ in range(2)]
    outputs = [controller.communicate(timeout=400)[0] for controller in controllers]
    assert [controller.returncode for controller in controllers] == [0, 0], outputs
    assert joining.begun() == 1, "both have sent addHost"
    joining.is_whole()


def repair(joining: Joining) -> None:
    """What an operator does: the same playbooks again."""
    assert joining.lab.ssh(NEW, PAIR).strip() == "differ"
    for playbook in ("prepare_hosts.yml", "add_hosts.yml"):
        run = joining.play(playbook)
        assert run.code == 0, run.output[-5000:]
    joining.is_whole()
    joining.is_left_alone()
    assert joining.play("prepare_hosts.yml").changed == {}


def test_a_certificate_of_another_key_is_repaired(joining):
    joining.again(keytool=0, pause=3)
    joining.lab.ssh(NEW, MIXED)
    repair(joining)


@pytest.mark.full
def test_two_joins_that_ran_through_each_other_are_repaired(joining):
    """As on a real host: the second one makes a new key while the first one's certificate is imported.

    The first imports its certificate 2 calls of keytool after its begin; a set-up that begins in the call before that
    asks for a certificate of its own key, and then finds the first one's in the keystore."""
    seconds = 15
    joining.again(keytool=seconds, pause=3)
    joining.add_host_and_go()
    until(lambda: joining.begun() == 1, "the first set-up")
    started = time.monotonic()
    until(lambda: time.monotonic() - started > 1.5 * seconds - 2, "half of its second call of keytool")
    joining.add_host_and_go()
    until(lambda: joining.begun() == 2 and not joining.set_up_runs(), "the end of both", 400)
    assert joining.lab.ssh(NEW, "systemctl is-active libvirtd || true").strip() != "active"
    joining.lab.heal()
    repair(joining)


@pytest.mark.full
@pytest.mark.parametrize("seconds", [5, 20, 45, 110, 300])
def test_controller_that_is_killed_after(joining, seconds):
    """In real seconds, with a set-up that takes as long as on an emulated host: five calls of keytool and the pause,
    about 270 s."""
    joining.again(keytool=30, pause=100)
    started = time.monotonic()
    run = kill_and_run_again(joining, lambda: time.monotonic() - started >= seconds)
    assert run.code == 0, run.output[-5000:]
    assert joining.begun() == 1, "addHost was sent again"
    joining.is_whole()
    joining.is_left_alone()
