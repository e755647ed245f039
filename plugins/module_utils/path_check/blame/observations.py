# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that the hosts observed, by pair of hosts: the outcomes and what was heard, of several rounds, merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    NOT_ASKED,
    Attachment,
    Fault,
    Heard,
    Outcome,
    Probe,
)

EVIDENCE_MAX = 5


@dataclass
class Observations:
    """Outcomes by flow. `heard_by`: by network, who was heard, and by whom. `ran`: hosts that gave results."""

    topology: Topology
    flows: dict[Flow, list[Outcome]]
    heard_by: dict[tuple[str, str, str], Heard]
    ran: frozenset[str]

    def without(self, faults: Iterable[Fault]) -> Observations:
        """Without the flows of the hosts, each on one network, that are known to be at fault."""
        gone = {(fault.suspects[0].host, fault.suspects[0].network) for fault in faults}
        kept = {}
        for (host, peer, network), outcomes in self.flows.items():
            if (host, network) not in gone and (peer, network) not in gone:
                kept[host, peer, network] = outcomes
        return replace(self, flows=kept)

    def owner(self, host: str, network: str, answers: Iterable[Outcome]) -> str:
        """The link-layer address that belongs to a host's address, by declaration or else any that answered."""
        answered = (outcome.neighbour for outcome in answers if outcome.neighbour)
        return self.topology.at[host, network].mac or min(answered, default="")

    def of_owners(self) -> Observations:
        """Without the answers of devices that hold an address which is another one's."""
        kept = {}
        for flow, outcomes in self.flows.items():
            right = [outcome for outcome in outcomes if self._is_of_owner(flow, outcome)]
            if right:
                kept[flow] = right
        return replace(self, flows=kept)

    def _is_of_owner(self, flow: Flow, outcome: Outcome) -> bool:
        return outcome.neighbour in ("", self.owner(outcome.probe.peer, flow[2], (outcome,)))


def collect(
    attachments: Iterable[Attachment], outcomes: Iterable[Outcome], heard: Iterable[Heard], ran: Iterable[str]
) -> Observations:
    """Merge what several rounds gave; what was not asked, or of hosts that are not attached, is left out."""
    topology = Topology(attachments)
    merged: dict[tuple[str, str, str], Outcome] = {}
    for outcome in outcomes:
        key = outcome.probe.host, outcome.probe.peer, outcome.probe.network
        merged[key] = _merge(merged[key], outcome) if key in merged else outcome
    flows: dict[Flow, list[Outcome]] = defaultdict(list)
    for (host, peer, network), outcome in merged.items():
        if outcome.failure != NOT_ASKED and {(host, network), (peer, network)} <= topology.at.keys():
            flows[min(host, peer), max(host, peer), network].append(outcome)
    heard_by: dict[tuple[str, str, str], Heard] = {}
    for each in heard:
        key = each.network, each.peer, each.host
        heard_by[key] = _merge_heard(heard_by[key], each) if key in heard_by else each
    asking = {host for host, _peer, _network in merged}
    return Observations(topology, dict(flows), heard_by, frozenset(ran) | asking)


def _merge(before: Outcome, after: Outcome) -> Outcome:
    """The worse answer, with the losses of both: another run may take another one of several parallel ways.

    Of two that are alike, the later.
    """
    if NOT_ASKED in (before.failure, after.failure):
        return after if before.failure == NOT_ASKED else before
    alike = _works(before) == _works(after)
    worse, better = (before, after) if _works(before) < _works(after) else (after, before)
    neighbours = {*before.neighbours, *after.neighbours, before.neighbour, after.neighbour} - {"", worse.neighbour}
    return replace(
        worse,
        sent=before.sent + after.sent,
        lost=before.lost + after.lost,
        bursts=before.bursts + after.bursts,
        forward=better.forward if alike and worse.forward is None else worse.forward,
        neighbours=tuple(sorted(neighbours)),
    )


def _works(outcome: Outcome) -> tuple[bool, bool]:
    return outcome.control, bool(outcome.passed)


def _merge_heard(before: Heard, after: Heard) -> Heard:
    """As if the second run had gone on counting."""
    return replace(before, count=before.count + after.count, last=before.last + 1 + after.last - after.first)


def evidence(outcomes: Sequence[Outcome]) -> tuple[Probe, ...]:
    """The probes of some of these outcomes."""
    return tuple(outcome.probe for outcome in outcomes[:EVIDENCE_MAX])
