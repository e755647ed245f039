# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the whole lab up, tell where it stands, take it down."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import bmc, faults, hosts, images, management, namespaces, nodes, podman, wires
from .locks import only_one
from .shell import run, say
from .state import CACHE, ROOT, RUN, State
from .topology import PREFIX, LabError, Node, Topology

PACKAGES = [
    "podman", "runc", "mmdebstrap", "apt-utils", "dpkg-dev", "iproute2", "nftables", "openipmi", "ipmitool",
    "openssh-client", "util-linux",
]  # fmt: skip
OWNER = RUN / "owner"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def require_root() -> None:
    """Raise LabError for another user."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (network and mount namespaces): run it as root or with sudo")


def setup() -> None:
    """Debian packages that the lab needs."""
    require_root()
    run([str(ROOT / "scripts" / "ensure-packages"), *PACKAGES], timeout=1800)
    leave_room()
    missing = [device for device in ("/dev/kvm", "/dev/net/tun", "/dev/fuse") if not Path(device).exists()]
    if missing:
        raise LabError(f"{', '.join(missing)} missing on this machine: a KVM host without it would be no KVM host")


def leave_room(limit: Path = INOTIFY, wanted: int = 512) -> None:
    """Raise the machine's number of inotify objects where two labs beside each other would use it up: a node takes
    eight to eleven, and one that gets none hangs at its boot. It stays so until the machine's next boot."""
    if int(limit.read_text()) < wanted:
        try:
            limit.write_text(f"{wanted}\n")
        except OSError as error:
            say(f"{limit} is too small for two labs at once, and stays so: {error.strerror}")
            return
        say(f"fs.inotify.max_user_instances is {wanted} now, until the next boot: a lab's node takes up to eleven")


def claim(state: State) -> None:
    """The lab belongs to one state folder at a time; one that another checkout left behind is removed. A folder that
    was deleted and made again is another one: it has none of the keys and passwords that the lab's nodes know."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    mine = f"{state.folder}\n{state.secret('lab')}"
    if OWNER.exists() and OWNER.read_text() != mine:
        folder = OWNER.read_text().partition("\n")[0]
        say(f"removing the lab of {folder}")
        down(State(Path(folder)), quiet=True)
        RUN.mkdir(mode=0o755, exist_ok=True)
    state.write(OWNER, mine)


def up(topology: Topology, state: State, names: Sequence[str] = ()) -> None:
    """Boot the named nodes (default: all but the spare ones) and the management node. What runs already stays as it
    is."""
    with only_one("lab"):
        _up(topology, state, names)


def _up(topology: Topology, state: State, names: Sequence[str]) -> None:
    _wire(topology, state)
    wanted = [topology.node(name) for name in names] or [node for node in topology.nodes.values() if not node.spare]
    manager = faults.Lab(topology, state).management
    ordered = [manager, *(node for node in wanted if node is not manager)]
    everything = hosts.all_nodes(topology, state)
    nodes.known_hosts(everything, state, list(everything.nodes.values()))
    state.key("id_ed25519")  # made once, here: nodes that boot side by side would each make it
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda node: _boot(topology, state, node), ordered))
    management.deploy(state, manager)
    for node in ordered:
        _start_bmc(topology, state, node)
    management.wait_for_api(manager)
    for node in (node for node in ordered if podman.image_of(node.container) != nodes.image_for(node)):
        say(f"{node.name} was made from an older image; to renew it: lab/labctl recreate {node.name}")
    say(f"up: {', '.join(node.name for node in ordered)}")


def foundation(topology: Topology, state: State) -> None:
    """What a further host needs: the wires, and the management node with its package repositories."""
    with only_one("lab"):
        _wire(topology, state)
        manager = faults.Lab(topology, state).management
        _boot(topology, state, manager)
        if not management.deployed(manager):  # later sources wait for `up`: deploying them would empty the cloud
            management.deploy(state, manager)


def _wire(topology: Topology, state: State) -> None:
    require_root()
    claim(state)
    namespaces.create()
    podman.configure()
    wires.create(topology)


def _boot(topology: Topology, state: State, node: Node) -> None:
    if nodes.running(node):
        podman.wait_for_systemd(node.container)  # an earlier `up` may have been cut off while it booted
        return
    say(f"booting {node.name}")
    nodes.create(topology, state, node)
    power_on(topology, state, node)
    nodes.wait(node)


def _start_bmc(topology: Topology, state: State, node: Node) -> None:
    if node.bmc and not bmc.running(state, node):
        bmc.start(topology, state, node)


def power_on(topology: Topology, state: State, node: Node) -> None:
    """Switch a node on. A fault staged on one of its cables is there from the first packet on."""
    nodes.start(topology, node, plugged=lambda: faults.reapply(faults.Lab(topology, state), node))


def recreate(topology: Topology, state: State, node: Node) -> None:
    """A bare machine again: same name, address and keys, nothing on its disk."""
    nodes.remove(node)
    _boot(topology, state, node)
    _start_bmc(topology, state, node)
    if node.kind == "management":
        management.deploy(state, node)
        management.wait_for_api(node)


def remove(state: State, node: Node) -> None:
    """Remove one node and its BMC."""
    require_root()
    if node.bmc:
        bmc.stop(state, node)
    nodes.remove(node)


def down(state: State, purge: bool = False, quiet: bool = False) -> None:
    """Remove all that `up` made; with `purge` the images and the package pool too."""
    require_root()
    say("removing the lab")
    for pid in state.folder.glob("bmc/*/pid"):
        bmc.stop(state, Node(pid.parent.name, "host", (), bmc="-"))
    if namespaces.exists():
        for container in podman.containers(f"{PREFIX}-"):
            podman.podman("rm", "-f", "-v", "-t", "0", container)
        if purge:
            for image in podman.images(images.IMAGES):
                podman.podman("rmi", "-f", image)
    for name in run(["ip", "netns", "list"], check=False).stdout.split():
        if name.startswith(f"{PREFIX}-"):
            run(["ip", "netns", "del", name])
    wires.remove()
    namespaces.remove()
    shutil.rmtree(RUN, ignore_errors=True)
    for name in (hosts.RECORD, faults.RECORD):
        (state.folder / name).unlink(missing_ok=True)
    if purge:
        shutil.rmtree(CACHE, ignore_errors=True)
        shutil.rmtree(state.folder, ignore_errors=True)
    if not quiet:
        say("the lab is gone" + (", its images too" if purge else ""))


def status(topology: Topology, state: State) -> None:
    """Print each node's power, address and BMC, and the faults that are staged."""
    if not namespaces.exists():
        print("the lab is not up: lab/labctl up")
        return
    for node in hosts.all_nodes(topology, state).nodes.values():
        power = {"running": "on", "missing": "not made"}.get(podman.state(node.container), "off")
        about = f"BMC {node.bmc} {'answers' if bmc.running(state, node) else 'is off'}" if node.bmc else ""
        print(f"{node.name:<14} {power:<9} {node.address:<14} {about}".rstrip())
    for wire in topology.wires.values():
        print(f"wire {wire.name:<12} MTU {wires.mtu(wire.bridge)}")
    for fault in faults.staged(faults.Lab(topology, state)):
        print(f"fault: {fault}")
