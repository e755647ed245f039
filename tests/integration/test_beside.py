# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/beside: a room of its own for a second lab, and nothing left of it on the machine, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = "pytest-beside"
BESIDE = str(ROOT / "scripts" / "beside")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")


def beside(script: str, name: str = NAME) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BESIDE, name, "sh", "-c", script], capture_output=True, text=True, check=False, timeout=120)


def left() -> list[str]:
    """What the machine still has of the room: folders, cgroups, processes."""
    groups = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]
    groups = [path for group in groups for path in Path(group).glob(f"cslab-beside-{NAME}-*")]
    return [str(path) for path in (*groups, *Path("/var/lib/cslab-beside").glob(f"{NAME}-*")) if path.is_dir()]


def living(mark: str) -> list[str]:
    """Command lines of processes that carry the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # ended meanwhile
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if mark in line]


def machine() -> list[str]:
    """What the machine's mounts, bridges and network namespaces show of what the test makes."""
    commands = (
        ["findmnt", "-rn", "-o", "TARGET,FSTYPE"],
        ["ip", "-br", "link", "show", "type", "bridge"],
        ["ip", "netns", "list"],
    )
    shown = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands]
    return [line for text in shown for line in text.splitlines() if "beside" in line]


def test_the_exit_status_is_the_commands_and_nothing_is_left():
    assert beside("exit 3").returncode == 3
    assert left() == []


def test_it_sees_its_own_processes_and_network_only():
    done = beside("echo $LAB_STATE; ls /run/netns; ip -br link; ls /proc | grep -c '^[0-9]'")
    folder, *links, processes = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert Path(folder).is_relative_to("/var/lib/cslab-beside")
    assert [line.split()[0] for line in links] == ["lo"]
    assert int(processes) < 10


def test_what_it_makes_does_not_show_on_the_machine():
    done = beside(
        "ip netns add room-beside && ip link add br-beside type bridge && mkdir /run/beside && mount -t tmpfs beside "
        "/mnt && ip netns list"
    )
    assert "room-beside" in done.stdout, done.stderr
    assert machine() == []


def test_what_it_leaves_running_ends_with_it():
    mark = f"{4_000_000 + os.getpid()}"
    assert beside(f"setsid sleep {mark} & exit 1").returncode == 1
    assert living(f"sleep {mark}") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_it_ends_all_and_the_next_run_removes_what_is_left(number):
    mark = f"{5_000_000 + os.getpid()}"
    with subprocess.Popen(
        [BESIDE, NAME, "sh", "-c", f"echo ready; sleep {mark}"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        process.wait(timeout=60)
    while living(f"sleep {mark}"):  # the kernel ends them; a test that hangs here has found that it does not
        pass
    if number == signal.SIGTERM:
        assert left() == []
    assert beside("true").returncode == 0
    assert left() == []


def test_the_same_name_twice_is_refused():
    with subprocess.Popen(
        [BESIDE, NAME, "sh", "-c", "echo ready; sleep 600"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        second = beside("true")
        process.terminate()
        process.wait(timeout=60)
    assert second.returncode == 1
    assert f"{NAME}-" in second.stderr and "is running already" in second.stderr
    assert left() == []
