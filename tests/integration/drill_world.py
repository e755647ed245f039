# SPDX-License-Identifier: GPL-3.0-or-later
"""A CloudStack with three KVM hosts whose power and agents are files, which programs of a folder on PATH change: what
stands there for ipmitool, systemctl, nft and the like is all that a drill gets to touch of this machine.

The cloud's clock runs SPEED times as fast as the controller's, and its rounds with it."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.canary import (
    JOURNAL_OFFSET,
    Record,
    empty_journal,
    record_slot,
    slot_of,
)
from werkzeug.serving import make_server

from lab.simulator import background, hosts, ipmi
from lab.simulator.clock import Clock
from lab.simulator.cloud import Cloud
from lab.simulator.faults import Faults
from lab.simulator.server import create_app
from tests.unit.lab.simulator.clouds import HEARTBEAT_AGE, Machines, Site
from tests.unit.lab.simulator.conftest import Caller

SPEED = 20.0
ROUND = 0.2  # seconds of the controller
BOOT = 40.0  # seconds of the cloud until the agent of a host that was powered on is connected
SETTINGS = {
    "kvm.ha.activity.check.interval": "2",
    "kvm.ha.activity.check.max.attempts": "2",
    "kvm.ha.activity.check.failure.ratio": "0.4",
    "kvm.ha.degraded.max.period": "4",
    "kvm.ha.recover.wait.period": "8",
    "time.to.sleep": "2",
    "investigate.retry.interval": "2",
    "vm.ha.migration.max.retries": "200",
}
PASSWORD = "planted bmc password"
SLOTS = 64
PROGRAMS = {
    "ipmitool": r"""
import sys
words = sys.argv[1:]
secret = open(words[words.index("-f") + 1]).read()
address, action = words[words.index("-H") + 1], words[-1]
power = FOLDER / f"{address.rpartition('.')[2]}.power"
log(f"ipmitool {action} {'right' if secret == PASSWORD else 'wrong'} password")
assert PASSWORD not in words
if action == "status":
    print(f"Chassis Power is {power.read_text()}")
else:
    power.write_text(action)
    print(f"Chassis Power Control: {action}")
""",
    "systemctl": r"""
import sys
words = sys.argv[1:]
agent, mask = FOLDER / "agent", FOLDER / "mask"
if words[0] == "show":
    print(f"LoadState={'masked' if mask.exists() else 'loaded'}\nActiveState={agent.read_text()}")
elif words[0] == "is-active":
    sys.exit(0 if (FOLDER / "heal").exists() else 3)
else:
    log("systemctl " + " ".join(words))
    if words[0] == "mask":
        mask.touch()
    elif words[0] == "unmask":
        mask.unlink()
    elif words[0] == "kill":
        agent.write_text("inactive")
    elif words[0] == "start":
        agent.write_text("active")
    elif words[0] == "stop":
        (FOLDER / "heal").unlink()
""",
    "systemd-run": r"""
import sys
log("systemd-run " + " ".join(sys.argv[1:]))
(FOLDER / "heal").touch()
""",
    "systemd-detect-virt": "print('none')",
    "nft": "import sys; sys.exit(1)",
    "sysctl": "import sys; sys.exit(1)",
    "qemu-img": r"""
import shutil, sys
[target] = [word[3:] for word in sys.argv if word.startswith("of=")]
shutil.copyfile(FOLDER / "journal", target)
""",
}
HEAD = r"""#!{python}
from pathlib import Path
FOLDER, PASSWORD = Path({folder!r}), {password!r}
def log(text):
    with open(FOLDER / "log", "a") as file:
        file.write(text + "\n")
