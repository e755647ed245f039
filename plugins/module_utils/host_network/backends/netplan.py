# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The back end netplan: YAML in /etc/netplan, which netplan's generator turns into files of systemd-networkd (Ubuntu).

`netplan apply` would configure every interface of the host again. So the generator writes to a folder of our own, only
what differs is put where networkd reads it, and networkd configures the links whose files have changed.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from glob import glob

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files as host_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.host_state import (
    cloud_settings,
    port_macs,
    read_files,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.networkd import Networkd
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files, Network, to_bytes
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import netplan as parse
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import netplan as plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import netplan_querier

# netplan's own generator. `netplan generate` calls it, and from netplan 1.0 on reloads systemd after that, also with
# --root-dir (cli/commands/generate.py): then the files in _GENERATED are written again, and networkd takes all links
# for changed.
_GENERATORS = ("/usr/libexec/netplan/generate", "/usr/lib/netplan/generate", "/lib/netplan/generate")
_GENERATED = "/run/systemd/network"  # where the generator puts networkd's files
_NEEDS_OVS = "The 'ovs-vsctl' tool is required"
_OURS = "10-netplan-"  # how it names them


class Netplan:
    """See base.Backend."""

    makes_switches = False

    def __init__(self, run: Run = command.run) -> None:
        self._run = run
        self._networkd = Networkd(run)

    def file_mode(self, path: str) -> int:
        """Newer netplan warns of files that others can read; networkd reads its own as a user of its own."""
        return 0o644 if netplan_querier.is_drop_in(path) else 0o600

    def in_force(self) -> bool:
        return self._run(("netplan", "generate", "--help")).ok

    def read(self) -> Files:
        """The files that netplan reads, without those that another folder's file of the same name hides, drop-ins of
        those that it generates, and cloud-init's settings."""
        by_name: dict[str, str] = {}
        for folder in parse.FOLDERS:
            by_name.update({posixpath.basename(path): path for path in glob(f"{folder}/*.yaml")})
        return read_files([*by_name.values(), *sorted(glob(netplan_querier.PATTERN)), *cloud_settings()])

    def declared(self, files: Files) -> Network:
        return plan.declared(files)

    def render(self, network: Network, files: Files) -> Files:
        return plan.render(network, files, port_macs(network.names))

    def configured(self, files: Files) -> Mapping[str, str]:
        return plan.configured(files)

    def check(self, files: Files, names: Sequence[str]) -> None:
        answer, _made = self._generate(files)
        if _NEEDS_OVS in answer.stderr and not self._run(("ovs-vsctl", "--version")).ok:  # not installed yet
            return
        if not answer.ok and not answer.problem.endswith("is not installed"):
            self._refuse(answer.stderr or answer.stdout or answer.problem)

    def take_down(self, name: str) -> None:
        """Nothing: networkd keeps a NIC or bridge until its files change, and takes from it then what they do not
        say."""

    def delete(self, name: str) -> None:
        self._networkd.forget(name)

    def bring_up(self, names: Sequence[str]) -> None:
        self._install()
        self._networkd.reconfigure(names, self.declared(self.read()))

    def load(self, names: Sequence[str]) -> None:
        self._install()
        self._networkd.load(names)

    def generate(self) -> None:
        self._install()

    def state_files(self, names: Sequence[str]) -> list[str]:
        new = [f"{_GENERATED}/{_OURS}{name}.{kind}" for name in names for kind in ("netdev", "network", "link")]
        return sorted({*new, *glob(f"{_GENERATED}/{_OURS}*")})

    def resume(self, names: Sequence[str]) -> None:
        self._networkd.resume()

    def _install(self) -> None:
        """Put what netplan generates from the present files where networkd reads it, but for what is there already.
        Raises ApplyError."""
        answer, wanted = self._generate(self.read())
        if not answer.ok:
            raise ApplyError("`netplan generate` failed", observed=answer.why(), reproduce="netplan generate")
        if not host_files.is_directory(_GENERATED):
            host_files.make_directory(_GENERATED, 0o755, None, None)
        for path in glob(f"{_GENERATED}/{_OURS}*"):
            if path not in wanted:
                host_files.remove(path)
        for path, new in wanted.items():
            if host_files.inspect(path).content != new.content:
                host_files.write(path, new.content or b"", new.mode or 0o644, new.uid, new.gid)

    def _generate(self, files: Files) -> tuple[command.Answer, dict[str, FileState]]:
        """What netplan says of these files, and what it makes of them: path -> file."""
        contents = {path: to_bytes(files[path]) for path in parse.in_order(files)}
        with host_files.scratch_tree(contents) as root:
            answer = self._run((*_generator(), "--root-dir", root))
            made = sorted(glob(f"{root}{_GENERATED}/{_OURS}*")) if answer.ok else []
            found = {path[len(root) :]: host_files.inspect(path) for path in made}
        stderr = answer.stderr.replace(root, "")
        return replace(answer, stderr=stderr), found

    @staticmethod
    def _refuse(said: str) -> None:
        raise InputError(
            "netplan does not accept the files in /etc/netplan, so that no interface could be configured; "
            "nothing was changed",
            expected="files that netplan understands, those of unrelated interfaces as well",
            observed=" ".join(said.split()),
            next_step="correct that line, then run again",
            reproduce="netplan generate --root-dir COPY",
        )


def _generator() -> tuple[str, ...]:
    """The command that makes networkd's files of netplan's."""
    found = [path for path in _GENERATORS if os.path.exists(path)]
    return (found[0],) if found else ("netplan", "generate")
