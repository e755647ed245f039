# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own network and mount namespace. In the mount namespace /sys/fs/cgroup is pure cgroup2, which systemd and
libvirt in the containers need; the machine's own cgroup mounts stay as they are."""

from __future__ import annotations

import contextlib
import os
import signal

from .locks import only_one
from .shell import run
from .state import RUN
from .topology import PREFIX, LabError

MOUNT_PIN = RUN / "mnt"
NETNS = PREFIX
_ENTER_MOUNT = """
umount -R /sys/fs/cgroup 2>/dev/null || umount -lR /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
"""


def exists() -> bool:
    """Whether the namespaces are there."""
    return _pinned() and NETNS in run(["ip", "netns", "list"]).stdout.split()


def _pinned() -> bool:
    return run(["stat", "-f", "-c", "%T", str(MOUNT_PIN)], check=False).stdout.strip() == "nsfs"


def create() -> None:
    """Make both, where they are missing."""
    with only_one("namespaces"):
        _create()


def _create() -> None:
    if NETNS not in run(["ip", "netns", "list"]).stdout.split():
        run(["ip", "netns", "add", NETNS])
        run(["ip", "-n", NETNS, "link", "set", "lo", "up"])
    if _pinned():
        return
    RUN.mkdir(mode=0o755, exist_ok=True)
    # Never judged by the table of mounts, which also shows what another mount covers. Shared, as after an `up` that was
    # cut off
    # between these two, the kernel would pin no namespace there (EINVAL).
    run(["mount", "--bind", str(RUN), str(RUN)])
    run(["mount", "--make-private", str(RUN)])
    MOUNT_PIN.touch()
    # slave: network namespaces that are made later show up inside, nothing goes the other way
    _pin()


def _pin() -> None:
    """Linux 6.18 takes the numbers of namespaces from a store of each CPU, and pins only one whose number is higher
    than the caller's (else EINVAL). So where this process is in a namespace that was made later, as in scripts/beside,
    the CPU that made it always serves."""
    command = ["unshare", f"--mount={MOUNT_PIN}", "--propagation", "slave", "sh", "-ec", _ENTER_MOUNT]
    for cpu in sorted(os.sched_getaffinity(0)):
        if run(["taskset", "--cpu-list", str(cpu), *command], check=False).returncode == 0:
            return
    run(command)


def remove() -> None:
    """Remove both, and end what runs there still, such as a BMC whose state folder was deleted."""
    run(["umount", str(MOUNT_PIN)], check=False)
    while run(["umount", str(RUN)], check=False).returncode == 0:
        pass  # once for each `up` that was cut off
    if NETNS in run(["ip", "netns", "list"]).stdout.split():
        for pid in run(["ip", "netns", "pids", NETNS]).stdout.split():
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(int(pid), signal.SIGTERM)
        run(["ip", "netns", "del", NETNS])


def inside(*command: str) -> list[str]:
    """The command line that runs `command` in both namespaces."""
    return ["nsenter", f"--mount={MOUNT_PIN}", f"--net=/run/netns/{NETNS}", "--", *command]


def require() -> None:
    """Raise LabError unless the lab is up."""
    if not exists():
        raise LabError("the lab is not up: run lab/labctl up")
