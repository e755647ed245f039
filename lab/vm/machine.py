# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as values: QEMU's command line and the disk that makes it this machine. Pure."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from lab.control.topology import Node, mac

MEMORY_MIB = 2048  # resident are 430-620 MB
# AVX2 and the fast string instructions are slow to emulate. svm is on in this model: the guest has /dev/kvm.
CPU = "max,-avx2,-erms,-fsrm"
_MACHINE = "q35,smm=off,vmport=off,hpet=off"
_FIRST_SLOT = 0x10  # cards get their names, eth0 ..., in the order of their slots


@dataclass(frozen=True)
class Files:
    """Where things are: QEMU's folder, kernel, initrd; and of the guest disk, seed, console, control socket, pid
    file."""

    qemu: PurePath
    boot: PurePath
    guest: PurePath
    pid: PurePath


def tap(nic: str) -> str:
    """Name of the tap device of a card, in the node's own network namespace."""
    return f"t-{nic}"[:15]


def bridge(nic: str) -> str:
    """Name of the bridge that joins a card's tap with its cable."""
    return f"b-{nic}"[:15]


def kernel_arguments(tsc_khz: int) -> str:
    """The guest's kernel line. `tsc_khz`: the machine's clock rate; a guest that measures it under load is wrong up to
    sixfold."""
    return f"console=ttyS0 root=/dev/vda rw quiet loglevel=4 mitigations=off nokaslr audit=0 panic=5 net.ifnames=0 tsc=reliable tsc_early_khz={tsc_khz}"  # noqa: E501


def _card(node: Node, number: int) -> list[str]:
    nic = node.nics[number]
    device = f"virtio-net-pci,netdev={nic.name},mac={mac(node.name, nic.name)},romfile=,addr={_FIRST_SLOT + number:#x}"
    return ["-netdev", f"tap,id={nic.name},ifname={tap(nic.name)},script=no,downscript=no", "-device", device]


def command(node: Node, files: Files, tsc_khz: int, cpu: str = CPU) -> list[str]:
    """QEMU's command line. Emulated (TCG): /dev/kvm of a virtual machine may exist and yet boot nothing. Disk writes
    reach the machine's own cache at once, so that cutting the power loses what a real host would lose, and no more."""
    cards = [part for number in range(len(node.nics)) for part in _card(node, number)]
    return [
        f"{files.qemu}/usr/bin/qemu-system-x86_64", "-L", f"{files.qemu}/usr/share/qemu", "-name", node.name,
        "-machine", _MACHINE, "-accel", "tcg,thread=multi,tb-size=256", "-cpu", cpu, "-smp", "1", "-m", str(MEMORY_MIB),
        "-nodefaults", "-no-user-config", "-display", "none", "-rtc", "base=utc,clock=host",
        "-serial", f"file:{files.guest}/console.log", "-qmp", f"unix:{files.guest}/qmp,server=on,wait=off",
        "-pidfile", str(files.pid), "-daemonize",
        "-drive", f"if=none,id=root,file={files.guest}/disk.qcow2,format=qcow2,cache=writeback,discard=unmap",
        "-device", "virtio-blk-pci,drive=root,addr=0x8",
        "-drive", f"if=none,id=seed,file={files.guest}/seed.tar,format=raw,readonly=on",
        "-device", "virtio-blk-pci,drive=seed,addr=0x9",
        *cards,
        "-kernel", f"{files.boot}/vmlinux", "-initrd", f"{files.boot}/initrd", "-append", kernel_arguments(tsc_khz),
    ]  # fmt: skip


def clock_rate(cpuinfo: str) -> int:
    """Clock rate in kHz from the text of /proc/cpuinfo. Raises ValueError where it is not told."""
    for line in cpuinfo.splitlines():
        if line.startswith("cpu MHz"):
            return int(float(line.split(":")[1]) * 1000)
    raise ValueError("/proc/cpuinfo has no line 'cpu MHz': the guest would have to guess its clock rate")


def seed(files: Sequence[tuple[str, str, str]]) -> bytes:
    """The seed disk, a tar archive of root's files: (path, text, octal mode), or (path, target, "link"). Whole 512-byte
    blocks, as a disk has."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, text, mode in files:
            entry = tarfile.TarInfo(path.lstrip("/"))
            if mode == "link":
                entry.type, entry.linkname = tarfile.SYMTYPE, text
                tar.addfile(entry)
                continue
            data = text.encode()
            entry.size, entry.mode = len(data), int(mode, 8)
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()
