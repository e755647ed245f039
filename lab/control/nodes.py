# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, boot, stop and remove a node. The lab's hosts and molecule's platforms are made here, and nowhere else."""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import images, podman, wires
from .state import RUN, State
from .topology import LabError, Node, Topology

APT_SOURCES = f"deb [trusted=yes] http://{images.APT_SOURCE} ./\n"


def running(node: Node) -> bool:
    """Whether the node has power."""
    return podman.state(node.container) == "running"


def create(topology: Topology, state: State, node: Node) -> None:
    """Make the node, switched off, where it is missing. It gets its name last, so that one whose making was cut off is
    made anew."""
    if podman.state(node.container) != "missing":
        return
    unfinished = f"{node.container}.new"
    podman.podman("rm", "-f", "-i", "-v", "-t", "0", unfinished)
    management = node.kind == "management"
    image = image_for(node)
    if not podman.image_exists(image):
        raise LabError("the images are not built: run lab/labctl build")
    wires.plug(topology, node)  # podman wants to see the namespace; each start makes it anew
    podman.podman(
        "create", "--name", unfinished, "--hostname", node.name, "--pull", "never", "--no-hosts", "--dns", "none",
        "--network", f"ns:/run/netns/{node.netns}",
        "--pidfile", str(_pidfile(node)), *podman.BOOT_OPTIONS, *podman.DEVICES, "-v", f"{_cpuinfo()}:/proc/cpuinfo:ro",
        *(_management_mounts() if management else []), image,
    )  # fmt: skip
    put_all(unfinished, installer_files(topology, state, node))
    podman.podman("rename", unfinished, node.container)


def image_for(node: Node) -> str:
    """The image that the node is made from today."""
    return images.management_image() if node.kind == "management" else images.host_image()


def start(topology: Topology, node: Node, plugged: Callable[[], None] = lambda: None) -> None:
    """Switch the node on; its network cards are new, its disk is as it was. `plugged` is called before anything
    runs."""
    if running(node):
        return
    _cpuinfo()
    wires.plug(topology, node)
    plugged()
    podman.podman("start", node.container)


def wait(node: Node, timeout: float = 300) -> None:
    """Wait until it has booted and sshd answers."""
    podman.wait_for_systemd(node.container, timeout)
    deadline = time.monotonic() + timeout
    while (
        podman.podman("exec", node.container, "systemctl", "is-active", "--quiet", "ssh", check=False).returncode != 0
    ):
        if time.monotonic() > deadline:
            raise LabError(f"{node.name}: sshd did not start: lab/labctl console {node.name}")
        time.sleep(0.2)


def stop(node: Node, grace: int = 0) -> None:
    """Cut the power, or with `grace` seconds ask the node to shut down first."""
    if running(node):
        podman.podman("stop", "-t", str(grace), node.container)


def remove(node: Node) -> None:
    """Remove the node and its cards."""
    podman.podman("rm", "-f", "-i", "-v", "-t", "0", node.container)
    wires.unplug(node)


def execute(node: Node, *command: str, check: bool = True, stdin: str | None = None):
    """Run a command on the node, past its network."""
    return podman.podman(
        "exec", *(["-i"] if stdin is not None else []), node.container, *command, check=check, stdin=stdin
    )


def put(node: Node, path: str, text: str, mode: str = "644") -> None:
    """Write a file of the node, which may be off."""
    put_all(node.container, [(path, text, mode)])


def put_all(container: str, files: list[tuple[str, str, str]]) -> None:
    """Write files of a container, owned by root: (path, text, mode)."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, text, mode in files:
            entry = tarfile.TarInfo(path.lstrip("/"))
            data = text.encode()
            entry.size, entry.mode, entry.mtime = len(data), int(mode, 8), int(time.time())
            tar.addfile(entry, io.BytesIO(data))
    with tempfile.TemporaryFile() as stream:
        stream.write(archive.getvalue())
        stream.seek(0)
        podman.copy_in(container, stream)


def _pidfile(node: Node) -> Path:
    """Holds the number of the node's first process while it has power; the BMC reads it."""
    return RUN / f"{node.name}.pid"


def _cpuinfo() -> Path:
    """/proc/cpuinfo as a KVM host shows it. This machine may offer KVM without the CPU flag that kvm-ok looks for."""
    path = RUN / "cpuinfo"
    text = Path("/proc/cpuinfo").read_text()
    flag = "vmx" if "GenuineIntel" in text else "svm"
    if not re.search(rf"^flags.*\b{flag}\b", text, re.MULTILINE):
        text = re.sub(r"^(flags\s*:.*)$", rf"\1 {flag}", text, flags=re.MULTILINE)
    path.write_text(text)
    return path


def _management_mounts() -> list[str]:
    repositories = [(images.pool(), "debian"), (images.cloudstack_repository(), "cloudstack")]
    for folder, _ in repositories:
        folder.mkdir(parents=True, exist_ok=True)
    mounts = [option for folder, name in repositories for option in ("-v", f"{folder}:/srv/packages/{name}:ro")]
    return [*mounts, "-v", "/export"]  # a volume: the NFS server cannot export from the container's own overlay


def installer_files(topology: Topology, state: State, node: Node) -> list[tuple[str, str, str]]:
    """What an installer would have left on a bare machine: address, keys, package sources."""
    host_key = state.key(f"hostkeys/{node.name}")
    public = state.key("id_ed25519").with_suffix(".pub").read_text()
    full_name = f"{node.name}.{topology.domain} " if node.kind == "management" else ""  # a host was told no domain
    return [
        ("/etc/network/interfaces", interfaces(node), "644"),
        ("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {full_name}{node.name}\n", "644"),
        ("/etc/hostname", f"{node.name}\n", "644"),
        ("/etc/resolv.conf", f"nameserver {node.resolver}\n" if node.resolver else "", "644"),
        ("/etc/apt/sources.list", APT_SOURCES if node.kind == "host" else "", "644"),
        ("/etc/ssh/ssh_host_ed25519_key", host_key.read_text(), "600"),
        ("/etc/ssh/ssh_host_ed25519_key.pub", host_key.with_suffix(".pub").read_text(), "644"),
        ("/root/.ssh/authorized_keys", public, "600"),
    ]


def interfaces(node: Node) -> str:
    """/etc/network/interfaces of a bare machine: the cards that have addresses."""
    lines = ["source /etc/network/interfaces.d/*", "", "auto lo", "iface lo inet loopback"]
    for nic in node.nics:
        if not nic.addresses:
            continue
        lines += ["", f"auto {nic.name}", f"iface {nic.name} inet static", f"    address {nic.addresses[0]}"]
        lines += [f"    up ip address add {address} dev {nic.name}" for address in nic.addresses[1:]]
    return "\n".join(lines) + "\n"


def known_hosts(topology: Topology, state: State, nodes: list[Node]) -> None:
    """The file of SSH host keys that the inventory points to."""
    lines = [
        f"{node.address},{node.name} {state.key(f'hostkeys/{node.name}').with_suffix('.pub').read_text().strip()}"
        for node in nodes
    ]
    state.write(state.path("ssh", "known_hosts"), "\n".join(lines) + "\n")


def ssh_command(state: State, node: Node) -> list[str]:
    """How to log in from this machine, as Ansible does."""
    folder = state.path("ssh", "id_ed25519").parent
    return [
        "ssh", "-i", str(folder / "id_ed25519"), "-o", f"UserKnownHostsFile={folder / 'known_hosts'}", "-o",
        "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", f"root@{node.address}",
    ]  # fmt: skip
