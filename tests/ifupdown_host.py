# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with ifupdown, for one test: a namespace with two cards and a switch behind them, the lab's base image as
its root, its own /etc/network.

The real ifup, bridge-utils, `ip` and kernel do the work. Nothing boots: a host is there in a tenth of a second.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.control import images
from tests.namespaces import ROOT, Namespaces

SHIMS = "/opt/shims"
LOGIN = {"PATH": f"{SHIMS}:/usr/sbin:/usr/bin:/sbin:/bin", "SSH_CONNECTION": "10.88.0.1 40000 10.88.0.11 22"}
_LINK_LOCAL = re.compile(r"\b(fe80:|ff00::/8|anycast )")
_CARRIER = re.compile(r" (dead|linkdown)\b")  # the kernel looks for it some time after a link has come up
_ENTER = f"""
root=$1 case=$2 site=$3 plugins=$4
shift 4
mount --bind "$root" "$root"
mount --bind "$case/network" "$root/etc/network"
mount --bind "$case/run" "$root/run"
mount --bind "$case/shims" "$root{SHIMS}"
mount --bind "$site" "$root/opt/site"
mount --bind "$plugins" "$root/opt/ansible_collections/cloudstack/kvm/plugins"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --bind /dev "$root/dev"
exec chroot "$root" env -i "$@"
"""
CODE = """
import runpy, sys
sys.path[1:1] = ["/opt", "/opt/site"]
from ansible.module_utils.testing import patch_module_args
with patch_module_args(__import__("json").loads(sys.argv.pop())):
    runpy.run_module("ansible_collections.cloudstack.kvm.plugins.modules.bridge", run_name="__main__")
"""
# Lets commands that change something fail: the one with the number in `fail`, or from then on all of `broken`'s names.
SHIM = """#!/bin/sh
name=${0##*/}
real() { PATH=/usr/sbin:/usr/bin:/sbin:/bin exec "$name" "$@"; }
case "$*" in "-j "*|*--list*|*--no-act*|"list "*|"lldp "*|*--get-values*) real "$@" ;; esac
number=$(($(cat /run/count 2>/dev/null || echo 0) + 1))
echo $number >/run/count
echo "$name $*" >>/run/commands
if [ "$number" = "$(cat /run/fail 2>/dev/null)" ]; then
  echo 0 >/run/fail
  touch /run/failed
  [ ! -e /run/after ] || (real "$@")
  echo "made to fail" >&2
  exit 1
fi
if [ -e /run/failed ] && grep -qw "$name" /run/broken 2>/dev/null; then echo "broken" >&2; exit 1; fi
real "$@"
"""


def missing() -> str:
    """Why such a host cannot be had here; "" if it can."""
    return "" if (images.pool() / "Release").exists() else "needs the lab's base image: make lab-setup"


def make_root(folder: Path) -> Path:
    """The root that all hosts share: the base image with bridge-utils."""
    subprocess.run(["tar", "-xf", images.CACHE / images.base_hash() / "base.tar", "-C", folder], check=True)
    (package,) = images.pool().glob("bridge-utils_*.deb")
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    # /lib is a link there, and a folder in the package
    subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", folder], input=archive, check=True)
    for each in (SHIMS, "/opt/site", "/opt/ansible_collections/cloudstack/kvm/plugins"):
        (folder / each[1:]).mkdir(parents=True)
    return folder


class Shimmed:
    """A whole system of its own whose tools are behind SHIM. Subclasses have `sh`, which runs a script there and gives
    what it printed."""

    sh: Callable[..., str]

    def fail(self, number: int, **files: str) -> None:
        """Let the command with this number fail, as `files` (see SHIM) say it."""
        lines = [f"printf %s '{text}' >/run/{name}" for name, text in {"fail": str(number), **files}.items()]
        self.sh("\n".join(["rm -f /run/count /run/commands /run/failed /run/broken /run/after", *lines]))

    def commands(self) -> list[str]:
        """What was called since `fail` that changes something."""
        return self.sh("cat /run/commands 2>/dev/null || true").splitlines()


