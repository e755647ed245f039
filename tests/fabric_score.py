# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path check on a simulated fabric, and how its faults compare with the truth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import locate_faults
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import path as m
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    Attachment,
    Element,
    Fault,
    FaultReport,
    Probe,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import plan_probes

from tests.fabric import BRIDGE, HOST, LINK, ONE_WAY_L2, OWN_MTU, SPINE, SWITCH, Fabric, InjectedFault, Simulator

BETWEEN_TWO = (m.UPLINK, m.CORE)  # are the same where there are two places only


def check_fabric(
    simulator: Simulator,
    probes: Sequence[Probe] = (),
    attachments: Optional[Iterable[Attachment]] = None,
    rounds: int = 2,
) -> FaultReport:
    """Plan (unless there are `probes`), ask, locate faults, ask what that asks for, and so on.

    `attachments`: as far as the controller knows them.
    """
    known = list(attachments or simulator.fabric.attachments)
    outcomes, heard = simulator.ask(probes or plan_probes(known, simulator.fabric.sizes))
    report = locate_faults(known, outcomes, heard, simulator.ran)
    for _round in range(rounds - 1):
        if report.next_probes:
            more_outcomes, more_heard = simulator.ask(report.next_probes, direction=True)
            outcomes, heard = outcomes + more_outcomes, heard + more_heard
            report = locate_faults(known, outcomes, heard, simulator.ran)
    return report


@dataclass(frozen=True)
class Score:
    """How located faults compare with the truth. `located` and `exact` count faults; the others are faults that should
    not be there."""

    seen: int  # faults that changed an answer
    located: int  # of these: named, alone or in a tie
    exact: int  # of these: named alone
    wrong_kind: int  # of the located ones
    wrong_direction: int
    directed: int  # located ones with a direction
    healthy_blamed: int  # hosts without a fault that are blamed alone
    wrong: int  # others, decided, without a fault
    stray: int  # ties without a fault among them

    @property
    def good(self) -> bool:
        return self.located == self.seen and not (self.healthy_blamed or self.wrong or self.stray or self.wrong_kind)


def score(simulator: Simulator, faults: Sequence[Fault]) -> Score:
    fabric, injections = simulator.fabric, simulator.injections
    seen = [injected for injected in injections if injected not in simulator.unseen]
    named = {injected: [each for each in faults if _names(fabric, each, injected)] for injected in seen}
    right, exact = {}, {}
    for injected, found in named.items():
        right[injected] = [
            each for each in found if _accepts_kind(injected, each.kinds, injected.host in simulator.ran)
        ]
        exact[injected] = [each for each in right[injected] if each.decided]
    directions = []
    for injected, found in exact.items():
        directed = [each for each in found if each.direction and not each.self_reported]
        directions += [_direction_fits(fabric, injected, each) for each in directed]
    stray = [each for each in faults if not any(_names(fabric, each, injected) for injected in injections)]
    healthy = [each for each in stray if _is_one_healthy_host(each, injections)]
    ties = [each for each in stray if not each.decided and each not in healthy]
    return Score(
        seen=len(seen),
        located=sum(map(bool, named.values())),
        exact=sum(map(bool, exact.values())),
        wrong_kind=sum(bool(named[injected]) and not right[injected] for injected in seen),
        wrong_direction=directions.count(False),
        directed=len(directions),
        healthy_blamed=len(healthy),
        wrong=sum(each.decided and each not in healthy for each in stray),
        stray=len(ties),
    )


def _names(fabric: Fabric, fault: Fault, injected: InjectedFault) -> bool:
    """Whether one of the suspects is the injected fault."""
    return any(_accepts(fabric, injected, element) for element in fault.suspects)


def _is_one_healthy_host(fault: Fault, injections: Sequence[InjectedFault]) -> bool:
    """Whether a host without a fault is blamed alone, be it for one of its networks or another."""
    hosts = {each.host for each in fault.suspects}
    if len(hosts) != 1 or any(each.kind not in m.HOST_KINDS for each in fault.suspects):
        return False
    return not any(hosts & {injected.host, injected.other} for injected in injections)


def _direction_fits(fabric: Fabric, injected: InjectedFault, fault: Fault) -> bool:
    if injected.kind in (OWN_MTU, m.UNPLUGGED, m.SUBNET, m.DUPLICATE, m.FILTERED, m.DEAD) or injected.where == SPINE:
        return True
    element = fault.suspects[0]
    if element.kind == m.LINK and element.place != injected.place:  # named from its other end
        return {m.IN: m.OUT, m.OUT: m.IN}.get(injected.direction, m.BOTH) == fault.direction
    return injected.direction == fault.direction


def _accepts(fabric: Fabric, injected: InjectedFault, element: Element) -> bool:
    """Whether naming this element names the fault, no wider than probes can tell."""
    if injected.host:
        return _accepts_at_host(fabric, injected, element)
    if injected.network and element.network != injected.network and len(fabric.sizes) > 1:
        return False
    if injected.where == SWITCH:
        return _accepts_switch(fabric, injected.place, element)
    if injected.where == LINK:
        ends = element.kind == m.LINK and {element.place, element.other} == {injected.place, injected.far}
        return ends or (len(fabric.places) == 2 and element.kind in BETWEEN_TWO)
    if element.kind == m.LINK:
        return len(fabric.places) == 2
    if injected.where == SPINE:
        return element.kind == m.CORE
    return (element.kind, element.place) == (m.UPLINK, injected.place)


def _accepts_at_host(fabric: Fabric, injected: InjectedFault, element: Element) -> bool:
    if element.kind not in m.HOST_KINDS or element.host != injected.host:
        return False
    if not element.network:
        return injected.where != BRIDGE and element.nic in ("", injected.nic)
    if injected.where == HOST or element.network == injected.network:
        return True
    return fabric.at[injected.host, element.network].nic == injected.nic != ""


def _accepts_switch(fabric: Fabric, place: str, element: Element) -> bool:
    """A switch with one host is its uplink, and one that is all there is is the fabric."""
    if element.kind == m.FABRIC and len(fabric.places) == 1:
        return True
    network = fabric.attachments[0].network
    hosts = sum(each.place == place and each.network == network for each in fabric.attachments)
    return element.place == place and element.kind == (m.UPLINK if hosts == 1 else m.PLACE)


def _accepts_kind(injected: InjectedFault, kinds: Collection[str], ran: bool) -> bool:
    wanted = {OWN_MTU: {m.MTU, m.FRAGMENTED}, ONE_WAY_L2: {m.ONE_WAY}}.get(injected.kind, {injected.kind})
    if not ran and injected.host:  # it cannot report its own fault
        wanted = wanted | {m.DEAD, m.UNPLUGGED}
    return bool(wanted & set(kinds))
