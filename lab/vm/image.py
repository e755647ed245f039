# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests boot, built once and again when its recipe changes. Base and packages are the container lab's."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from lab.control import images, lifecycle
from lab.control.shell import run, say
from lab.control.state import ROOT

HERE = Path(__file__).resolve().parent
RECIPE = ("fetch-programs", "build-image", "initrd-init", "vmlinux.py")
# Shared by all checkouts, as the container lab's cache is, but not inside it: labctl clears there what it does not
# know.
CACHE = Path(os.environ.get("LAB_VM_CACHE", "/var/cache/cslab-vm"))
PACKAGES = ["busybox-static", "cpio", "e2fsprogs", "iproute2", "kmod", "qemu-system-x86", "qemu-utils", "xz-utils"]


def programs() -> Path:
    """Kernel and QEMU, unpacked."""
    return CACHE / "programs"


def folder() -> Path:
    """Root disk, initrd and kernel of the present recipe."""
    digest = hashlib.sha256(images.recipe_hash().encode())
    for name in RECIPE:
        digest.update((HERE / name).read_bytes())
    return CACHE / digest.hexdigest()[:12]


def build() -> None:
    """Make what is missing: Debian packages of this machine, the container lab's base, then the guests' disk."""
    lifecycle.setup()
    run([str(ROOT / "scripts" / "ensure-packages"), *PACKAGES], timeout=1800)
    images.build()
    if not (programs() / "qemu" / "usr" / "share" / "qemu" / "bios-256k.bin").exists():
        say("kernel and QEMU, unpacked beside the machine's own")
        shutil.rmtree(programs(), ignore_errors=True)
        run([str(HERE / "fetch-programs"), str(programs())], timeout=900)
    target = folder()
    if (target / "root.raw").exists():
        return
    say("the guests' disk (about a minute)")
    for old in CACHE.glob("*"):
        if old != programs():
            shutil.rmtree(old)
    packages = images.packages()["guests"]
    base = images.pool().parent / "base.tar"
    building = target.with_suffix(".new")
    run(
        [str(HERE / "build-image"), str(building), str(programs()), str(base), str(images.pool()), str(images.RECIPE), " ".join(packages)],  # noqa: E501
        timeout=1800,
    )  # fmt: skip
    building.rename(target)


def purge() -> None:
    """Remove everything that was built."""
    shutil.rmtree(CACHE, ignore_errors=True)
