# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary in the lab: its image, built once, the URL of its template, and what hosts need to run guests."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import namespaces, nodes, podman
from .shell import run, say
from .state import ROOT
from .topology import LabError, Node, Topology

RECIPE = (ROOT / "scripts" / "canary-image", ROOT / "scripts" / "canary-init")
# Shared by all checkouts, as the package pool is, but not inside its folder: labctl clears there what it does not know.
CACHE = Path(os.environ.get("LAB_CANARY_CACHE", "/var/cache/cslab-canary"))
SERVED = "/srv/packages/canary.qcow2"  # on the management node, which serves that folder
URL = "http://10.88.0.254:8081/canary.qcow2"
ACCELERATION = "/etc/default/cloudstack-lab-guests"  # the stand-in agent reads it (cloudstack_agent/guests.py)
# What a host has for guests besides QEMU itself: its own way to NFS, because a container's kernel has none.
PACKAGES = ("qemu-system-x86", "qemu-utils", "qemu-block-extra")
INSTALL = f"""export DEBIAN_FRONTEND=noninteractive
for name in {" ".join(PACKAGES)}; do dpkg-query -W -f '${{db:Status-Status}}' $name 2>/dev/null | grep -qx installed || missing=yes; done
[ -z "$missing" ] || {{ apt-get update -qq && apt-get install -y -qq --no-install-recommends {" ".join(PACKAGES)} >/dev/null; }}
"""  # noqa: E501
BOOTS = 20  # seconds in which a guest with KVM must have booted; without it, it takes longer on a busy machine
TRY_KVM = f"""timeout {BOOTS} qemu-system-x86_64 -nodefaults -display none -machine pc,accel=kvm -smp 1 -m 128 \
-drive file=/var/tmp/canary.qcow2,format=qcow2,if=virtio,snapshot=on -serial stdio 2>/dev/null | grep -q -m 1 'goes on behind' && echo kvm || echo tcg
"""  # noqa: E501


def image() -> Path:
    """The canary's image of the present recipe; built where it is missing, for which Debian's mirror is needed."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in RECIPE)).hexdigest()[:12]
    path = CACHE / f"{digest}.qcow2"
    if not path.exists():
        say("the canary's image (about a minute)")
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob("*.qcow2"):
            old.unlink()
        run([str(RECIPE[0]), str(path)], timeout=1800)
    return path


def bring(topology: Topology, built: Path) -> list[str]:
    """Serve the image as a template, and let each host that is on run guests. Returns the names of these hosts."""
    manager = next(node for node in topology.nodes.values() if node.kind == "management")
    if not namespaces.exists() or not nodes.running(manager):
        raise LabError("the lab is not up: lab/labctl up")
    podman.podman("cp", str(built), f"{manager.container}:{SERVED}")
    able = [node for node in topology.nodes.values() if node.kind == "host" and nodes.running(node)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda node: nodes.execute(node, "sh", "-ec", INSTALL), able))
    if able:
        word = acceleration(able[0], built)
        for node in able:
            nodes.put(node, ACCELERATION, f"ACCELERATION={word}\n")
    return [node.name for node in able]


def acceleration(node: Node, built: Path) -> str:
    """kvm where a canary boots with it on a host, else tcg. That /dev/kvm is there says nothing: on a machine that is
    virtual itself it may exist and yet boot no guest."""
    podman.podman("cp", str(built), f"{node.container}:/var/tmp/canary.qcow2")
    try:
        return nodes.execute(node, "sh", "-c", TRY_KVM).stdout.strip()
    finally:
        nodes.execute(node, "rm", "-f", "/var/tmp/canary.qcow2")
