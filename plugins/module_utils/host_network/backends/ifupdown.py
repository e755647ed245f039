# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The back end ifupdown: /etc/network/interfaces, ifup and ifdown (Debian)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from glob import glob

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files as host_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import places
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import TIMEOUT, Run, must
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files, Network, to_bytes, to_text
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ifupdown as parse
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import ifupdown as plan

_STATE = "/run/network/ifstate"
_RESUME_TIMEOUT = 30.0  # seconds for a DHCP client to get its answer; the address is back before it is asked


class Ifupdown:
    """See base.Backend."""

    makes_switches = False

    def __init__(self, run: Run = command.run) -> None:
        self._run = run

    def file_mode(self, path: str) -> int:
        return 0o644

    def in_force(self) -> bool:
        return self._run(("ifquery", "--version")).ok

    def read(self) -> Files:
        """The main file, all that it reads, and all of the folder, which the main file will read."""
        found: dict[str, str] = {}
        waiting = [plan.MAIN_FILE, *sorted(glob(f"{plan.FOLDER}/*"))]
        while waiting:
            path = waiting.pop(0)
            content = host_files.inspect(places.resolve(path)).content
            if path in found or content is None:
                continue
            found[path] = to_text(content)
            patterns = parse.sources(found[path], path)
            waiting += sorted(each for pattern in patterns for each in glob(pattern))
        return found

    def declared(self, files: Files) -> Network:
        return plan.declared(files)

    def configured(self, files: Files) -> Mapping[str, str]:
        found = {name: path for path, text in files.items() for name in parse.configured(text)}
        return {name: path for name, path in found.items() if name != "lo"}

    def render(self, network: Network, files: Files) -> Files:
        return plan.render(network, files)

    def check(self, files: Files, names: Sequence[str]) -> None:
        whole = parse.expand(files, plan.MAIN_FILE)
        with host_files.scratch_copy(to_bytes(whole)) as path:
            self._ask(("ifquery", "--list", "--interfaces", path), path, whole)
            for name in names:
                self._ask(("ifup", "--no-act", "--force", "--interfaces", path, name), path, whole)

    def _ask(self, argv: tuple[str, ...], path: str, whole: str) -> None:
        """ifupdown names a line of the copy, so what stands there is told as well."""
        answer = self._run(argv)
        if answer.ok or answer.problem.endswith("is not installed"):
            return
        said = (answer.stderr or answer.problem).strip().replace(path, plan.MAIN_FILE)
        number = re.search(rf"{re.escape(plan.MAIN_FILE)}:(\d+)", said)
        line = whole.splitlines()[int(number[1]) - 1 : int(number[1])] if number else []
        raise InputError(
            f"ifupdown does not accept {plan.MAIN_FILE} and what it reads, so that no interface could be brought up; "
            "nothing was changed",
            expected="files that ifupdown understands, those of unrelated interfaces as well",
            observed="; ".join(
                [said.replace("\n", ", ") or answer.why(), *(f"the line: {text.strip()}" for text in line)]
            ),
            next_step="correct that line, then run again",
            reproduce="ifquery --list",
        )

    def take_down(self, name: str) -> None:
        if name in parse.configured("".join(self.read().values())):
            self._run(("ifdown", "--force", name), timeout=TIMEOUT)

    def delete(self, name: str) -> None:
        """One that the files know is gone already, as ifdown has deleted it."""
        self._run(("ip", "link", "delete", name))

    def bring_up(self, names: Sequence[str]) -> None:
        """Without --force a VLAN device NIC.ID, as that holds for its parent too: a bond that is up would take its
        ports down and leave them so (ifenslave)."""
        for name in names:
            if "." in name:
                self._run(("ifdown", "--force", name), timeout=TIMEOUT)
                must(self._run, ("ifup", name))
            else:
                must(self._run, ("ifup", "--force", name))

    def load(self, names: Sequence[str]) -> None:
        """Nothing: ifupdown has no daemon."""

    def generate(self) -> None:
        """Nothing: the files themselves are read."""

    def state_files(self, names: Sequence[str]) -> list[str]:
        return [_STATE, *(f"{_STATE}.{name}" for name in names)]

    def resume(self, names: Sequence[str]) -> None:
        leased = parse.leased("".join(self.read().values()))
        for name in names:
            if name in leased:
                self._run(("ifup", "--force", name), timeout=_RESUME_TIMEOUT)
