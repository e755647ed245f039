# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts that are read from files, /proc and /sys: no program is started."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import platform
import pwd
import stat
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

# What a built-in module without parameters leaves no trace of in /sys/module: what it makes.
_EVIDENCE = {
    "br_netfilter": "/proc/sys/net/bridge",
    "tun": "/dev/net/tun",
    "kvm": "/dev/kvm",
    "8021q": "/proc/net/vlan",
    "fuse": "/dev/fuse",
}


def read(path: str, encoding: str = "utf-8") -> str:
    """The text at a path. Raises OSError; bytes that are no text become replacement characters."""
    with open(path, encoding=encoding, errors="replace", newline="") as file:
        return file.read()


def read_or_none(path: str) -> Optional[str]:
    """The text at a path, None if it is not there or may not be read."""
    try:
        return read(path)
    except OSError:
        return None


def sysctl(key: str) -> Optional[str]:
    """The value in the kernel, None if it has no such setting. A slash stands for a dot inside a name (sysctl.d(5))."""
    value = read_or_none("/proc/sys/" + key.replace("/", "\0").replace(".", "/").replace("\0", "."))
    return None if value is None else " ".join(value.split())


def kernel_modules(names: Iterable[str]) -> dict[str, str]:
    """Module -> loaded, builtin or absent."""
    loaded = {line.split(" ", 1)[0] for line in (read_or_none("/proc/modules") or "").splitlines()}
    builtin = read_or_none(f"/lib/modules/{platform.release()}/modules.builtin") or ""
    built_in = {line.rpartition("/")[2].split(".ko")[0].replace("-", "_") for line in builtin.splitlines()}
    return {name: _module_state(name.replace("-", "_"), loaded, built_in) for name in names}


def _module_state(name: str, loaded: set[str], built_in: set[str]) -> str:
    if name in loaded:
        return "loaded"
    seen = name in built_in or os.path.isdir(f"/sys/module/{name}") or os.path.exists(_EVIDENCE.get(name, "-"))
    return "builtin" if seen else "absent"


def look_at(path: str) -> dict[str, Any]:
    """What is at a path, a link not followed; sha256 is None for what is no file or may not be read.

    Raises PermissionError when it cannot even be told whether something is there.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False}
    result: dict[str, Any] = {
        "exists": True,
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "owner": _name(pwd.getpwuid, found.st_uid),
        "group": _name(grp.getgrgid, found.st_gid),
        "target": os.readlink(path) if stat.S_ISLNK(found.st_mode) else None,
        "size": found.st_size,
        "sha256": None,
        "entries": None,
    }
    if stat.S_ISDIR(found.st_mode):
        with contextlib.suppress(OSError):
            result["entries"] = sorted(os.listdir(path))
    if stat.S_ISREG(found.st_mode):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            result["sha256"] = hashlib.sha256(file.read()).hexdigest()
    return result


def _name(lookup: Callable[[int], Any], number: int) -> str:
    try:
        return lookup(number)[0]
    except KeyError:
        return str(number)


def with_driver(link: Mapping[str, Any]) -> dict[str, Any]:
    """The interface with its driver and its speed in Mbit/s, None where the kernel does not say."""
    folder = f"/sys/class/net/{link['name']}"
    driver = f"{folder}/device/driver"
    speed = (read_or_none(f"{folder}/speed") or "").strip()
    return {
        **link,
        "driver": os.path.basename(os.path.realpath(driver)) if os.path.exists(driver) else None,
        "speed_mbps": int(speed) if speed.isdecimal() else None,
    }


def processes(unit: str) -> list[int]:
    """Process ids in the control group of a systemd service, none where it does not run (or there is no systemd)."""
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd"):
        text = read_or_none(f"{folder}/system.slice/{unit}/cgroup.procs")
        if text is not None:
            return [int(line) for line in text.split()]
    return []


def lsm() -> dict[str, Optional[str]]:
    """AppArmor enabled or disabled, SELinux enforcing or permissive; None where the kernel has not got it."""
    apparmor = (read_or_none("/sys/module/apparmor/parameters/enabled") or "").strip()
    enforce = (read_or_none("/sys/fs/selinux/enforce") or "").strip()
    return {
        "apparmor": {"Y": "enabled", "N": "disabled"}.get(apparmor),
        "selinux": {"1": "enforcing", "0": "permissive"}.get(enforce),
    }


def cgroup() -> Optional[str]:
    """v2 or v1, None without any."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return "v2"
    return "v1" if os.path.isdir("/sys/fs/cgroup/cpu") else None


def running_domains() -> list[str]:
    """Names of running guests, from libvirt's own status files: asking virsh would start a socket-activated libvirtd.
    Raises OSError."""
    try:
        names = os.listdir("/run/libvirt/qemu")
    except FileNotFoundError:
        return []
    return sorted(name[:-4] for name in names if name.endswith(".xml"))


def java_release() -> Optional[str]:
    """The release file of the Java that /usr/bin/java leads to: starting a JVM to ask it costs up to a minute on a slow
    host."""
    return read_or_none(os.path.join(os.path.dirname(os.path.dirname(os.path.realpath("/usr/bin/java"))), "release"))
