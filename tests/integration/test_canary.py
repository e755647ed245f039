# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary boots and writes; two of them on one disk are seen; in the lab it dies with its host and comes back on the
next one. Emulated guests on a machine without KVM: each boot takes half a minute on two idle cores."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.canary import journal

from lab.control import canary
from tests.integration.playbooks import play

pytestmark = pytest.mark.full
BOOT = 600  # seconds; emulated, on a busy machine
AGENT = "http://10.88.0.254:8081/cloudstack/cloudstack-agent_4.22.1.0_all.deb"
# The agent's own code, from its package, without the agent: the hosts stay as bare as they are.
UNPACK = f"""rm -rf /opt/agent && mkdir -p /opt/agent && cd /opt/agent
python3 -c 'import urllib.request as u; u.urlretrieve("{AGENT}", "agent.deb")' && dpkg -x agent.deb ."""
ASK = """import json, sys
sys.path.insert(0, "/opt/agent/usr/share/cloudstack-agent/lib")
from cloudstack_agent import guests, log, storage
log.write = lambda *words: None
pool = storage.connect({"uuid": "pool", "host": "10.88.0.254", "path": "/export/primary"})
message = json.loads(sys.argv[1])
print(json.dumps(guests.names() if message["command"] == "names" else guests.answer({"pool": pool}, message)))
"""
GUEST = {"name": "i-2-6-VM", "uuid": "4f6d2a39-3a49-4c5c-a9a5-0d9d5a3f4b21", "vcpus": 1, "memory_mib": 512}


def until(look: Callable[[], Any], test: Callable[[Any], Any]) -> Any:
    """What `look` sees when `test` holds for it."""
    deadline = time.monotonic() + BOOT
    while not test(seen := look()):
        assert time.monotonic() < deadline, seen
    return seen


@contextmanager
def guest(disk: Path, *more: str) -> Iterator[None]:
    """A canary that runs on a disk. It is killed as a host is that loses its power."""
    command = [
        "qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine", "pc,accel=tcg", "-smp", "1", "-m", "128",
        "-drive", ",".join([f"file={disk}", "format=qcow2", "if=virtio", "cache=none", *more]),
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A volume as CloudStack makes it: qcow2 on top of the template."""
    path = tmp_path / "volume"
    base = ["-b", str(canary.image()), "-F", "qcow2"]
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *base, str(path), "256M"], check=True)
    return path


def read(disk: Path) -> dict[str, Any]:
    return journal({"pool": str(disk.parent), "address": "", "volume": disk.name, "format": "qcow2"})


def test_boots_in_turn_and_a_staged_double_writer(disk: Path) -> None:
    with guest(disk):
        until(lambda: read(disk), lambda seen: seen["boots"] and seen["boots"][0]["records"] > 2)
    with guest(disk):
        turn = until(lambda: read(disk), lambda seen: len(seen["boots"]) == 2)
        assert turn["overlaps"] == []
        with guest(disk, "file.locking=off"):
            both = until(lambda: read(disk), lambda seen: seen["overlaps"])
    first, second, third = both["boots"]
    assert [(each["earlier"], each["later"]) for each in both["overlaps"]] == [(second["id"], third["id"])]
    assert first["last"]["position"] < second["first"]["position"]


def ask(lab, node: str, command: str, **fields: Any) -> Any:
    message = json.dumps({"command": command, "pool": "pool", "volume": "canary-test", **fields})
    return json.loads(lab.ssh(node, f"python3 -c {shlex.quote(ASK)} {shlex.quote(message)}"))


def journal_from(lab, host: str, tmp_path: Path) -> dict[str, Any]:
    """By the module, on a host."""
    playbook = tmp_path / "read.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": host,
                    "gather_facts": False,
                    "tasks": [
                        {
                            "cloudstack.kvm.canary_journal": {
                                "pool": "/mnt/pool",
                                "address": "nfs://10.88.0.254/export/primary",
                                "volume": "canary-test",
                            },
                            "register": "journal",
                        },
                        {
                            "ansible.builtin.copy": {
                                "content": "{{ journal | to_json }}",
                                "dest": str(tmp_path / "journal.json"),
                                "mode": "600",
                            },
                            "delegate_to": "localhost",
                        },
                    ],
                }
            ]
        )
    )
    run = play(str(playbook), lab.inventory, env={**lab.env, "LAB_STATE": str(lab.state)})
    if run.code:
        raise KvmError(run.output)
    return json.loads((tmp_path / "journal.json").read_text())


def test_a_guest_dies_with_its_host_and_comes_back_on_a_neighbour(lab, tmp_path: Path) -> None:
    """As the simulator would ask for it: copied, started, its host powered off by its BMC, started on the next host."""
    lab.ctl("canary")
    for host in ("host1", "host2"):
        lab.ssh(host, UNPACK)
    assert ask(lab, "host1", "CopyCommand", template=canary.URL, size=2**27) == {"result": True}
    assert ask(lab, "host1", "StartCommand", **GUEST) == {"result": True}
    assert ask(lab, "host1", "names") == ["i-2-6-VM"]
    before = until(lambda: journal_from(lab, "host2", tmp_path), lambda seen: seen["boots"])
    signs = {"host": "10.88.0.11", "volumes": ["canary-test"]}
    alive = {**signs, "suspect_since": before["boots"][0]["first"]["time"] - 60}
    assert ask(lab, "host2", "CheckVMActivityOnStoragePoolCommand", **alive) == {"result": True}

    password = lab.secret("bmc_host1")
    ipmitool = ["ipmitool", "-I", "lanplus", "-C", "3", "-H", "10.88.0.211", "-U", "ADMIN", "-E", "chassis", "power"]
    subprocess.run([*ipmitool, "off"], env={"IPMI_PASSWORD": password, "PATH": "/usr/bin:/bin"}, check=True)
    until(lambda: lab.ctl("power", "host1", "status").strip(), lambda power: power == "off")
    dead = journal_from(lab, "host2", tmp_path)
    lifeless = {**signs, "suspect_since": time.time()}
    assert ask(lab, "host2", "CheckVMActivityOnStoragePoolCommand", **lifeless)["result"] is False

    assert ask(lab, "host2", "StartCommand", **GUEST) == {"result": True}
    after = until(lambda: journal_from(lab, "host2", tmp_path), lambda seen: len(seen["boots"]) > 1)
    assert after["boots"][0] == dead["boots"][0] and after["overlaps"] == []
    assert ask(lab, "host2", "StopCommand", name="i-2-6-VM", force=True) == {"result": True}
    assert ask(lab, "host2", "DeleteCommand") == {"result": True}
    lab.up()
    assert ask(lab, "host1", "names") == []
