# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The failure of a drill on its host: what is there of it, and carrying out a plan. Runs on the host, as root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.failure import (
    AGENT,
    TABLE,
    UNIT,
    FailureState,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.failure import (
    device_of,
    is_own_cgroup,
    nfs_peers,
    nfs_servers,
    route_device,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files

TOOLS = ("systemd-run", "nft", "sysctl", "kexec")
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
FREEZER = "/sys/fs/cgroup/cgroup.freeze"  # the real root of the cgroups has none
Runner = Callable[..., Answer]


def fetch(address: str, run: Runner = command.run) -> FailureState:
    """What is on the host now. `address` is its management address. Raises CommandError, ParseError."""
    unit = dict(
        line.split("=", 1)
        for line in _text(run, "systemctl", "show", "-p", "LoadState,ActiveState", AGENT).splitlines()
        if "=" in line
    )
    peers = run(("ss", "-Htn", "state", "established", "dport", "=", ":2049"))
    servers = sorted({*nfs_servers(_read("/proc/self/mounts")), *nfs_peers(peers.stdout)})
    missing = tuple(tool for tool in TOOLS if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:{SBIN}") is None)
    return FailureState(
        has_table=run(("nft", "list", "table", "inet", TABLE)).ok,
        is_masked=unit.get("LoadState") == "masked",
        is_agent_active=unit.get("ActiveState") == "active",
        has_timer=run(("systemctl", "is-active", "--quiet", f"{UNIT}-heal.timer")).ok,
        in_container=os.path.exists(FREEZER) or run(("systemd-detect-virt", "--container")).stdout.strip() != "none",
        can_freeze=os.access(FREEZER, os.W_OK)
        and is_own_cgroup(_read("/proc/self/mountinfo"), _read("/proc/1/cgroup")),
        has_crash_kernel=_read("/sys/kernel/kexec_crash_loaded").strip() == "1",
        has_watchdog=_read("/sys/class/watchdog/watchdog0/state").strip() == "active",
        management=device_of(_text(run, "ip", "-j", "address"), address) or "",
        pools={server: _device_to(run, server) for server in servers},
        boot_id=_read("/proc/sys/kernel/random/boot_id").strip(),
        missing=missing,
    )


def apply(plan: Plan, run: Runner = command.run) -> None:
    """Carry it out, step by step. Raises CommandError and OperationFailed."""
    for change in plan:
        if "file" in change.data:
            files.write(change.data["file"], change.data["text"].encode(), 0o600)
        else:
            _text(run, *change.data["argv"])


def _device_to(run: Runner, address: str) -> str:
    return route_device(_text(run, "ip", "-j", "route", "get", address)) or ""


def _text(run: Runner, *argv: str) -> str:
    answer = run(argv)
    if not answer.ok:
        raise CommandError(
            "a command of the drill failed",
            expected=f"`{' '.join(argv)}` to succeed",
            observed=answer.why(),
            next_step="see why it fails on the host",
            reproduce=" ".join(argv),
        )
    return answer.stdout


def _read(path: str) -> str:
    """A file of the kernel; empty where it has none."""
    found: Optional[str] = None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = file.read()
    except OSError:
        return ""
    return found
