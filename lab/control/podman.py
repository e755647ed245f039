# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman inside the lab's namespaces. Containers get capabilities, but never the machine's clock and never its
modules."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from pathlib import Path
from typing import IO

from . import namespaces
from .shell import run
from .state import RUN
from .topology import LabError

# --privileged would ignore --cap-drop in podman 4.3 and hand out the machine's clock: never use it.
BOOT_OPTIONS = [
    "--systemd", "always", "--cap-add", "ALL", "--cap-drop", "SYS_TIME,SYS_MODULE",
    "--security-opt", "seccomp=unconfined", "--security-opt", "unmask=ALL",
]  # fmt: skip
DEVICES = ["--device", "/dev/kvm", "--device", "/dev/net/tun", "--device", "/dev/fuse"]
CONFIG = RUN / "containers.conf"


def configure() -> None:
    """Write the engine's settings for this machine."""
    lines = ["[containers]"]
    if not _may_raise_limits():
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        pid_max = int(Path("/proc/sys/kernel/pid_max").read_text())
        processes = min(limit for limit in (resource.getrlimit(resource.RLIMIT_NPROC)[1], pid_max, 32768) if limit > 0)
        lines.append(f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]')
    if not _unified_cgroups():
        lines.append("pids_limit = 0")
    lines += ["[engine]", 'runtime = "runc"', 'cgroup_manager = "cgroupfs"', 'events_logger = "file"']
    RUN.mkdir(mode=0o755, exist_ok=True)
    CONFIG.write_text("\n".join(lines) + "\n")


def _may_raise_limits() -> bool:
    bounding = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd"))
    return bool(int(bounding.split()[1], 16) >> 24 & 1)  # CAP_SYS_RESOURCE


def _unified_cgroups() -> bool:
    return run(["stat", "-f", "-c", "%T", "/sys/fs/cgroup"]).stdout.strip() == "cgroup2fs"


def podman(
    *arguments: str, check: bool = True, stdin: str | None = None, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run podman with these arguments."""
    if not CONFIG.exists():
        configure()
    env = {**os.environ, "CONTAINERS_CONF": str(CONFIG)}
    return run(namespaces.inside("podman", *arguments), check=check, stdin=stdin, timeout=timeout, env=env)


def copy_in(container: str, archive: IO[bytes]) -> None:
    """Unpack a tar archive at the root of a container, which may be off. Raises LabError where that fails."""
    env = {**os.environ, "CONTAINERS_CONF": str(CONFIG)}
    done = subprocess.run(
        namespaces.inside("podman", "cp", "-", f"{container}:/"),
        stdin=archive,
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"files could not be copied to {container}: {done.stderr.strip()}")


def image_exists(name: str) -> bool:
    """Whether the image is there."""
    return podman("image", "exists", name, check=False).returncode == 0


def state(container: str) -> str:
    """running, exited, created ... or missing."""
    done = podman("container", "inspect", "--format", "{{json .State.Status}}", container, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else "missing"


def containers(prefix: str) -> list[str]:
    """Names of all containers that begin so."""
    listed = podman("ps", "-a", "--format", "{{.Names}}").stdout.split()
    return sorted(name for name in listed if name.startswith(prefix))


def images(prefix: str) -> list[str]:
    """Names of all images that begin so."""
    listed = podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    return sorted(name for name in listed if name.startswith(prefix))


def image_of(container: str) -> str:
    """The name of the image that a container was made from."""
    return podman("container", "inspect", "--format", "{{.ImageName}}", container).stdout.strip()


def wait_for_systemd(container: str, timeout: float = 300) -> None:
    """Wait until systemd has started everything. Raises LabError with the failed units where it takes too long."""
    deadline = time.monotonic() + timeout
    status = ""
    while time.monotonic() < deadline:
        status = podman("exec", container, "systemctl", "is-system-running", check=False).stdout.strip()
        if status in ("running", "degraded"):
            return
        time.sleep(0.2)
    failed = podman("exec", container, "systemctl", "list-jobs", "--no-legend", check=False).stdout
    hint = "Too many containers? See `journalctl -b -p warning` there; inotify objects run out first: sysctl fs.inotify.max_user_instances=1024"  # noqa: E501
    raise LabError(
        f"{container} did not boot within {timeout:.0f} s, systemd says {status or 'nothing'}. {hint}\n{failed}"
    )
