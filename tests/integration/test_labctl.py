# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: one bare host is booted, switched by its BMC, broken and healed; the machine stays as it was."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.control import bmc, images, podman, topology
from lab.control.state import ROOT, State

HOST = "host4"  # the spare one, so that a lab in use is not disturbed
ADDRESS, STORAGE = "10.88.0.14", "10.88.2.14"


def missing() -> str | None:
    """Why the lab cannot be used here, None if it can."""
    if os.geteuid() != 0:
        return "needs root for network and mount namespaces"
    if not shutil.which("podman"):
        return "podman is not installed: make lab-setup"
    if not (images.pool() / "Release").exists():
        return "the images are not built: make lab-setup"
    return None


pytestmark = [pytest.mark.lab, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


def labctl(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(ROOT / "lab" / "labctl"), *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0 or not check, f"labctl {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done


def ipmi(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """ipmitool as CloudStack calls it, but for the password, which is not among the arguments, and with time: a busy
    machine answers after the second request has left, and ipmitool then takes the first answer for a wrong one."""
    base = [
        "ipmitool",
        "-I",
        "lanplus",
        "-R",
        "1",
        "-N",
        "10",
        "-v",
        "-H",
        "10.88.0.214",
        "-p",
        "623",
        "-U",
        bmc.USER,
        "-E",
    ]
    secret = {**os.environ, "IPMITOOL_PASSWORD": State().secret(f"bmc_{HOST}")}
    done = subprocess.run([*base, *command], capture_output=True, text=True, check=False, env=secret, timeout=60)
    assert done.returncode == 0 or not check, done.stderr
    return done


def until(condition: Callable[[], bool], what: str, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"


def process() -> str:
    """The container's first process and its start time: another one after each boot."""
    return podman.podman(
        "container", "inspect", "--format", "{{.State.Pid}} {{.State.StartedAt}}", f"cslab-{HOST}"
    ).stdout


def answers() -> bool:
    return labctl("ssh", HOST, "true", check=False).returncode == 0


def clock_error() -> float:
    """How far the machine's clock has been moved, in seconds, seen from its monotonic clock."""
    return time.time() - time.monotonic()


def machine() -> dict[str, str]:
    """What a lab must not touch on the machine."""
    commands = {
        "hostname": ["hostname"],
        "routes": ["ip", "route", "show", "default"],
        "cgroups": ["findmnt", "-rn", "-o", "TARGET,FSTYPE", "-R", "/sys/fs/cgroup"],
        "forwarding": ["cat", "/proc/sys/net/ipv4/ip_forward"],
        "firewall": ["nft", "list", "ruleset"],
    }
    return {
        name: subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for name, command in commands.items()
    }


@pytest.fixture(scope="module", autouse=True)
def host() -> Iterator[None]:
    """The spare host, bare and on."""
    before, clock = machine(), clock_error()
    labctl("down", HOST)
    labctl("up", HOST)
    yield
    labctl("heal")
    labctl("down", HOST)
    assert machine() == before
    assert abs(clock_error() - clock) < 1, "the machine's clock was moved"


@pytest.fixture
def storage_address() -> None:
    """An address on the host's storage card, as long as this boot lasts."""
    labctl("ssh", HOST, f"ip link set eth2 mtu 9000 up && ip address replace {STORAGE}/24 dev eth2")


def jumbo_passes() -> bool:
    """Whether a frame of 9000 bytes reaches the storage server and its answer comes back."""
    return labctl("ssh", HOST, "ping -q -c 1 -W 1 -M do -s 8972 10.88.2.254", check=False).returncode == 0


def reachable() -> bool:
    try:
        socket.create_connection((ADDRESS, 22), timeout=2).close()
    except OSError:
        return False
    return True


def test_a_bare_host_has_less_than_any_installer_leaves() -> None:
    assert labctl("ssh", HOST, "systemctl is-system-running").stdout.strip() == "running"
    assert labctl("ssh", HOST, "systemctl is-active systemd-timesyncd").stdout.strip() == "active"
    assert labctl("ssh", HOST, "hostname -f").stdout.strip() == HOST
    programs = "sudo virsh chronyd curl gpg lsb_release nft ethtool brctl"
    assert labctl("ssh", HOST, f"for each in {programs}; do command -v $each; done; true").stdout == ""
    assert labctl("ssh", HOST, "python3 -c 'import apt'", check=False).returncode != 0
    assert (
        labctl(
            "ssh", HOST, "find /var/lib/apt/lists -type f -size +0; locale -a | grep -v -e ^C -e ^POSIX; true"
        ).stdout
        == ""
    )
    assert labctl("ssh", HOST, "test -c /dev/kvm", check=False).returncode == 0


def test_a_host_cannot_set_the_machines_clock() -> None:
    clock = clock_error()
    assert labctl("ssh", HOST, "date -s 2030-01-01", check=False).returncode != 0
    assert abs(clock_error() - clock) < 1


def test_the_bmc_really_switches_the_host() -> None:
    first = process()
    labctl("ssh", HOST, "touch /root/kept /run/lost")
    assert ipmi("chassis", "power", "status").stdout.strip() == "Chassis Power is on"
    ipmi("chassis", "power", "off")
    until(lambda: podman.state(f"cslab-{HOST}") == "exited", "the container stops")
    assert ipmi("chassis", "power", "status").stdout.strip() == "Chassis Power is off"
    assert not answers()
    ipmi("chassis", "power", "on")
    until(answers, "sshd answers again")
    assert ipmi("chassis", "power", "status").stdout.strip() == "Chassis Power is on"
    assert process() != first
    assert labctl("ssh", HOST, "ls /root/kept /run/lost", check=False).stdout.split() == ["/root/kept"]


@pytest.mark.parametrize("action", ["cycle", "reset"])
def test_the_bmc_boots_the_host_again(action: str) -> None:
    first = process()
    ipmi("chassis", "power", action)
    until(lambda: process() != first and answers(), f"another boot after {action}")


def test_a_wrong_mtu_is_felt_survives_a_boot_and_is_healed(storage_address: None) -> None:
    assert jumbo_passes()
    labctl("fault", "mtu", HOST, "storage", "1500")
    assert not jumbo_passes()
    labctl("power", HOST, "off")
    labctl("power", HOST, "on")
    until(answers, "sshd answers")
    labctl("ssh", HOST, f"ip link set eth2 mtu 9000 up && ip address replace {STORAGE}/24 dev eth2")
    assert not jumbo_passes()
    assert "fault: mtu host4 storage 1500" in labctl("status").stdout
    labctl("heal")
    assert jumbo_passes()
    assert "fault:" not in labctl("status").stdout


@pytest.mark.parametrize(
    "fault",
    [
        ("drop", HOST, "management", "100"),
        ("drop", HOST, "management", "100", "--direction", "from"),
        ("link-down", HOST, "management"),
    ],
)
def test_a_broken_cable_is_felt_and_healed(fault: tuple[str, ...]) -> None:
    until(reachable, "the host answers")
    labctl("fault", *fault)
    assert not reachable()
    labctl("heal")
    until(reachable, "the host answers again")


@pytest.mark.parametrize("source", ["10.88.0.254", "10.88.0.253"])
def test_a_time_source_tells_a_wrong_time_until_it_is_healed(source: str) -> None:
    until(lambda: abs(offset(source)) < 0.5, f"{source} tells the time")
    labctl("fault", "ntp", source, "7.5")
    until(lambda: abs(offset(source) - 7.5) < 0.5, f"{source} is 7.5 s ahead")
    labctl("heal")
    until(lambda: abs(offset(source)) < 0.5, f"{source} tells the time again")


def offset(source: str) -> float:
    """Seconds that an NTP server is ahead of this machine; NaN where it does not answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.sendto(bytes([4 << 3 | 3]) + bytes(47), (source, 123))
        try:
            seconds, fraction = struct.unpack("!II", client.recv(512)[40:48])
        except OSError:
            return float("nan")
    return seconds + fraction / 2**32 - 2208988800 - time.time()


def test_a_bmc_refuses_the_registered_password_until_it_is_healed() -> None:
    labctl("fault", "bmc-password", HOST)
    refused = ipmi("chassis", "power", "status", check=False)
    assert refused.returncode != 0 and "RAKP 2 HMAC is invalid" in refused.stderr
    labctl("heal")
    assert ipmi("chassis", "power", "status").stdout.strip() == "Chassis Power is on"


def test_a_fault_that_cannot_be_staged_says_why_and_leaves_nothing() -> None:
    done = labctl("fault", "mtu", "host9", "storage", "1500", check=False)
    assert done.returncode == 1
    assert "there is no node host9; the lab has" in done.stderr and "host1, host2" in done.stderr
    assert "fault:" not in labctl("status").stdout


def test_the_package_pool_serves_what_a_host_installs() -> None:
    done = labctl(
        "ssh",
        HOST,
        "apt-get update -qq && apt-get install -s -qq --no-install-recommends libvirt-daemon-system qemu-system-x86 "
        "chrony nftables",
    )
    assert "Inst chrony" in done.stdout


def test_secrets_are_readable_by_their_owner_only() -> None:
    folder = State().folder
    open_files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and not path.name.endswith(".pub")
    ]
    assert folder.stat().st_mode & 0o077 == 0
    secret = [
        path
        for path in open_files
        if path.parent.name in ("secrets", "ssh", "hostkeys") or path.name in ("api.env", "lan.conf")
    ]
    assert secret == []


def test_no_password_of_a_bmc_stands_among_process_arguments() -> None:
    password = State().secret(f"bmc_{HOST}").encode()
    shown = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # ended meanwhile
            shown.append(path.read_bytes())
    assert shown and not any(password in arguments for arguments in shown)


def test_a_further_host_comes_and_goes() -> None:
    name = "labctl-test-host1"
    address = labctl("host", "create", name, "--wire", "storage").stdout.split()[-1]
    assert labctl("host", "address", name).stdout.strip() == address
    cards = labctl("ssh", name, "ls /sys/class/net").stdout.split()
    assert {"eth0", "eth1"} <= set(cards) and "eth2" not in cards
    labctl("host", "delete", name)
    assert podman.state(f"cslab-{name}") == "missing"
    assert (
        topology.PREFIX + f"-{name}"
        not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    )


def test_the_next_host_at_an_address_is_reached_though_connections_to_the_last_are_kept_open(tmp_path: Path) -> None:
    names = ["labctl-test-first", "labctl-test-second"]
    key = State().path("ssh", "id_ed25519")
    shared = [
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=60",
        "-o",
        f"ControlPath={tmp_path}/shared",
        "-o",
        "StrictHostKeyChecking=no",
    ]
    for name in names:
        address = labctl("host", "create", name).stdout.split()[-1]
        command = [
            "ssh",
            "-i",
            str(key),
            *shared,
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "ConnectTimeout=10",
            f"root@{address}",
            "hostname",
        ]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=60
        )
        assert done.stdout.strip() == name, address
        labctl("host", "delete", name)
