# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends ansible-playbook by SIGKILL behind a task, and looks at what stands on the host then.

Nothing here asks the code under test: the host's own /proc, stat, systemctl and nft are read.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.lab import Lab
from tests.integration.playbooks import LIMIT, ROOT, command, environment, with_callback

KILLED = -9
# Runs on the host: what it prints is wrong, one line each. Both clocks are read there; nobody sets them in a lab.
LEFT_UNDONE = r"""
import glob, os, re, subprocess, time

def out(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True).stdout.strip()

def show(unit, name):
    return out("systemctl", "show", "--value", "-p", name, unit)

def older(unit, paths):
    if show(unit, "ActiveState") != "active":
        return
    with open("/proc/%s/stat" % show(unit, "MainPID")) as stat:
        ticks = int(stat.read().rpartition(")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    for path in paths:
        if os.path.lexists(path) and time.time() - os.lstat(path).st_ctime < age:
            print("%s is older than %s" % (unit, path))

sockets = ["/etc/systemd/system/libvirtd%s.socket" % kind for kind in ("", "-ro", "-admin", "-tls", "-tcp")]
older("chrony.service", ["/etc/chrony/chrony.conf"])
older("libvirtd.service", ["/etc/libvirt/libvirtd.conf", "/etc/libvirt/qemu.conf", "/etc/default/libvirtd"] + sockets)
# The agent rewrites its file itself. The role keeps a copy each time that it changes the file: the newest tells when that was.
older("cloudstack-agent.service", glob.glob("/etc/cloudstack/agent/agent.properties.*~"))
for unit in ("chrony.service", "libvirtd.service"):
    if os.path.exists("/lib/systemd/system/" + unit) and (show(unit, "ActiveState"), show(unit, "UnitFileState")) != ("active", "enabled"):
        print(unit + " does not run, now and at every boot")
for path in sockets:
    unit = os.path.basename(path)
    if os.path.lexists(path) and (show(unit, "ActiveState") == "active" or show(unit, "LoadState") != "masked"):
        print(unit + " is not masked")
if os.path.exists("/etc/sysctl.d/60-cloudstack-kvm.conf"):
    for key, value in re.findall(r"^(\S+) = (.*)$", open("/etc/sysctl.d/60-cloudstack-kvm.conf").read(), re.M):
        if out("sysctl", "-n", key) != value:
            print("the kernel has another %s" % key)
if os.path.exists("/etc/nftables.d/cloudstack-kvm.nft"):
    wanted = re.search(r"chain (version_\w+)", open("/etc/nftables.d/cloudstack-kvm.nft").read())[1]
    if wanted not in out("nft", "list", "table", "inet", "cloudstack_kvm"):
        print("the firewall is not the one of its file")
    if show("cloudstack-kvm-firewall.service", "UnitFileState") != "enabled":
        print("the firewall is not loaded at boot")
    if show("cloudstack-kvm-firewall-rollback.timer", "ActiveState") == "active":
        print("the firewall is going to be taken back")
"""  # noqa: E501
# Differs between two machines that were prepared alike.
OF_THIS_MACHINE = (
    r"ssh_host_|machine-id|~$|/etc/hosts$|hostname|ld\.so\.cache|/etc/ssl/|iscsi|resolv|/etc/passwd-|/etc/group-|shadow"
    r"|/etc/libvirt/(secrets|nwfilter|qemu/networks)"
)
FILES = (
    r"find /etc -xdev \( -type f -o -type l \) | LC_ALL=C sort | grep -Ev '{skip}' | while read -r path; do"
    ' if [ -L "$path" ]; then echo "$path -> $(readlink "$path")"; else echo "$path $(sha256sum < "$path")"; fi; done'
)
UNITS = (
    "systemctl list-unit-files --type service,socket,timer --no-legend --no-pager | awk '{print \"at-boot:\" $1, $2}';"
    # Those that run all the time: others (timers, hostnamed) come and go.
    " for unit in libvirtd chrony nftables cloudstack-agent cloudstack-kvm-firewall ssh; do echo now:$unit "
    "$(systemctl is-active $unit); done"
)


@dataclass(frozen=True)
class Stopped:
    """A run that was ended, or came to its end: its exit code, what it printed, and the tasks that had changed the
    host, in order."""

    code: int
    output: str
    changes: list[str]


def run_and_kill(
    playbook: str,
    inventory: Path,
    log: Path,
    *arguments: str,
    after_task: str = "",
    after_changes: int = 0,
    extra: Mapping[str, Any] | None = None,
) -> Stopped:
    """Run until the task, or the n-th changed task, has ended; without either to the end."""
    log.write_text("")
    where = {
        **with_callback("kill_after", ROOT / "tests" / "integration" / "callback"),
        "KILL_AFTER_LOG": str(log),
        "KILL_AFTER_TASK": after_task,
        "KILL_AFTER_CHANGES": str(after_changes),
    }
    done = subprocess.run(
        command(playbook, inventory, extra or {}, arguments),
        cwd=ROOT,
        env=environment(where),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT,
        start_new_session=True,
    )
    return Stopped(done.returncode, done.stdout, log.read_text().splitlines())


def left_undone(lab: Lab, host: str) -> list[str]:
    """What is written on a host and not in force: a daemon older than its files, rules that are not loaded, settings
    that the kernel has not."""
    return lab.ssh(host, f"python3 -c {shlex.quote(LEFT_UNDONE)}").splitlines()


def state(lab: Lab, host: str) -> dict[str, str]:
    """Every file of /etc and every unit: thing -> content or state."""
    text = lab.ssh(host, FILES.replace("{skip}", OF_THIS_MACHINE)) + lab.ssh(host, UNITS)
    return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in text.splitlines()}