"""


class FastClock(Clock):
    """Begins with the real time."""

    def __init__(self) -> None:
        self._begin = super().now()

    def now(self) -> float:
        return self._begin + (super().now() - self._begin) * SPEED

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / SPEED)


class FastCaller(Caller):
    """Calls of a cloud whose clock is fast."""

    def __init__(self) -> None:
        self.clock, self.faults = FastClock(), Faults()
        self.cloud = Cloud(self.clock, "key", "secret")
        self.http = create_app(self.cloud, self.faults).test_client()


class FileMachines(Machines):
    """Machines that are as the files say. `dead` was powered off, and comes Up again BOOT seconds after it is on."""

    folder: Path

    def look(self) -> None:
        """Before each round."""
        for number, machine in self.all.items():
            row, now = self.api.cloud.table("host").find(number), self.api.clock.now()
            power = self.power(machine.address).read_text()
            if power == "off" and machine.powered:
                machine.powered, machine.hung, machine.heartbeat, machine.running = False, now, now - HEARTBEAT_AGE, []
            if power == "on" and not machine.powered:
                machine.powered, machine.hung = True, now
            if machine.powered and machine.hung is not None and now - machine.hung > BOOT:
                machine.hung = None
                with self.api.cloud.lock:
                    hosts.set_state(self.api.cloud, row, "Up")

    def power(self, address: str) -> Path:
        """The file of a host, or of its BMC: the last numbers of both addresses are the same."""
        return self.folder / f"{address.rpartition('.')[2]}.power"

    def drop(self, row: Any) -> None:
        """Cut an agent's connection: there is none here."""

    def ask(self, row: Any, command: str, timeout: float, **fields: Any) -> Any:
        machine = self.all[row.number]
        is_dead = machine.hung is not None or self.power(machine.address).read_text() == "off"
        if is_dead or (row["name"] == "h1" and (self.folder / "agent").read_text() != "active"):
            raise TimeoutError(command)
        return getattr(self, f"_{command}", self._well)(machine, fields)

    def ipmitool(self, oobm: Any, words: list[str], **_: Any) -> ipmi.Result:
        power, action = self.power(oobm["address"]), words[-1]
        if action == "status":
            return ipmi.Result(True, f"Chassis Power is {power.read_text()}", "")
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            log.write(f"CloudStack {action}\n")
        if action == "reset" and power.read_text() == "off":
            return ipmi.Result(False, "", "Set Chassis Power Control failed: Command not supported in present state")
        power.write_text("off" if action == "off" else "on")
        return ipmi.Result(True, f"Chassis Power Control: {action}", "")


class World:
    """The cloud, its hosts h1 to h3 (192.0.2.11 and on), and the programs."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.api = folder, FastCaller()
        (folder / "bin").mkdir()
        head = HEAD.format(python=python, folder=str(folder), password=PASSWORD)
        for name, text in PROGRAMS.items():
            (folder / "bin" / name).write_text(head + text)
            (folder / "bin" / name).chmod(0o755)
        (folder / "agent").write_text("active")
        (folder / "log").touch()
        for number in (11, 12, 13):
            (folder / f"{number}.power").write_text("on")
        self.write_journal([("a" * 16, 1), ("b" * 16, 5)])

    def furnish(self) -> None:
        """The cloud: host HA is Available on three hosts, each but the first has a guest."""
        self.site = Site(self.api)
        self.site.machines.__class__ = FileMachines
        self.site.machines.folder = self.folder
        for name, value in SETTINGS.items():
            self.api.cloud.settings.set(name, value)
        for name in ("h1", "h2", "h3"):
            self.site.add_host(name)
        self.site.add_pool()
        self.site.template()
        self.site.watch()
        self.site.deploy("vm2", "h2")

    def write_journal(self, begun: list[tuple[str, int]], turns: int = 1) -> None:
        """Of boots that wrote five records each from a position on; with more `turns` they take them in turn."""
        records = [Record(at + index, boot, index + 1, 100 + at) for boot, at in begun for index in range(4)]
        if turns > 1:
            records = [
                Record(2 * index + which + 1, boot, index + 1, 100)
                for which, (boot, _at) in enumerate(begun)
                for index in range(4)
            ]
        slots = bytearray(empty_journal(SLOTS))
        size = len(slots) // SLOTS
        for record in records:
            begin = slot_of(record.position, SLOTS) * size
            slots[begin : begin + size] = record_slot(record)
        assert JOURNAL_OFFSET > 0
        (self.folder / "journal").write_bytes(bytes(slots))

    @property
    def log(self) -> list[str]:
        """What the programs and CloudStack's ipmitool were told, in order."""
        return (self.folder / "log").read_text().splitlines()

    def env(self, port: int) -> dict[str, str]:
        """Of ansible-playbook."""
        return {
            "CLOUDSTACK_ENDPOINT": f"http://127.0.0.1:{port}/client/api",
            "CLOUDSTACK_KEY": "key",
            "CLOUDSTACK_SECRET": "secret",
            "CLOUDSTACK_POLL_INTERVAL": "0.2",
            "CLOUDSTACK_EXPIRATION": "-1",  # its clock is far ahead soon
            "PATH": f"{self.folder / 'bin'}:{Path(os.sys.executable).parent}:{os.environ['PATH']}",
        }


@contextmanager
def running(world: World, monkeypatch: Any):
    """Serve it, and let its rounds go on; yields the port."""
    world.furnish()
    machines = world.site.machines
    monkeypatch.setattr(ipmi, "run", machines.ipmitool)
    http = make_server("127.0.0.1", 0, create_app(world.api.cloud), threaded=True)
    over = threading.Event()

    def rounds() -> None:
        while not over.wait(ROUND):
            machines.look()
            background.run_once(world.api.cloud)

    threads = [
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
        threading.Thread(target=rounds, daemon=True),
    ]
    for thread in threads:
        thread.start()
    yield http.server_port
    over.set()
    http.shutdown()
    for thread in threads:
        thread.join(10)
    http.server_close()