class IfupdownHost:
    """Cards eth0 and eth1 on the bridge `br0` of a switch, which has 10.88.0.1 and .2: the login comes from the
    first."""

    def __init__(
        self,
        spaces: Namespaces,
        root: Path,
        case: Path,
        interfaces: str,
        files: Mapping[str, bytes] = types.MappingProxyType({}),
    ) -> None:
        self.spaces, self.root, self.case = spaces, root, case
        self.network = case / "network"
        shutil.copytree(root / "etc/network", self.network, symlinks=True)
        (self.network / "interfaces").write_text(interfaces)
        for folder in ("run/network", "shims"):
            (case / folder).mkdir(parents=True)
        for path, content in files.items():
            if path.startswith("network/interfaces"):
                (case / path).write_bytes(content)
        for name in ("ip", "ifup", "ifdown"):
            (case / "shims" / name).write_text(SHIM)
            (case / "shims" / name).chmod(0o755)
        self.name, self.switch = f"host{case}", f"switch{case}"
        spaces.add(self.name, self.switch)
        spaces.ip(
            self.switch,
            [
                "link add name br0 mtu 9000 up type bridge",
                "address add 10.88.0.1/24 dev br0",
                "address add 10.88.0.2/24 dev br0",
            ],
        )
        for card in ("eth0", "eth1"):
            spaces.plug(self.switch, "br0", self.name, card, mtu=9000, port=f"port-{card}")
            spaces.ip(self.name, [f"link set dev {card} mtu 1500"])
        spaces.sysctl(self.name, "net.ipv6.conf.default.accept_dad", "0")
        self.enter("ifup", "-a")

    def enter(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the host."""
        return self.spaces.run(self.name, self._inside(command, environment), check=check)

    def interpreter(self) -> Path:
        """A program that Ansible may take for the host's Python, over a local connection with pipelining."""
        line = ["nsenter", f"--net={self.spaces.path(self.name)}", *self._inside(["/usr/bin/python3"], LOGIN)]
        path = self.case / "python"
        path.write_text(f'#!/bin/sh\nexec {shlex.join(line)} "$@"\n')
        path.chmod(0o755)
        return path

    def _inside(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        site = next(Path(path) for path in sys.path if (Path(path) / "ansible/module_utils/basic.py").exists())
        values = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment}
        inside = [
            str(self.root),
            str(self.case),
            str(site),
            str(ROOT / "plugins"),
            *(f"{key}={value}" for key, value in values.items()),
            *command,
        ]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _ENTER, "sh", *inside]

    def bridge(self, bridges: Sequence[Mapping[str, Any]], *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module `bridge` there, as a login from 10.88.0.1; its result."""
        given = {"config": bridges, "rollback_timeout": 1, **options}
        given |= {
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_remote_tmp": "/tmp",
            "_ansible_keep_remote_files": False,
        }
        done = self.enter("/usr/bin/python3", "-c", CODE, json.dumps(given), check=False, **LOGIN)
        assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
        return json.loads(done.stdout)

    def set(self, name: str, value: str = "") -> None:
        """Tell the shims (`SHIM`) what to do."""
        (self.case / "run" / name).write_text(value)

    def commands(self) -> list[str]:
        """What was called so far that changes something."""
        file = self.case / "run" / "commands"
        return file.read_text().splitlines() if file.exists() else []

    def files(self) -> dict[str, bytes]:
        """All of /etc/network, and what ifupdown remembers."""
        remembered = [each for each in (self.case / "run/network").glob("ifstate*") if each.is_file()]
        found = [each for each in sorted(self.network.rglob("*")) if each.is_file() and not each.name.endswith(".lock")]
        return {str(each.relative_to(self.case)): each.read_bytes() for each in (*found, *remembered)}

    def links(self) -> dict[str, Any]:
        """Links, addresses and routes as the kernel tells them, without numbers, what is counted down, and link-local
        addresses.

        The kernel gives these by itself, some time after a link has come up.
        """
        shown = json.loads(self.spaces.run(self.name, ["ip", "-j", "-d", "address"]).stdout)
        routes = [
            self.spaces.run(self.name, ["ip", f"-{version}", "route", "show", "table", "all"]).stdout
            for version in (4, 6)
        ]
        return {"links": stable_links(shown), "routes": stable_routes(routes)}

    def wait_for_local_routes(self) -> None:
        """Until each address has its route in the local table: the kernel makes those of IPv6 from a work queue, some
        time after the address."""
        deadline = time.monotonic() + 30
        while missing := _without_local_route(self.links()):
            assert time.monotonic() < deadline, f"expected a route in the local table, observed none for {missing}"


def stable_links(shown: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`ip -j -d address` without what changes by itself."""
    return {each["ifname"]: _stable(each) for each in shown}


def stable_routes(texts: Sequence[str]) -> list[str]:
    """Lines of `ip route`, sorted, without those that the kernel makes some time after a link has come up."""
    lines = [line for text in texts for line in text.splitlines() if not _LINK_LOCAL.search(line)]
    return sorted(_CARRIER.sub("", line).strip() for line in lines)


def _without_local_route(found: Mapping[str, Any]) -> list[str]:
    given = [each["local"] for link in found["links"].values() if link["up"] for each in link["addresses"]]
    local = {route.split()[1] for route in found["routes"] if route.startswith("local ")}
    return [address for address in given if address not in local]


def _stable(link: Mapping[str, Any]) -> dict[str, Any]:
    bridge = (
        link.get("linkinfo", {}).get("info_data", {}) if link.get("linkinfo", {}).get("info_kind") == "bridge" else {}
    )
    known = ("forward_delay", "stp_state", "ageing_time", "priority", "vlan_filtering", "mcast_querier")
    options = {key: bridge.get(key) for key in known}
    kept = {key: link.get(key) for key in ("mtu", "master", "address")}
    ending = ("valid_life_time", "preferred_life_time", "tentative")
    given = [each for each in link["addr_info"] if each["scope"] != "link"]
    addresses = [{key: value for key, value in each.items() if key not in ending} for each in given]
    return {**kept, "up": "UP" in link["flags"], "options": options, "addresses": addresses}
