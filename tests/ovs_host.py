# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of tests.ifupdown_host with Debian's Open vSwitch, whose real daemons run in its namespace.

The datapath is the one in user space, because it needs no module of the kernel: a bridge's own link is a tap device
then. All else is as on any host: ovsdb-server, ovs-vswitchd, ovs-vsctl, and the script for ifupdown.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from lab.control import images
from tests import ifupdown_host
from tests.ifupdown_host import SHIM, SHIMS, IfupdownHost
from tests.namespaces import Namespaces

PACKAGES = (
    *("openvswitch-switch", "openvswitch-common", "libbpf1", "libelf1", "libevent-2.1-7", "libnuma1"),
    *("libunbound8", "libxdp1"),
)
_DAEMONS = """
mkdir -p /run/openvswitch
ovsdb-tool create /run/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /run/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --no-chdir --detach --pidfile \
  --log-file=/run/openvswitch/db.log
ovs-vsctl --no-wait init
/usr/lib/openvswitch-switch/ovs-vswitchd unix:/run/openvswitch/db.sock --disable-system --no-chdir --detach --pidfile \
  --log-file=/run/openvswitch/switch.log
"""
# Every bridge that is made gets the datapath in user space.
_OVS_SHIM = SHIM.replace(
    'case "$*"',
    """case "$*" in *--format=json*|*--version*) real "$@" ;; esac
previous=
for word in "$@"; do
  [ "$previous" != add-br ] || set -- "$@" -- set bridge "$word" datapath_type=netdev
  previous=$word
done
case "$*\"""",
)
# The script for ifupdown asks for the service.
_SYSTEMCTL = "#!/bin/sh\nexit 0\n"
_QUIET = ("statistics", "status", "_version")


def make_root(folder: Path) -> Path:
    """The root that all hosts share: the one of ifupdown's, with the packages of the lab's pool."""
    root = ifupdown_host.make_root(folder)
    for name in PACKAGES:
        (package,) = images.pool().glob(f"{name}_*.deb")
        archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], input=archive, check=True)
    return root


class OvsHost(IfupdownHost):
    """Cards eth0 and eth1 behind one switch, and Open vSwitch without a bridge."""

    def __init__(self, spaces: Namespaces, root: Path, case: Path, interfaces: str, *args: Any) -> None:
        super().__init__(spaces, root, case, interfaces, *args)
        for name, text in (("ovs-vsctl", _OVS_SHIM), ("systemctl", _SYSTEMCTL)):
            (case / "shims" / name).write_text(text)
            (case / "shims" / name).chmod(0o755)
        self.enter("sh", "-ec", _DAEMONS)

    def ovs(self, *words: str) -> str:
        """Ask or tell the database, without the shims' counting."""
        return self.enter("ovs-vsctl", "--timeout=10", *words).stdout

    def make_switch(self, name: str, *words: str) -> None:
        """A bridge by hand."""
        path = f"{SHIMS}:/usr/sbin:/usr/bin:/sbin:/bin"
        self.enter("ovs-vsctl", "--timeout=10", "add-br", name, *words, PATH=path)
        (self.case / "run" / "commands").unlink()
        (self.case / "run" / "count").unlink()

    def switches(self) -> dict[str, Any]:
        """Ports of each bridge with what is configured of them."""
        found: dict[str, Any] = {}
        for bridge in self.ovs("list-br").split():
            for port in [bridge, *self.ovs("list-ports", bridge).split()]:
                columns = [
                    self.ovs("get", "port", port, each).strip() for each in ("tag", "trunks", "bond_mode", "lacp")
                ]
                found[f"{bridge} {port}"] = columns
            found[f"{bridge} interfaces"] = sorted(self.ovs("list-ifaces", bridge).split())
        return found

    def stop(self) -> None:
        """End the daemons, by the ids that they have written."""
        for pidfile in (self.case / "run/openvswitch").glob("*.pid"):
            self.enter("kill", pidfile.read_text().strip(), check=False)

    def log(self) -> str:
        """The daemon's own words, for a failure."""
        return json.dumps((self.case / "run/openvswitch/switch.log").read_text()[-2000:])
