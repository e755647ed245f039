# SPDX-License-Identifier: GPL-3.0-or-later
"""One BMC per host: OpenIPMI's ipmi_sim speaking IPMI 2.0 over LAN on its own address of the management wire. Power off
really stops the host's container, power on really boots it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from . import namespaces, wires
from .state import ROOT, State
from .topology import LabError, Node, Topology, guid

USER = "ADMIN"
EMULATION = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


def lan_configuration(node: Node, password: str, chassis: str, lan: str) -> str:
    """ipmi_sim's configuration: one LAN channel, one administrator, the programs behind power and LAN settings."""
    levels = "\n".join(
        f"    allowed_auths_{level} none md2 md5 straight" for level in ("callback", "user", "operator", "admin")
    )
    return f"""name "{node.name}"
set_working_mc 0x20
  startlan 1
    addr {node.bmc} 623
    priv_limit admin
{levels}
    guid {guid(node.name)}
    lan_config_program "{lan}"
  endlan
  chassis_control "{chassis}"
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "{USER}" "{password}" admin 10 none md2 md5 straight
"""


def start(topology: Topology, state: State, node: Node, password: str | None = None) -> None:
    """Start the BMC, or start it again with another password."""
    if not node.bmc:
        return
    stop(state, node)
    wire = topology.wire(node.nics[0].wire)
    wires.lab_ip("address", "replace", f"{node.bmc}/{wire.prefix_length}", "dev", wire.bridge)
    folder = state.path("bmc", node.name, "lan.conf").parent
    arguments = f"{ROOT} {state.folder} {node.name}"
    program = ROOT / "lab" / "control"
    secret = password or state.secret(f"bmc_{node.name}")
    state.write(
        folder / "lan.conf",
        lan_configuration(
            node, secret, f"{program}/bmc_chassis {arguments}", f"{program}/bmc_lan {arguments} {node.bmc}"
        ),
    )
    state.write(folder / "sim.emu", EMULATION)
    log = (folder / "ipmi_sim.log").open("a")
    process = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{namespaces.NETNS}", "ipmi_sim", "-n", "-c", "lan.conf", "-f", "sim.emu", "-s", str(folder / "state")],  # noqa: E501
        cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    (folder / "pid").write_text(str(process.pid))
    _wait(node, process, folder / "ipmi_sim.log")


def _wait(node: Node, process: subprocess.Popen, log: Path) -> None:
    """Until its UDP port is bound."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LabError(f"the BMC of {node.name} did not start: {log.read_text()[-400:]}")
        bound = subprocess.run(
            ["nsenter", f"--net=/run/netns/{namespaces.NETNS}", "ss", "-Huln", "src", f"{node.bmc}:623"],
            capture_output=True,
            text=True,
            check=True,
        )
        if bound.stdout.strip():
            return
        time.sleep(0.1)
    raise LabError(f"the BMC of {node.name} does not listen on {node.bmc}:623: {log.read_text()[-400:]}")


def running(state: State, node: Node) -> bool:
    """Whether its process lives."""
    pid = _pid(state, node)
    return (
        pid is not None
        and Path(f"/proc/{pid}/comm").exists()
        and Path(f"/proc/{pid}/comm").read_text().strip() == "ipmi_sim"
    )


def stop(state: State, node: Node) -> None:
    """Stop the BMC; the host keeps its power state."""
    if running(state, node):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(_pid(state, node) or 0), signal.SIGTERM)
        deadline = time.monotonic() + 5
        while running(state, node) and time.monotonic() < deadline:
            time.sleep(0.05)


def _pid(state: State, node: Node) -> int | None:
    path = state.path("bmc", node.name, "pid")
    return int(path.read_text()) if path.exists() and path.read_text().isdigit() else None
