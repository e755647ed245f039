# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, boot, stop and remove a guest. It sits in the same network namespace, on the same cables and behind the same
BMC as the container host of its name would; a marker file tells the BMC which of the two it switches."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from lab.control import faults, nodes, wires
from lab.control.shell import run
from lab.control.state import RUN, State
from lab.control.topology import LabError, Node, Topology

from . import dhcp, image, machine, qmp, variants


def folder(state: State, node: Node) -> Path:
    """Disk, seed, console and control socket of a guest."""
    return state.path("vm", node.name, "disk.qcow2").parent


def marker(node: Node) -> Path:
    """Exists while a guest stands for the host of that name; bmc_chassis looks for it."""
    return RUN / f"{node.name}.guest"


def _pid_file(node: Node) -> Path:
    return RUN / f"{node.name}.pid"


def pid(node: Node) -> int | None:
    """QEMU's process, None while the guest has no power."""
    with contextlib.suppress(OSError, ValueError):
        number = int(_pid_file(node).read_text())
        if Path(f"/proc/{number}/comm").read_text().startswith("qemu-system"):
            return number
    return None


def variant(state: State, node: Node) -> str:
    """How the guest was installed."""
    kept = folder(state, node) / "variant"
    return kept.read_text() if kept.exists() else "static"


def create(topology: Topology, state: State, node: Node, installed: str = "static") -> None:
    """A bare machine, switched off: an empty layer over the common disk, and what an installer would have left. A guest
    that is there stays as it is. Raises LabError where it was installed in another way."""
    marker(node).write_text(str(state.folder))
    disk = folder(state, node) / "disk.qcow2"
    if disk.exists():
        if variant(state, node) != installed:
            raise LabError(
                f"{node.name} was installed as {variant(state, node)}: lab/vm/vmctl down, then up --variant {installed}"
            )
        return
    left = variants.files(installed, node, nodes.installer_files(topology, state, node))
    (folder(state, node) / "variant").write_text(installed)
    (folder(state, node) / "seed.tar").write_bytes(machine.seed(left))
    base = image.folder() / "root.raw"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(disk)])


def _cable(node: Node, wire_mtu: int, nic: str) -> None:
    """Join the cable's end in the node's namespace with a tap for QEMU. The end gives its address away to the guest's
    card."""
    ip = ["ip", "-n", node.netns]
    run(
        [
            *ip,
            "link",
            "add",
            machine.bridge(nic),
            "mtu",
            str(wire_mtu),
            "type",
            "bridge",
            "stp_state",
            "0",
            "forward_delay",
            "0",
        ]
    )
    run([*ip, "tuntap", "add", "dev", machine.tap(nic), "mode", "tap"])
    run([*ip, "link", "set", nic, "address", "fe:00:00:00:00:01"])
    for port in (nic, machine.tap(nic)):
        run([*ip, "link", "set", port, "mtu", str(wire_mtu), "master", machine.bridge(nic), "up"])
    run([*ip, "link", "set", machine.bridge(nic), "mtu", str(wire_mtu), "up"])


def start(topology: Topology, state: State, node: Node) -> None:
    """Switch the guest on. Faults staged in its cables are there from the first packet on."""
    if pid(node):
        return
    wires.plug(topology, node)
    # The namespace is no router and no member of the wire: without this it would speak IPv6 on it.
    run(
        [
            "nsenter",
            f"--net=/run/netns/{node.netns}",
            "sh",
            "-c",
            "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6",
        ]
    )
    for nic in node.nics:
        _cable(node, topology.wire(nic.wire).mtu, nic.name)
    faults.reapply(faults.Lab(topology, state), node)
    if variant(state, node) == "dhcp":
        dhcp.start(topology, node)
    files = machine.Files(image.programs() / "qemu", image.folder(), folder(state, node), _pid_file(node))
    tsc_khz = machine.clock_rate(Path("/proc/cpuinfo").read_text())
    run(["nsenter", f"--net=/run/netns/{node.netns}", *machine.command(node, files, tsc_khz)], timeout=60)


def cut_power(node: Node) -> None:
    """The guest is gone at once, with what it had not written."""
    number = pid(node)
    if number is None:
        return
    os.kill(number, signal.SIGKILL)
    _until_off(node, 10)
    _pid_file(node).unlink(missing_ok=True)


def press_button(state: State, node: Node, grace: float = 120) -> None:
    """Ask the guest to shut down; after `grace` seconds its power is cut."""
    if pid(node) is None:
        return
    qmp.execute(folder(state, node) / "qmp", "system_powerdown")
    _until_off(node, grace)
    cut_power(node)


def _until_off(node: Node, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while pid(node) is not None and time.monotonic() < deadline:
        time.sleep(0.2)


def wait(state: State, node: Node, timeout: float = 900) -> float:
    """Wait until a login works; the seconds that took. Raises LabError with the console's end where it does not."""
    started = time.monotonic()
    user = variants.login(variant(state, node))
    while time.monotonic() - started < timeout:
        login = [
            *nodes.ssh_command(state, node)[:-1],
            "-o",
            "ConnectTimeout=5",
            "-o",
            "BatchMode=yes",
            f"{user}@{node.address}",
            "true",
        ]
        with contextlib.suppress(LabError):  # no end of a login within a minute: the guest is still busy with its boot
            if run(login, check=False, timeout=60).returncode == 0:
                return time.monotonic() - started
        if pid(node) is None:
            break
        time.sleep(1)
    console = folder(state, node) / "console.log"
    said = "\n".join(console.read_text(errors="replace").splitlines()[-12:]) if console.exists() else "nothing"
    raise LabError(
        f"{node.name}: expected a login at {node.address} within {timeout:.0f} s, there is none; its console "
        f"({console}) says:\n{said}"
    )


def remove(state: State, node: Node) -> None:
    """Remove the guest: process, cables, disk."""
    cut_power(node)
    dhcp.stop(node)
    wires.unplug(node)
    marker(node).unlink(missing_ok=True)
    shutil.rmtree(state.folder / "vm" / node.name, ignore_errors=True)
