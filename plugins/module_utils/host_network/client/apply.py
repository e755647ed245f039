# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carries out the plan that the diff shows, step by step; where one fails, or the host is cut off, all is put back as
it was, by this process or, where that is gone, by the host itself."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files, places
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.base import Backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.confirmation import Confirmation
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.guard import Guard, uninterrupted
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import OVS_DATABASE, Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.snapshot import (
    StagedFiles,
    give_back,
    inspect_all,
    put_back,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bridge,
    Device,
    Kept,
    State,
)


class Applier:
    """One change of this host's network by the back end called `name`. `replan` measures anew and plans again: an empty
    plan is the proof that all is as declared."""

    def __init__(
        self,
        name: str,
        backend: Backend,
        links: Links,
        guard: Guard,
        confirmation: Confirmation,
        replan: Callable[[], Plan],
    ) -> None:
        self._name, self._backend, self._links, self._guard = name, backend, links, guard
        self._confirmation, self._replan = confirmation, replan

    def apply(self, plan: Plan, state: State) -> bool:
        """Carry out the plan, which was made from `state`. Whether the host now waits for the change to be confirmed.

        Raises InputError or OperationFailed with nothing changed; ApplyError where it was put back, or says what
        could not be.
        """
        self._guard.require_before()
        file_changes = [change for change in plan if change.action in ("create", "change", "delete")]
        kept = self._keep(plan, state, [change.target for change in file_changes])
        with self._confirmation.held():
            staged = StagedFiles(change for change in file_changes if change.action != "delete")
            try:
                armed = self._confirmation.arm(kept)
            except BaseException:
                staged.discard()
                raise
            self._carry_out(plan, kept, staged)
            if armed:
                self._confirmation.renew()
            return armed

    def _keep(self, plan: Plan, state: State, paths: list[str]) -> Kept:
        """What is needed to put all of the plan back."""
        names = sorted({name for change in plan for name in change.data.get("names", ())})
        leased = [change.target for change in plan if change.action == "build" and change.data["leased"]]
        return Kept(
            self._name,
            state,
            tuple(names),
            inspect_all([*paths, *self._backend.state_files(names)]),
            tuple(change.target for change in plan if change.action == "take down"),
            tuple(leased),
            inspect_all([OVS_DATABASE] if _touches_switches(plan, state) else []),
        )

    def _carry_out(self, plan: Plan, kept: Kept, staged: StagedFiles) -> None:
        begun: list[Change] = []  # steps that were carried out, the last one perhaps half-way
        with uninterrupted():
            try:
                for change in plan:
                    begun.append(change)
                    self._do(change, staged)
                self._backend.load(list(kept.names))
                self._give_back(kept)
                self._verify()
            except BaseException as error:
                problems = put_back(_only(begun, kept), self._backend, self._links)
                with contextlib.suppress(OSError, KvmError):  # the disk may be read-only by now
                    staged.discard()
                    if not problems:  # else the host tries once more when the time is over
                        self._confirmation.drop()
                if isinstance(error, KvmError):
                    raise _told(error, problems) from error
                raise

    def _do(self, change: Change, staged: StagedFiles) -> None:
        """The one place that says what an action of a plan means."""
        target, data = change.target, change.data
        if change.action == "take down":
            if not data.get("stays"):
                self._backend.take_down(target)
            if data.get("delete"):
                self._backend.delete(target)
            if data["flush"]:
                self._links.flush(target)
        elif change.action in ("create", "change"):
            staged.commit(target)
        elif change.action == "delete":
            files.remove(places.resolve(target))
        elif change.action == "remove":
            self._links.remove(target)
        elif change.action == "build":
            self._switch(data.get("device"), data.get("released", ()))
            self._backend.bring_up(data["bring_up"])
            self._links.resize(data["mtus"])
        elif change.action == "attach":
            self._links.attach(target, data["bridge"])
        elif change.action == "resize":
            self._switch(data.get("device"), ())
            self._links.resize(data["mtus"])
        elif change.action == "remove address":
            self._links.remove_address(target, data["address"])
        elif change.action == "set querier":
            self._links.set_querier(target, data["on"])
        elif change.action == "route":
            self._links.route(target, data["old"], data["new"])
        else:
            raise ValueError(f"an action without a meaning: {change.action}")

    def _switch(self, device: Optional[Device], released: Sequence[str]) -> None:
        """A bridge of Open vSwitch is there before the back end gives it addresses, and keeps no MTU but the one that
        its database has."""
        if isinstance(device, Bridge) and device.ovs and not self._backend.makes_switches:
            self._links.switch(device, released)

    def _give_back(self, kept: Kept) -> None:
        problems = give_back(kept, self._links)
        if problems:
            raise ApplyError(
                "an interface that the change does not touch has lost addresses or routes",
                expected="as before",
                observed="; ".join(problems),
                next_step="say them in the files of that interface, then run again",
            )

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


def _touches_switches(plan: Plan, state: State) -> bool:
    """Whether something of Open vSwitch changes, which its database would bring again at the next boot."""
    devices = [change.data.get("device") for change in plan if change.action in ("build", "resize")]
    made = any(isinstance(device, Bridge) and device.ovs for device in devices)
    return made or any(change.action == "remove" and change.target in state.switches for change in plan)


def _only(begun: list[Change], kept: Kept) -> Kept:
    """Without the DHCP clients that were not touched yet."""
    done = {(change.action, change.target) for change in begun}
    return replace(
        kept,
        taken_down=tuple(name for name in kept.taken_down if ("take down", name) in done),
        leased=tuple(name for name in kept.leased if ("build", name) in done),
    )


def _told(error: KvmError, problems: list[str]) -> ApplyError:
    """The error, with what became of the host."""
    became = "the network was put back as it was"
    if problems:
        became = f"the network could NOT be put back entirely ({'; '.join(problems)})"
    parts = {"expected": error.expected, "observed": error.observed, "reproduce": error.reproduce}
    told = ApplyError(
        f"{error.message}; {became}",
        next_step=error.next_step or "correct network_bridge_config and run again",
        **parts,
    )
    told.details = {"rolled_back": True}
    return told
