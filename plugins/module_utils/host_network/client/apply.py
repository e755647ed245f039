# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carries out the plan that the diff shows, step by step; where one fails, or the host is cut off, all is put back as
it was."""

from __future__ import annotations

import contextlib
from typing import Callable

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.base import Backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.guard import Guard, uninterrupted
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.snapshot import Snapshot, StagedFiles
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import State


class Applier:
    """One change of this host's network. `replan` measures anew and plans again: an empty plan is the proof that all
    is as declared."""

    def __init__(self, backend: Backend, links: Links, guard: Guard, replan: Callable[[], Plan]) -> None:
        self._backend, self._links, self._guard, self._replan = backend, links, guard, replan
        self._begun: list[Change] = []  # steps that were carried out, the last one perhaps half-way

    def apply(self, plan: Plan, state: State) -> None:
        """Carry out the plan, which was made from `state`.

        Raises InputError or OperationFailed with nothing changed; ApplyError where it was put back, or says what
        could not be.
        """
        self._guard.require_before()
        names = sorted({name for change in plan for name in change.data.get("names", ())})
        file_changes = [change for change in plan if change.action in ("create", "change")]
        paths = [*(change.target for change in file_changes), *self._backend.state_files(names)]
        snapshot = Snapshot(self._links, state, names, paths)
        staged = StagedFiles(file_changes)
        with uninterrupted():
            try:
                for change in plan:
                    self._begun.append(change)
                    self._do(change, staged)
                self._backend.load(names)
                self._verify()
            except BaseException as error:
                problems = self._put_back(snapshot)
                with contextlib.suppress(OSError, KvmError):  # the disk may be read-only by now
                    staged.discard()
                if isinstance(error, KvmError):
                    raise _told(error, problems) from error
                raise

    def _do(self, change: Change, staged: StagedFiles) -> None:
        """The one place that says what an action of a plan means."""
        target, data = change.target, change.data
        if change.action == "take down":
            self._backend.take_down(target)
            if data["flush"]:
                self._links.flush(target)
        elif change.action in ("create", "change"):
            staged.commit(target)
        elif change.action == "build":
            self._backend.bring_up(data["bridge"])
            self._links.resize(data["bridge"])
        elif change.action == "resize":
            self._links.resize(data["bridge"])
        elif change.action == "remove address":
            self._links.remove_address(target, data["address"])
        elif change.action == "route":
            self._links.route(target, data["old"], data["new"])
        else:
            raise ValueError(f"an action without a meaning: {change.action}")

    def _verify(self) -> None:
        left = self._replan()
        if left:
            raise ApplyError(
                "the network is not as declared after the change",
                expected="nothing left to do",
                observed=", ".join(left.summary()),
                next_step="see the diff of --check --diff; something else may configure the same interfaces",
            )
        self._guard.require_after()

    def _put_back(self, snapshot: Snapshot) -> list[str]:
        """Links first, because the host is cut off, and by `ip` alone; then files; DHCP clients; and what these did
        to links."""
        snapshot.restore_links()
        with contextlib.suppress(KvmError, OSError):
            for change in self._begun:
                if change.action == "build" and change.data["bridge"].address == "dhcp":
                    self._backend.take_down(change.target)  # ends the client that asks for a link which is gone
        snapshot.restore_files()
        with contextlib.suppress(KvmError, OSError):
            self._backend.resume([change.target for change in self._begun if change.action == "take down"])
        return [*snapshot.restore_files(), *snapshot.restore_links()]


def _told(error: KvmError, problems: list[str]) -> ApplyError:
    """The error, with what became of the host."""
    became = "the network was put back as it was"
    if problems:
        became = f"the network could NOT be put back entirely ({'; '.join(problems)})"
    parts = {"expected": error.expected, "observed": error.observed, "reproduce": error.reproduce}
    return ApplyError(
        f"{error.message}; {became}",
        next_step=error.next_step or "correct network_bridge_bridges and run again",
        **parts,
    )
