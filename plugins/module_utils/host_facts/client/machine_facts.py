# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machine below the operating system: what it is, its firmware and disks, and which programs it has."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    program,
    read_and_parsed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model import default_fact_selection as checked
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.join_programs import JOIN_PROGRAMS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import parse_properties

DMI = "/sys/class/dmi/id"
UEFI_PROPERTIES = "/etc/cloudstack/agent/uefi.properties"
DISKS = ("/", "/var", "/etc/cloudstack")


def commands(_user: str) -> dict[str, Sequence[str]]:
    """What is to be asked for."""
    return {"vm": ("systemd-detect-virt", "--vm"), "container": ("systemd-detect-virt", "--container")}


def collect(answers: Mapping[str, Answer], unknown: dict[str, str], _user: str) -> dict[str, Any]:
    """The facts of the machine, as documented by the module kvm_host_facts."""
    return {
        "arch": platform.machine(),
        "virtualization": _virtualization(answers, unknown),
        "dmi": _dmi(unknown),
        "lsm": fact_files.lsm(),
        "cgroup": fact_files.cgroup(),
        "disk": {path: _disk(unknown, path) for path in DISKS},
        "uefi": _uefi(unknown),
        "programs": {**{name: program(name) for name in checked.PROGRAMS}, **_called_by_path()},
    }


def _called_by_path() -> dict[str, str]:
    """Programs that a script of the join calls by their path, where they are at it: another of the name may come first
    in PATH."""
    return {each.name: each.path for each in JOIN_PROGRAMS if each.path and os.access(each.path, os.X_OK)}


def _virtualization(answers: Mapping[str, Answer], unknown: dict[str, str]) -> Optional[str]:
    """What the machine runs in: a hypervisor, else a container, else none. systemd-detect-virt says none with exit code
    1."""
    for kind in ("vm", "container"):
        answer = answers[kind]
        name = answer.stdout.strip()
        if answer.status not in (0, 1) or not name:
            unknown["virtualization"] = answer.why()
            return None
        if name != "none":
            return name
    return "none"


def _dmi(unknown: dict[str, str]) -> dict[str, Optional[str]]:
    files = {
        "product_uuid": "product_uuid",
        "product_serial": "product_serial",
        "product_name": "product_name",
        "vendor": "sys_vendor",
        "bios_version": "bios_version",
    }
    return {
        key: read_and_parsed(f"dmi.{key}", f"{DMI}/{name}", str.strip, unknown) or None for key, name in files.items()
    }


def _disk(unknown: dict[str, str], path: str) -> Optional[dict[str, Any]]:
    """The file system that holds the path, or will hold it where it is not there yet."""
    there = path
    while not os.path.exists(there):
        there = os.path.dirname(there)
    try:
        stat = os.statvfs(there)
    except OSError as error:
        unknown[f"disk.{path}"] = f"{there}: {error.strerror}"
        return None
    found: dict[str, Any] = {"size_bytes": stat.f_blocks * stat.f_frsize, "free_bytes": stat.f_bavail * stat.f_frsize}
    if path == "/etc/cloudstack":
        found["writable"] = not stat.f_flag & os.ST_RDONLY
    return found


def _uefi(unknown: dict[str, str]) -> dict[str, Any]:
    configured = {}
    if os.path.lexists(UEFI_PROPERTIES):
        configured = read_and_parsed(
            "uefi", UEFI_PROPERTIES, lambda text: parse_properties(text, UEFI_PROPERTIES), unknown
        )
    return {
        "firmware": os.path.isdir("/sys/firmware/efi"),
        "configured": configured,
        "missing": None
        if configured is None
        else _absent(unknown, [path for path in configured.values() if path.startswith("/")]),
    }


def _absent(unknown: dict[str, str], paths: Sequence[str]) -> Optional[list[str]]:
    absent = []
    for path in sorted(set(paths)):
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            absent.append(path)
        except OSError as error:
            unknown["uefi.missing"] = f"{path}: {error.strerror}"
            return None
    return absent
