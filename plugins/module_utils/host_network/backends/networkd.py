# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The back end systemd-networkd: .netdev and .network files in /etc/systemd/network, and networkctl."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from glob import glob

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.host_state import (
    cloud_settings,
    port_macs,
    read_files,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.networkd import Networkd as Daemon
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files, Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import networkd as plan


class Networkd:
    """See base.Backend."""

    makes_switches = False

    def __init__(self, run: Run = command.run) -> None:
        self._run = run
        self._daemon = Daemon(run)

    def file_mode(self, path: str) -> int:
        """networkd reads them as a user of its own."""
        return 0o644

    def in_force(self) -> bool:
        return self._run(("systemctl", "is-active", "--quiet", "systemd-networkd.service")).ok

    def read(self) -> Files:
        """Units and drop-ins, without those that another folder's file of the same name hides; cloud-init's
        settings."""
        by_name: dict[str, str] = {}
        for folder in reversed(plan.FOLDERS):
            found = [path for kind in ("netdev", "network") for path in glob(f"{folder}/*.{kind}")]
            by_name.update({posixpath.basename(path): path for path in found})
            inside = glob(f"{folder}/*.network.d/*.conf")
            by_name.update({path[len(folder) :]: path for path in inside})
        return read_files([*by_name.values(), *cloud_settings()])

    def declared(self, files: Files) -> Network:
        return plan.declared(files)

    def configured(self, files: Files) -> Mapping[str, str]:
        return plan.configured(files)

    def render(self, network: Network, files: Files) -> Files:
        return plan.render(network, files, port_macs(network.names))

    def check(self, files: Files, names: Sequence[str]) -> None:
        """Nothing: networkd accepts every file, and leaves out lines that it does not understand. Those that the role
        writes are proven by what the links become."""

    def take_down(self, name: str) -> None:
        """Nothing: networkd keeps a NIC or bridge until its files change, and takes from it then what they do not
        say."""

    def delete(self, name: str) -> None:
        self._daemon.forget(name)

    def bring_up(self, names: Sequence[str]) -> None:
        self._daemon.reconfigure(names, self.declared(self.read()))

    def load(self, names: Sequence[str]) -> None:
        self._daemon.load(names)

    def generate(self) -> None:
        """Nothing: the files themselves are read."""

    def state_files(self, names: Sequence[str]) -> list[str]:
        return []

    def resume(self, names: Sequence[str]) -> None:
        self._daemon.resume()
