# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path check on a simulated fabric, and how its verdict compares with the truth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import blame
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import path as m
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment, Culprit, Element, Probe, Verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import plan_probes

from tests.fabric import BRIDGE, HOST, LINK, ONE_WAY_L2, OWN_MTU, SPINE, SWITCH, Fabric, Fault, Simulator

BETWEEN_TWO = (m.UPLINK, m.CORE)  # are the same where there are two places only


def check(simulator: Simulator, probes: Sequence[Probe] = (), attachments: Optional[Iterable[Attachment]] = None, rounds: int = 2) -> Verdict:
    """Plan (unless there are `probes`), ask, blame, ask what that asks for, and so on. `attachments`: as far as the controller knows them."""
    known = list(attachments or simulator.fabric.attachments)
    outcomes, heard = simulator.ask(probes or plan_probes(known, simulator.fabric.sizes))
    verdict = blame(known, outcomes, heard, simulator.ran)
    for _round in range(rounds - 1):
        if verdict.ask:
            more, ears = simulator.ask(verdict.ask, direction=True)
            outcomes, heard = outcomes + more, heard + ears
            verdict = blame(known, outcomes, heard, simulator.ran)
    return verdict


@dataclass(frozen=True)
class Score:
    """How a verdict compares with the truth. `located` and `exact` count faults; the others are culprits that should not be there."""

    seen: int  # faults that changed an answer
    located: int  # of these: named, alone or in a tie
    exact: int  # of these: named alone
    wrong_kind: int  # of the located ones
    wrong_direction: int
    directed: int  # located ones with a direction
    healthy_blamed: int  # hosts without a fault that are blamed alone
    wrong: int  # other culprits, decided, that are no fault
    stray: int  # ties without a fault among them

    @property
    def good(self) -> bool:
        return self.located == self.seen and not (self.healthy_blamed or self.wrong or self.stray or self.wrong_kind)


def score(simulator: Simulator, culprits: Sequence[Culprit]) -> Score:
    fabric, seen = simulator.fabric, [fault for fault in simulator.faults if fault not in simulator.unseen]
    named = {fault: [each for each in culprits if any(_accepts(fabric, fault, element) for element in each.candidates)] for fault in seen}
    right = {fault: [each for each in found if _accepts_kind(fault, each.kinds, fault.host in simulator.ran)] for fault, found in named.items()}
    exact = {fault: [each for each in found if each.decided] for fault, found in right.items()}
    directions = [_direction_fits(fabric, fault, each) for fault, found in exact.items() for each in found if each.direction and not each.own]
    stray = [each for each in culprits if not any(_accepts(fabric, fault, element) for fault in simulator.faults for element in each.candidates)]
    guilty = {fault.host for fault in simulator.faults} | {fault.other for fault in simulator.faults}
    healthy = [each for each in stray if _is_one_host(each) and each.candidates[0].host not in guilty]
    return Score(
        seen=len(seen),
        located=sum(map(bool, named.values())),
        exact=sum(map(bool, exact.values())),
        wrong_kind=sum(bool(named[fault]) and not right[fault] for fault in seen),
        wrong_direction=directions.count(False),
        directed=len(directions),
        healthy_blamed=len(healthy),
        wrong=sum(each.decided and each not in healthy for each in stray),
        stray=sum(not each.decided and each not in healthy for each in stray),
    )


def _is_one_host(culprit: Culprit) -> bool:
    """Whether a host is blamed alone, be it for one of its networks or another."""
    return len({each.host for each in culprit.candidates}) == 1 and all(each.kind in m.HOST_KINDS for each in culprit.candidates)


def _direction_fits(fabric: Fabric, fault: Fault, culprit: Culprit) -> bool:
    if fault.kind in (OWN_MTU, m.UNPLUGGED, m.SUBNET, m.DUPLICATE, m.FILTERED, m.DEAD) or fault.where == SPINE:
        return True
    element = culprit.candidates[0]
    flipped = element.kind == m.LINK and element.place != fault.place
    return {m.IN: m.OUT, m.OUT: m.IN}.get(fault.direction, m.BOTH) == culprit.direction if flipped else fault.direction == culprit.direction


def _accepts(fabric: Fabric, fault: Fault, element: Element) -> bool:
    """Whether naming this element names the fault, no wider than probes can tell."""
    if fault.host:
        if element.kind not in m.HOST_KINDS or element.host != fault.host:
            return False
        if element.network:
            return fault.where == HOST or element.network == fault.network or fabric.at[fault.host, element.network].nic == fault.nic != ""
        return fault.where != BRIDGE and element.nic in ("", fault.nic)
    if fault.network and element.network != fault.network and len(fabric.sizes) > 1:
        return False
    if fault.where == SWITCH:
        alone = sum(each.place == fault.place and each.network == fabric.attachments[0].network for each in fabric.attachments) == 1
        return element.kind == m.FABRIC and len(fabric.places) == 1 or element.place == fault.place and element.kind in ((m.UPLINK,) if alone else (m.PLACE,))
    if fault.where == LINK:
        return element.kind == m.LINK and {element.place, element.other} == {fault.place, fault.far} or len(fabric.places) == 2 and element.kind in BETWEEN_TWO
    if element.kind == m.LINK:
        return len(fabric.places) == 2
    return element.kind == m.CORE if fault.where == SPINE else (element.kind, element.place) == (m.UPLINK, fault.place)


def _accepts_kind(fault: Fault, kinds: Collection[str], ran: bool) -> bool:
    wanted = {OWN_MTU: {m.MTU, m.FRAGMENTED}, ONE_WAY_L2: {m.ONE_WAY}}.get(fault.kind, {fault.kind})
    if not ran and fault.host:  # it cannot be asked what ails it
        wanted = wanted | {m.DEAD, m.UNPLUGGED}
    return bool(wanted & set(kinds))
