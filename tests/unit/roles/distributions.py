# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a joined host of each distribution, as kvm_host_facts gives them.

Debian 12 is captured. The others are the same host with what differs: os-release of the distribution, names of packages
and units. No EL or Ubuntu host was to be had."""

from __future__ import annotations

import copy
import json
from pathlib import Path

CAPTURED = json.loads((Path(__file__).parents[2] / "fixtures" / "facts" / "joined_debian12.json").read_text())
DEBIAN_PACKAGES = [
    "apparmor", "bridge-utils", "chrony", "cloudstack-agent", "cloudstack-common", "cpu-checker", "ethtool",
    "ifupdown", "ipset", "iptables",
    "libnfs-utils", "libvirt-clients", "libvirt-daemon-system", "lsb-release", "nfs-common", "nftables",
    "qemu-system-x86", "qemu-utils", "sudo",
]  # fmt: skip
EL_PACKAGES = [
    "chrony", "cloudstack-agent", "cloudstack-common", "ethtool", "ipset", "libnfs", "libvirt", "nfs-utils",
    "nftables", "qemu-img", "qemu-kvm", "sudo",
]  # fmt: skip
AGENT_VERSIONS = {"cloudstack-agent": "4.22.1.0-1", "cloudstack-common": "4.22.1.0-1"}
RUNNING = {"load": "loaded", "active": "active", "sub": "running", "unit_file": "enabled"}
ABSENT = {"load": "not-found", "active": "inactive", "sub": "dead", "unit_file": ""}
SYNCHRONISED = {
    "synchronised": True,
    "source": "192.0.2.254",
    "stratum": 3,
    "offset_s": 0.0001,
    "leap": "Normal",
    "sources": [],
}


def facts(identity: str) -> dict:
    """Facts of a joined host of debian12, ubuntu2404, rocky8 or rocky9."""
    name, version, family, packages, clock = {
        "debian12": ("debian", "12", "debian", DEBIAN_PACKAGES, "chrony.service"),
        "ubuntu2404": ("ubuntu", "24.04", "debian", DEBIAN_PACKAGES, "chrony.service"),
        "rocky8": ("rocky", "8.10", "redhat", EL_PACKAGES, "chronyd.service"),
        "rocky9": ("rocky", "9.4", "redhat", EL_PACKAGES, "chronyd.service"),
    }[identity]
    host = copy.deepcopy(CAPTURED)
    host["os"] = {
        "id": name,
        "version_id": version,
        "codename": None,
        "name": name,
        "family": family,
        "kernel": host["os"]["kernel"],
    }
    known = set(host["packages"]) | set(packages)
    host["packages"] = {
        package: AGENT_VERSIONS.get(package, "1.0") if package in packages else None for package in known
    }
    host["units"].update({"chrony.service": ABSENT, "chronyd.service": ABSENT, clock: RUNNING})
    host["units"].update(dict.fromkeys(("networking.service", "NetworkManager.service"), ABSENT))
    network = {"debian": "networking.service", "ubuntu": "systemd-networkd.service"}.get(name, "NetworkManager.service")
    host["units"][network] = RUNNING
    if name == "ubuntu":
        host["files"]["/etc/netplan"] = {"exists": True, "entries": ["50-cloud-init.yaml"]}
        host["packages"].update({"netplan.io": "1.0", "python3-yaml": "6.0"})
    host["time"] = SYNCHRONISED
    if family == "redhat":
        host["lsm"] = {"apparmor": None, "selinux": "enforcing"}
        host["units"].update(
            dict.fromkeys(("virtqemud.socket", "virtqemud-ro.socket", "virtqemud-admin.socket"), RUNNING)
        )
    return host
