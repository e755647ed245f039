# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The devices of a host's management address and of the ways to its NFS servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

NFS = ("nfs", "nfs4")


def nfs_servers(text: str) -> list[str]:
    """The addresses of the NFS servers in /proc/self/mounts (option addr), sorted."""
    found = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[2] in NFS:
            found |= {each[5:] for each in fields[3].split(",") if each.startswith("addr=") and len(each) > 5}
    return sorted(found)


def nfs_peers(text: str) -> list[str]:
    """The servers to which `ss -Htn state established dport = :2049` shows connections, sorted: also of programs that
    speak NFS themselves.
    """
    found = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[3].endswith(":2049"):
            found.add(fields[3][: -len(":2049")].strip("[]").replace("::ffff:", ""))
    return sorted(found)


def is_own_cgroup(mounts: str, cgroup: str) -> bool:
    """Whether /sys/fs/cgroup is the cgroup of this container alone, and not one that it shares with its machine.

    `mounts` is /proc/self/mountinfo, whose fourth field is the root of a mount as this namespace sees it; `cgroup` is
    /proc/1/cgroup. Both begin at the cgroup of the container only where it has a namespace of its own.
    """
    roots = []
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 8 and fields[4] == "/sys/fs/cgroup" and "cgroup2" in fields[6:]:
            roots.append(fields[3])
    own = [line for line in cgroup.splitlines() if line.startswith("0::")]
    return roots[-1:] == ["/"] and own in (["0::/"], ["0::/init.scope"])


def device_of(text: str, address: str) -> Optional[str]:
    """The device that has the address, in the output of `ip -j address`; None where none has it. Raises ParseError."""
    for link in _entries(text, "ip -j address"):
        infos = link.get("addr_info")
        for info in infos if isinstance(infos, list) else ():
            if isinstance(info, Mapping) and info.get("local") == address:
                return str(link.get("ifname"))
    return None


def route_device(text: str) -> Optional[str]:
    """The device of the output of `ip -j route get`; None where it names none. Raises ParseError."""
    devices = [str(route["dev"]) for route in _entries(text, "ip -j route get") if route.get("dev")]
    return devices[0] if devices else None


def _entries(text: str, source: str) -> Iterable[Mapping[str, Any]]:
    found = load_json(text, source)
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise ParseError(source, "not a list of objects", text=text)
    return found
