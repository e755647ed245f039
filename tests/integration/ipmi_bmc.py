# SPDX-License-Identifier: GPL-3.0-or-later
"""A BMC on this machine's loopback: OpenIPMI's ipmi_sim with one account, LAN settings that it keeps, and a machine
that is always on."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.control.bmc import EMULATION

OWNER, OWNER_PASSWORD = "OWNER", "owner-secret1"
GUID = "44454c4c-0000-1000-8000-000000000003"
CONFIGURATION = """name "host"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid {guid}
    lan_config_program "{folder}/lan"
  endlan
  chassis_control "{folder}/chassis"
{serial}
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "{owner}" "{password}" admin 10 none md2 md5 straight
"""
LAN = """#!/bin/bash
operation=$1
shift
declare -A default=([ip_addr]=198.51.100.9 [ip_addr_src]=dhcp [mac_addr]=02:00:00:00:99:01 [subnet_mask]=255.255.255.0
  [default_gw_mac_addr]=00:00:00:00:00:00 [backup_gw_mac_addr]=00:00:00:00:00:00)
while [ $# -gt 0 ]; do
  name=$1
  shift
  case $operation in
    get) echo "$name:$(cat "{folder}/set.$name" 2>/dev/null || echo "${{default[$name]:-0.0.0.0}}")" ;;
    set) echo "$1" > "{folder}/set.$name"; shift ;;
  esac
done
"""
CHASSIS = """#!/bin/bash
[ "$1" = get ] && echo power:1
exit 0
"""


@dataclass(frozen=True)
class RunningBmc:
    """Its port over LAN, and that of the machine's side (QEMU's ipmi-bmc-extern)."""

    port: int
    serial_port: int

    @property
    def command(self) -> list[str]:
        """ipmitool over LAN, but for account and password. -C 3: ipmi_sim has no newer suite."""
        return ["/usr/bin/ipmitool", "-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", str(self.port), "-E"]

    def ask(self, user: str, password: str, *words: str) -> subprocess.CompletedProcess[str]:
        """What it answers over LAN."""
        env = {**os.environ, "IPMI_PASSWORD": password}
        return subprocess.run([*self.command, "-U", user, *words], env=env, capture_output=True, text=True, check=False)


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@contextlib.contextmanager
def running_bmc(folder: Path) -> Iterator[RunningBmc]:
    """Until the block ends."""
    bmc = RunningBmc(free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM))
    values = {
        "port": bmc.port,
        "folder": folder,
        "guid": GUID.replace("-", ""),
        "owner": OWNER,
        "password": OWNER_PASSWORD,
        "serial": f"  serial 15 127.0.0.1 {bmc.serial_port} codec VM",
    }
    (folder / "lan.conf").write_text(CONFIGURATION.format(**values))
    (folder / "sim.emu").write_text(EMULATION)
    program(folder / "lan", LAN.format(folder=folder))
    program(folder / "chassis", CHASSIS)
    with (folder / "log").open("w") as log:
        simulator = subprocess.Popen(
            ["ipmi_sim", "-n", "-c", "lan.conf", "-f", "sim.emu", "-s", str(folder / "state")],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while bmc.ask(OWNER, OWNER_PASSWORD, "mc", "info").returncode:
            assert time.monotonic() < deadline, f"the BMC does not start: {(folder / 'log').read_text()}"
        yield bmc
    finally:
        simulator.kill()
        simulator.wait()


def free_port(kind: int) -> int:
    """A number that nothing listens on; `kind` is SOCK_DGRAM or SOCK_STREAM."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
