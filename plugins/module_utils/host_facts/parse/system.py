# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small texts that describe a Linux system."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json, whole

FAMILIES = {
    "debian": ("debian", "ubuntu"),
    "redhat": ("rhel", "centos", "rocky", "almalinux", "ol", "fedora"),
    "suse": ("sles", "opensuse-leap", "suse", "opensuse"),
}
_KIB = re.compile(r"^(\w+):[ \t]+([0-9]{1,15}) kB$", re.MULTILINE)
_COUNT = re.compile(r"^(\w+):[ \t]+([0-9]{1,15})$", re.MULTILINE)
_NODE_TOTAL = re.compile(r"^Node [0-9]+ MemTotal:[ \t]+([0-9]{1,15}) kB$", re.MULTILINE)
_SOCKET = re.compile(r"[ ]*[0-9]+: ([0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}):([0-9A-Fa-f]{4}) \S+ ([0-9A-Fa-f]{2}) ")
_LISTEN = "0A"
_NO_FILES = (
    *("proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "securityfs", "pstore", "bpf", "debugfs", "tracefs"),
    *("configfs", "fusectl", "mqueue", "hugetlbfs", "autofs", "binfmt_misc", "rpc_pipefs", "nsfs", "efivarfs"),
    *("overlay", "squashfs", "selinuxfs"),
)
_NOT_OURS = ("/run/user/", "/run/credentials/", "/var/lib/docker/", "/var/lib/containers/", "/snap/", "/proc/", "/sys/")


def parse_os_release(text: str) -> dict[str, Optional[str]]:
    """/etc/os-release -> id, version_id, codename, name and family (debian, redhat, suse, or the id itself). Raises
    ParseError."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            values[key] = value.strip().strip("\"'")
    identity = values.get("ID")
    if not identity:
        raise ParseError("/etc/os-release", "no ID", text=text)
    candidates = [identity, *values.get("ID_LIKE", "").split()]
    family = next((name for one in candidates for name, members in FAMILIES.items() if one in members), identity)
    return {
        "id": identity,
        "version_id": values.get("VERSION_ID", ""),
        "codename": values.get("VERSION_CODENAME"),
        "name": values.get("NAME"),
        "family": family,
    }


def parse_lscpu(text: str) -> dict[str, Any]:
    """`lscpu -J` -> vendor, model, family, model_id, stepping, flags, sockets, cores and threads (whole machine), mhz.
    Raises ParseError."""
    fields = dict(lscpu_fields(text))
    sockets = _number(fields.get("Socket(s)"))
    cores = _number(fields.get("Core(s) per socket"))
    return {
        "vendor": fields.get("Vendor ID"),
        "model": fields.get("Model name"),
        "family": _number(fields.get("CPU family")),
        "model_id": _number(fields.get("Model")),
        "stepping": _number(fields.get("Stepping")),
        "flags": sorted(str(fields.get("Flags") or "").split()),
        "sockets": sockets,
        "cores": sockets * cores if sockets and cores else None,
        "threads": _number(fields.get("CPU(s)")),
        "mhz": _float(fields.get("CPU max MHz")),
        "virtualisation": fields.get("Virtualization"),
        "numa_nodes": _number(fields.get("NUMA node(s)")),
    }


def lscpu_fields(text: str) -> list[tuple[str, Any]]:
    """`lscpu -J` -> its fields with their data, in the order of `lscpu`. Raises ParseError."""
    try:
        return _flatten(load_json(text, "lscpu -J")["lscpu"])
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ParseError("lscpu -J", f"not its JSON: {error}", text=text) from error


def parse_cpuinfo(text: str) -> dict[str, Any]:
    """/proc/cpuinfo -> mhz (of this moment, of the first processor) and microcode, None where the architecture has
    none."""
    values: dict[str, str] = {}
    for line in text.split("\n\n")[0].splitlines():
        key, _colon, value = line.partition(":")
        values[key.strip()] = value.strip()
    return {"mhz": _float(values.get("cpu MHz")), "microcode": values.get("microcode")}


def parse_meminfo(text: str) -> dict[str, Optional[int]]:
    """/proc/meminfo -> total_bytes, available_bytes, swap_total_bytes, hugepages_total and hugepage_bytes. Raises
    ParseError."""
    kib = {match[1]: whole(match[2], "/proc/meminfo") * 1024 for match in _KIB.finditer(text)}
    counts = {match[1]: whole(match[2], "/proc/meminfo") for match in _COUNT.finditer(text)}
    if "MemTotal" not in kib:
        raise ParseError("/proc/meminfo", "no MemTotal", text=text)
    return {
        "total_bytes": kib["MemTotal"],
        "available_bytes": kib.get("MemAvailable"),
        "swap_total_bytes": kib.get("SwapTotal", 0),
        "hugepages_total": counts.get("HugePages_Total", 0),
        "hugepage_bytes": kib.get("Hugepagesize"),
    }


def parse_node_memory(text: str) -> int:
    """/sys/devices/system/node/node0/meminfo -> bytes of memory of this NUMA node. Raises ParseError."""
    match = _NODE_TOTAL.search(text)
    if not match:
        raise ParseError("meminfo of the NUMA node", "no MemTotal", text=text)
    return whole(match[1], "meminfo of the NUMA node") * 1024


def parse_packages(text: str, asked: Iterable[str]) -> dict[str, Optional[str]]:
    """Lines `name state version`, state starting with ii for an installed package -> package -> version, None if not
    installed."""
    found: dict[str, Optional[str]] = dict.fromkeys(asked)
    for line in text.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1].startswith("ii") and parts[0] in found:
            found[parts[0]] = parts[2]
    return found


def parse_version(text: str) -> Optional[str]:
    """First version number in what a program answers to --version, such as 9.0.0 or 7.2.22."""
    match = re.search(r"\b([0-9]+\.[0-9]+(?:\.[0-9]+)*)", text)
    return match[1] if match else None


def parse_java_version(text: str) -> Optional[str]:
    """`java -version`, `java --version` or the release file of a Java -> version, such as 17.0.13."""
    match = re.search(r'(?:version "|openjdk |^JAVA_VERSION=")([0-9][\w.+-]*)', text, re.MULTILINE)
    return match[1] if match else None


def parse_listeners(text: str) -> list[dict[str, Any]]:
    """/proc/net/tcp or tcp6 -> address and port of each listening socket, sorted."""
    found = []
    for line in text.splitlines():
        match = _SOCKET.match(line)
        if match and match[3].upper() == _LISTEN:
            found.append({"address": _address(match[1]), "port": int(match[2], 16)})
    return sorted(found, key=lambda each: (each["port"], each["address"]))


def _address(digits: str) -> str:
    """The kernel prints 32-bit words in the byte order of the machine, which is little-endian wherever KVM hosts
    run."""
    raw = b"".join(bytes.fromhex(digits[i : i + 8])[::-1] for i in range(0, len(digits), 8))
    return str(IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw))


def parse_nfs_mounts(text: str) -> list[dict[str, str]]:
    """/proc/mounts -> source, path and options of what is mounted over NFS."""
    rows = [line.split() for line in text.splitlines()]
    return [
        {"source": row[0], "path": row[1], "options": row[3]}
        for row in rows
        if len(row) > 3 and row[2].startswith("nfs")
    ]


def parse_mounts(text: str) -> list[dict[str, Any]]:
    """/proc/mounts -> source, path, type and noexec of what holds files: the kernel's own file systems, and what guests
    and containers bring along, are left out. Blanks in a path are written as \\040 there."""
    rows = [line.split() for line in text.splitlines()]
    kept = [row for row in rows if len(row) > 3 and row[2] not in _NO_FILES and not row[1].startswith(_NOT_OURS)]
    return [
        {
            "source": source,
            "path": path.replace("\\040", " "),
            "type": kind,
            "noexec": "noexec" in options.split(","),
        }
        for source, path, kind, options, *_rest in kept
    ]


def parse_initiator(text: str) -> Optional[str]:
    """/etc/iscsi/initiatorname.iscsi -> the name, None without one."""
    match = re.search(r"^InitiatorName=(\S+)", text, re.MULTILINE)
    return match[1] if match else None


def _flatten(entries: list) -> list[tuple[str, Any]]:
    """Newer lscpu nests its fields."""
    found = []
    for entry in entries:
        found.append((entry["field"].rstrip(":"), entry.get("data")))
        found += _flatten(entry.get("children", []))
    return found


def _number(text: Any) -> Optional[int]:
    return int(text) if re.fullmatch("[0-9]{1,15}", str(text)) else None


def _float(text: Any) -> Optional[float]:
    return float(text) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", str(text)) else None
