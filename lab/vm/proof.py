# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a host with a kernel of its own can show, asked from inside: NFS mounts, KVM, a steered clock."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

# One login for all; findmnt exits 1 where nothing is mounted.
QUESTION = (
    "uname -r; test -c /dev/kvm && echo kvm || echo no-kvm; "
    "virsh -c qemu:///system domcapabilities --virttype kvm >/dev/null 2>&1 && echo libvirt-kvm || echo "
    "no-libvirt-kvm; "
    "chronyc -c tracking 2>/dev/null || echo no-chrony; findmnt --json -t nfs,nfs4 -o TARGET,SOURCE,FSTYPE,OPTIONS || "
    "echo '{}'"
)
_POOL = re.compile(r"/mnt/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|/mnt/[0-9a-f]{32}")


@dataclass(frozen=True)
class Mount:
    """A mounted file system."""

    target: str
    source: str
    kind: str


@dataclass(frozen=True)
class Proof:
    """The answers of one host. `offset_s`: how far its clock is from its source, None where chrony has none."""

    kernel: str
    kvm: bool
    libvirt_kvm: bool
    offset_s: float | None
    pools: tuple[Mount, ...]

    def lacks(self) -> list[str]:
        """What is not as it should be."""
        wanted = {
            "/dev/kvm": self.kvm,
            "KVM domains in libvirt": self.libvirt_kvm,
            "a clock that follows its time source within 0.1 s": self.offset_s is not None and abs(self.offset_s) < 0.1,
            "primary storage mounted over NFS at /mnt/<pool id>": bool(self.pools),
        }
        return [name for name, there in wanted.items() if not there]


def parse(answer: str) -> Proof:
    """The answers to QUESTION as values. Raises ValueError where the text is not an answer to it."""
    lines = answer.splitlines()
    if len(lines) < 5:
        raise ValueError(f"expected five answers, observed: {answer!r}")
    kernel, kvm, libvirt, tracking = lines[:4]
    mounts = [
        Mount(found["target"], found["source"], found["fstype"])
        for found in _flat(json.loads("\n".join(lines[4:]) or "{}"))
    ]
    pools = tuple(sorted((mount for mount in mounts if _POOL.fullmatch(mount.target)), key=lambda mount: mount.target))
    return Proof(kernel, kvm == "kvm", libvirt == "libvirt-kvm", _offset(tracking), pools)


def _flat(found: dict) -> list[dict]:
    """findmnt nests a mount below another one."""
    return [
        one
        for entry in found.get("filesystems", [])
        for one in (entry, *_flat({"filesystems": entry.get("children", [])}))
    ]


def _offset(tracking: str) -> float | None:
    """Offset in seconds from `chronyc -c tracking`: id, name, stratum, reference time, offset, ...; stratum 0 means no
    source."""
    fields = tracking.split(",")
    return float(fields[4]) if len(fields) > 4 and fields[2] not in ("0", "") else None


def report(name: str, proof: Proof) -> str:
    """Lines to print for a host."""
    offset = "no time source" if proof.offset_s is None else f"clock {proof.offset_s:+.6f} s from its source"
    lines = [f"{name}: kernel {proof.kernel}, {'/dev/kvm' if proof.kvm else 'no /dev/kvm'}, {offset}"]
    lines += [f"  {mount.source} on {mount.target} type {mount.kind}" for mount in proof.pools]
    lines += [f"  MISSING: {what}" for what in proof.lacks()]
    return "\n".join(lines)
