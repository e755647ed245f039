# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent finds out about its host. Everything is read from the host itself."""

import json
import os
import re
import socket
import subprocess

from . import VERSION

# a bridge port counts as physical if its name matches (LibvirtComputingResource:2001-2032)
PHYSICAL = re.compile(r"^(eth|bond|vlan|vx|em|ens|eno|enp|team|enx|dummy|lo|vni|enc)|^p\d+p\d+")
RESERVED = 1073741824  # bytes, host.reserved.mem.mb


def text_of(path):
    """Text of a file."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def output(*command):
    """Standard output of a command, empty where it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def address(device):
    """(IPv4 address, netmask, MAC) of a device, None where it has no address."""
    for link in json.loads(output("ip", "-j", "address", "show", "dev", device) or "[]"):
        for info in link.get("addr_info", []):
            if info["family"] == "inet":
                bits = info["prefixlen"]
                mask = socket.inet_ntoa(((0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF).to_bytes(4, "big"))
                return info["local"], mask, link["address"]
    return None


def has_physical_port(bridge):
    """Whether a bridge has a port that the agent takes for physical; a plain device counts by its own name."""
    ports = f"/sys/class/net/{bridge}/brif"
    if os.path.isdir(ports):
        return any(PHYSICAL.match(name) for name in os.listdir(ports))
    return os.path.exists(f"/sys/class/net/{bridge}") and bool(PHYSICAL.match(bridge))


def cpu():
    """Sockets, logical CPUs and MHz."""
    text = text_of("/proc/cpuinfo")
    count = len(re.findall(r"^processor\s*:", text, re.M))
    sockets = len(set(re.findall(r"^physical id\s*:\s*(\d+)", text, re.M))) or 1
    model = re.search(r"^model name.*?([\d.]+)\s*GHz", text, re.M)
    mhz = (
        float(model[1]) * 1000 if model else float((re.search(r"^cpu MHz\s*:\s*([\d.]+)", text, re.M) or [0, 1000])[1])
    )
    return sockets, count, int(mhz)


def memory():
    """Bytes that guests may have."""
    kib = int(re.findall(r"^MemTotal:\s+(\d+)", text_of("/proc/meminfo"), re.M)[0])
    return kib * 1024 - RESERVED


def os_release():
    """(name, version) of the distribution."""
    text = text_of("/etc/os-release")
    name = re.search(r'^NAME="?([^"\n]+)', text, re.M)
    version = re.search(r'^VERSION_ID="?([^"\n]+)', text, re.M)
    return (name[1] if name else ""), (version[1] if version else "")


def uefi():
    """Whether the package ovmf is installed."""
    return output("dpkg-query", "-W", "-f", "${db:Status-Status}", "ovmf").strip() == "installed"


def startup(properties, device, secured):
    """The StartupRoutingCommand of this host; `device` carries the private address. The storage address is the private
    one again."""
    private = address(device) or (None, None, None)
    sockets, cpus, mhz = cpu()
    name, version = os_release()
    gateway = re.search(r"^default via (\S+)", output("ip", "route"), re.M)
    details = {
        "Host.OS": name,
        "Host.OS.Version": version,
        "Host.OS.Kernel.Version": os.uname().release,
        "secured": str(secured).lower(),
        "host.vddk.support": "false",
        "com.cloud.network.Networks.RouterPrivateIpStrategy": "HostLocal",
        "host.uefi.enable": str(uefi()).lower(),
    }
    return {
        "command": "StartupRoutingCommand",
        "cpuSockets": sockets,
        "cpus": cpus,
        "speed": mhz,
        "cpuArch": os.uname().machine,
        "arch": os.uname().machine,
        "memory": memory(),
        "dom0MinMemory": RESERVED,
        "caps": "hvm,snapshot",
        "hypervisorType": "KVM",
        "hostDetails": details,
        "hostTags": [],
        "dataCenter": properties.get("zone", ""),
        "pod": properties.get("pod", ""),
        "cluster": properties.get("cluster", ""),
        "guid": properties["guid"] + "-LibvirtComputingResource",
        "name": socket.gethostname(),
        "privateIpAddress": private[0],
        "privateNetmask": private[1],
        "privateMacAddress": private[2],
        "storageIpAddress": private[0],
        "storageNetmask": private[1],
        "storageMacAddress": private[2],
        "version": VERSION,
        "gatewayIpAddress": gateway[1] if gateway else None,
        "uefi": uefi(),
    }
