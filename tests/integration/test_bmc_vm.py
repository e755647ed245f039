# SPDX-License-Identifier: GPL-3.0-or-later
"""configure_bmc.yml on a QEMU guest that has a system interface of its own (isa-ipmi-kcs): the kernel's drivers, the
real ipmitool, OpenIPMI's ipmi_sim behind it. The guest has nothing to do with the lab but its disk image; its one card
is QEMU's user network, so that nothing of this machine's network is touched."""

from __future__ import annotations

import socket
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
import yaml

from lab.control import images
from lab.vm import image, machine
from tests.integration.ipmi_bmc import GUID, OWNER, OWNER_PASSWORD, free_port, running_bmc
from tests.integration.playbooks import play

pytestmark = pytest.mark.full
PASSWORD = "planted-secret1"
BOOT = 900  # seconds; emulated, 30 s on two idle cores and minutes on busy ones
PACKAGES = ("ipmitool", "libfreeipmi17", "freeipmi-common", "libreadline8", "readline-common")
INTERFACES = "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    address 10.0.2.15/24\n"


def key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.read_text()


def seed(folder: Path) -> Path:
    """What an installer would have left, and the packages that the role would fetch: the guest has no mirror."""
    host_key, _ = key(folder / "host_key"), key(folder / "login")
    files = [
        ("/etc/network/interfaces", INTERFACES, "644"),
        ("/etc/hostname", "bmcvm\n", "644"),
        ("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 bmcvm\n", "644"),
        ("/etc/ssh/ssh_host_ed25519_key", host_key, "600"),
        ("/etc/ssh/ssh_host_ed25519_key.pub", (folder / "host_key.pub").read_text(), "644"),
        ("/root/.ssh/authorized_keys", (folder / "login.pub").read_text(), "600"),
        # A login that waits for systemd-logind takes minutes in a guest that gets little of the processor.
        ("/etc/ssh/sshd_config.d/no-pam.conf", "UsePAM no\n", "644"),
    ]
    path = folder / "seed.tar"
    path.write_bytes(machine.seed(files))
    with tarfile.open(path, "a", format=tarfile.USTAR_FORMAT) as archive:
        for name in PACKAGES:
            [package] = images.pool().glob(f"{name}_*.deb")
            archive.add(package, f"root/packages/{name}.deb")
    return path


def qemu(folder: Path, ssh_port: int, serial_port: int) -> list[str]:
    disk, boot, programs = folder / "disk.qcow2", image.folder(), image.programs() / "qemu"
    base = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(boot / "root.raw"), "-F", "raw", str(disk)]
    subprocess.run(base, check=True)
    tsc_khz = machine.clock_rate(Path("/proc/cpuinfo").read_text())
    return [
        f"{programs}/usr/bin/qemu-system-x86_64", "-L", f"{programs}/usr/share/qemu",
        "-machine", "q35,smm=off,vmport=off,hpet=off", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", machine.CPU,
        "-smp", "1", "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none",
        "-serial", f"file:{folder}/console.log",
        "-drive", f"if=none,id=root,file={disk},format=qcow2,cache=unsafe",
        "-device", "virtio-blk-pci,drive=root,addr=0x8",
        "-drive", f"if=none,id=seed,file={seed(folder)},format=raw,readonly=on",
        "-device", "virtio-blk-pci,drive=seed,addr=0x9",
        "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{ssh_port}-10.0.2.15:22",
        "-device", "virtio-net-pci,netdev=net,romfile=",
        "-chardev", f"socket,id=ipmi,host=127.0.0.1,port={serial_port},reconnect-ms=1000",
        "-device", "ipmi-bmc-extern,chardev=ipmi,id=bmc", "-device", "isa-ipmi-kcs,bmc=bmc,ioport=0xca2,irq=5",
        "-kernel", f"{boot}/vmlinux", "-initrd", f"{boot}/initrd", "-append", machine.kernel_arguments(tsc_khz),
    ]  # fmt: skip


class Guest:
    """A booted guest, by its SSH port on loopback."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        public = (folder / "host_key.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")

    @property
    def options(self) -> str:
        return f"-o UserKnownHostsFile={self.folder}/known_hosts -o IdentitiesOnly=yes -o ConnectTimeout=30"

    def ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        argv = ["ssh", "-i", f"{self.folder}/login", "-p", str(self.port), *self.options.split(), "root@127.0.0.1"]
        return subprocess.run([*argv, command], capture_output=True, text=True, check=False)

    def inventory(self, **variables) -> Path:
        login = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": f"{self.folder}/login",
            "ansible_ssh_common_args": self.options,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        path = self.folder / "hosts.yml"
        path.write_text(yaml.safe_dump({"kvm_hosts": {"hosts": {"bmcvm": {**login, **variables}}}}))
        path.chmod(0o600)
        return path


@pytest.fixture
def guest(tmp_path):
    """A guest whose BMC runs on this machine: (guest, BMC)."""
    if not (image.folder() / "root.raw").exists():
        image.build()
    with running_bmc(tmp_path) as bmc:
        port = free_port(socket.SOCK_STREAM)
        process = subprocess.Popen(qemu(tmp_path, port, bmc.serial_port), stdin=subprocess.DEVNULL)
        try:
            booted = Guest(tmp_path, port)
            deadline = time.monotonic() + BOOT
            while (ready := booted.ssh("dpkg -i /root/packages/*.deb")).returncode:
                assert process.poll() is None, "QEMU ended"
                assert time.monotonic() < deadline, ready.stderr + (tmp_path / "console.log").read_text()[-2000:]
            yield booted, bmc
        finally:
            process.kill()
            process.wait()


def test_the_role_sets_the_bmc_in_band_and_cloudstack_can_use_it(guest, tmp_path):
    booted, bmc = guest
    inventory = booted.inventory(
        oobm_in_band=True,
        oobm_address="198.51.100.11",
        oobm_netmask="255.255.255.0",
        oobm_gateway="198.51.100.1",
        oobm_vlan="40",
        oobm_username="cloudstack",
        oobm_password=PASSWORD,
    )
    assert bmc.ask("cloudstack", PASSWORD, "chassis", "power", "status").returncode != 0
    done = play("configure_bmc.yml", inventory, "-vv", "--diff")
    assert done.code == 0, done.output
    assert PASSWORD not in done.output
    power = bmc.ask("cloudstack", PASSWORD, "chassis", "power", "status")
    assert power.stdout == "Chassis Power is on\n", power.stderr
    for part in ("198.51.100.11", "Static Address", ": 40"):
        assert part in bmc.ask(OWNER, OWNER_PASSWORD, "lan", "print", "1").stdout
    # ipmi_sim has its GUID over LAN only ("Invalid command" in band): the address in band proves whose it is.
    assert "198.51.100.11" in booted.ssh("ipmitool lan print 1").stdout
    assert GUID in bmc.ask("cloudstack", PASSWORD, "mc", "guid").stdout
    journal = booted.ssh("journalctl --no-pager; cat /root/.ansible/tmp/*/* 2>/dev/null").stdout
    assert "Invoked with" in journal, "a module's own note of its options is where a password would be"
    assert PASSWORD not in journal

    again = play("configure_bmc.yml", inventory)
    assert again.code == 0, again.output
    assert again.changed == {}, again.output
