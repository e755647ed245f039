# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose network netplan, NetworkManager or systemd-networkd configures: a container with systemd from the lab's
image, two cards whose other ends are in a namespace inside it, the back end's packages from the lab's pool.

It is booted once for all tests of a back end: a change that was put back leaves it as it was.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.control import images, namespaces, podman
from tests.ifupdown_host import CODE, SHIM, Shimmed, stable_links, stable_routes
from tests.namespaces import ROOT

SHIMS = "/opt/shims"
_PLUGINS = "/opt/ansible_collections/cloudstack/kvm/plugins"
_KERNEL_METRIC = re.compile(r"(proto kernel .*)\bmetric \d+")
# The wires are there before any network daemon starts, with the same hardware addresses after each boot. The switch has
# 10.88.0.1, where the login comes from, and .2; it answers to every packet size up to 9000.
_WIRES = """#!/bin/sh -e
echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
ip netns add switch
ip -n switch link set lo up
ip -n switch link add br0 mtu 9000 up type bridge
ip -n switch address add 10.88.0.1/24 dev br0
ip -n switch address add 10.88.0.2/24 dev br0
for number in 0 1; do
  ip link add eth$number address 02:00:00:00:00:0$number type veth peer name port$number mtu 9000 netns switch
  ip -n switch link set port$number master br0 up
done
ip link add eth9 address 02:00:00:00:00:09 type veth peer name port9 netns switch
ip -n switch link set port9 up
# The image masks systemd-udev-trigger, which would do this (and for all devices of the machine); NetworkManager 1.52
# does not end its start before udev knows lo.
udevadm trigger --action=add /sys/class/net/lo
"""
_UNIT = """[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=systemd-udevd.service local-fs.target
Before=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/wires
[Install]
WantedBy=multi-user.target
"""


def missing() -> str:
    """Why such a host cannot be had here; "" if it can."""
    return "" if (images.pool() / "Release").exists() else "needs the lab's base image: make lab-setup"


class BackendHost(Shimmed):
    """A running container; use it in a `with`."""

    def __init__(
        self, name: str, packages: Sequence[str], tools: Sequence[str], volumes: Mapping[Path, str] | None = None
    ) -> None:
        self.name, self.backend, self.packages, self.tools = f"be-{name}", name, packages, tools
        self.volumes = volumes or {}

    def __enter__(self) -> BackendHost:
        namespaces.create()
        if not podman.image_exists(images.host_image()):
            images.make_host_image()
        podman.podman("rm", "-f", "-i", "-t", "0", self.name)
        site = next(Path(path) for path in sys.path if (Path(path) / "ansible/module_utils/basic.py").exists())
        volumes = {images.pool(): "/pool", site / "ansible": "/opt/site/ansible", ROOT / "plugins": _PLUGINS}
        volumes |= self.volumes
        mounts = [word for path, place in volumes.items() for word in ("-v", f"{path}:{place}:ro")]
        podman.podman(
            "create", "--name", self.name, "--pull", "never", "--network", "none", *podman.BOOT_OPTIONS, *mounts,
            images.host_image(),
        )  # fmt: skip
        podman.podman("start", self.name)
        podman.wait_for_systemd(self.name)
        self._install()
        return self

    def __exit__(self, *_error: object) -> None:
        podman.podman("rm", "-f", "-t", "0", self.name)

    def _install(self) -> None:
        self.write({"/usr/local/sbin/wires": _WIRES, "/etc/systemd/system/wires.service": _UNIT}, "755")
        self.write({f"{SHIMS}/{tool}": SHIM for tool in ("ip", *self.tools)}, "755")
        self.sh(f"""
rm -f /etc/network/interfaces
echo 'deb [trusted=yes] file:/pool ./' >/etc/apt/sources.list
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates {" ".join(self.packages)} >/dev/null
systemctl disable -q --now networking.service
systemctl enable -q wires.service
""")

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a script on the host; what it prints."""
        return podman.podman("exec", self.name, "sh", "-ec", script, check=check).stdout

    def write(self, files: Mapping[str, str], mode: str = "600") -> None:
        """Make or replace files."""
        for path, text in files.items():
            command = f"mkdir -p $(dirname {path}); cat >{path}; chmod {mode} {path}"
            podman.podman("exec", "-i", self.name, "sh", "-ec", command, stdin=text)

    def reboot(self) -> None:
        """Off and on again."""
        podman.podman("stop", "-t", "20", self.name)
        podman.podman("start", self.name)
        podman.wait_for_systemd(self.name)

    def bridge(self, bridges: Sequence[Mapping[str, Any]], *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module `bridge` there, as a login from 10.88.0.1, and confirm its change; its result."""
        given = {"config": bridges, "backend": self.backend, "rollback_timeout": 3, **options}
        given |= {
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_remote_tmp": "/tmp",
            "_ansible_keep_remote_files": False,
        }
        done = podman.podman(
            "exec", "-e", f"PATH={SHIMS}:/usr/sbin:/usr/bin:/sbin:/bin", "-e", "PYTHONDONTWRITEBYTECODE=1",
            "-e", "SSH_CONNECTION=10.88.0.1 40000 10.88.0.11 22", self.name,
            "/usr/bin/python3", "-c", CODE, json.dumps(given), check=False,
        )  # fmt: skip
        assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
        result = json.loads(done.stdout)
        if result.get("waits"):
            self.bridge([], confirm=True)
        return result

    def files(self, *folders: str) -> str:
        """Path and content of all files of these folders, for comparison."""
        return self.sh(f"find {' '.join(folders)} -type f 2>/dev/null | sort | xargs -r sha256sum")

    def links(self) -> dict[str, Any]:
        """Links, addresses and routes as the kernel tells them, without what is counted down."""
        routes = [self.sh(f"ip -{version} route show table all") for version in (4, 6)]
        return stable_network(json.loads(self.sh("ip -j -d address")), routes)


def stable_network(shown: Sequence[Mapping[str, Any]], routes: Sequence[str]) -> dict[str, Any]:
    """`ip -j -d address` and `ip route` without what daemons and the kernel change by themselves."""
    for address in (each for link in shown for each in link["addr_info"]):
        address.pop("nodad", None)  # of one that was put back
        address.pop("tentative", None)
    # NetworkManager gives a device another metric each time it activates it; the kernel puts it on these routes, beside
    # those with the metric of before
    lines = {_KERNEL_METRIC.sub(r"\1", line) for line in stable_routes(routes)}
    return {"links": stable_links(shown), "routes": sorted(lines)}
