# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that the hosts saw, by pair of hosts: the outcomes and what was heard, of several rounds, merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, Topology
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import NOT_ASKED, Attachment, Element, Heard, Outcome, Probe

EVIDENCE_MAX = 5


@dataclass
class Seen:
    """All that was seen, by flow; flows of hosts that are found guilty beforehand are taken out."""

    topology: Topology
    flows: dict[Flow, list[Outcome]]
    heard: dict[tuple[str, str, str], Heard]  # by network, who was heard, by whom
    ran: frozenset[str]

    def without(self, elements: Iterable[Element]) -> Seen:
        gone = {(element.host, element.network) for element in elements}
        kept = {flow: found for flow, found in self.flows.items() if not {(flow[0], flow[2]), (flow[1], flow[2])} & gone}
        return replace(self, flows=kept)

    def owner(self, host: str, network: str, answers: Iterable[Outcome]) -> str:
        """The link-layer address that belongs to a host's address, by declaration or else any that answered."""
        return self.topology.at[host, network].mac or min((outcome.neighbour for outcome in answers if outcome.neighbour), default="")

    def of_owners(self) -> Seen:
        """Without the answers of devices that hold an address which is another one's."""
        kept = {}
        for flow, outcomes in self.flows.items():
            right = [outcome for outcome in outcomes if outcome.neighbour in ("", self.owner(outcome.probe.peer, flow[2], (outcome,)))]
            if right:
                kept[flow] = right
        return replace(self, flows=kept)


def collect(attachments: Iterable[Attachment], outcomes: Iterable[Outcome], heard: Iterable[Heard], ran: Iterable[str]) -> Seen:
    topology = Topology(attachments)
    merged: dict[tuple[str, str, str], Outcome] = {}
    for outcome in outcomes:
        key = outcome.probe.host, outcome.probe.peer, outcome.probe.network
        merged[key] = _merge(merged[key], outcome) if key in merged else outcome
    flows: dict[Flow, list[Outcome]] = defaultdict(list)
    for (host, peer, network), outcome in merged.items():
        if outcome.failure != NOT_ASKED and {(host, network), (peer, network)} <= topology.at.keys():
            flows[min(host, peer), max(host, peer), network].append(outcome)
    ears: dict[tuple[str, str, str], Heard] = {}
    for each in heard:
        key = each.network, each.peer, each.host
        ears[key] = each if key not in ears else _merge_heard(ears[key], each)
    return Seen(topology, dict(flows), ears, frozenset(ran) | {host for host, _peer, _network in merged})


def _merge(before: Outcome, after: Outcome) -> Outcome:
    """The worse answer, with the losses of both: another run may take another one of several parallel ways. Of two that are alike, the later."""
    if NOT_ASKED in (before.failure, after.failure):
        return after if before.failure == NOT_ASKED else before
    worse, better = (before, after) if _works(before) < _works(after) else (after, before)
    forward = worse.forward if worse.forward is not None or _works(before) != _works(after) else better.forward
    neighbours = {*before.neighbours, *after.neighbours, before.neighbour, after.neighbour} - {"", worse.neighbour}
    return replace(
        worse,
        sent=before.sent + after.sent,
        lost=before.lost + after.lost,
        bursts=before.bursts + after.bursts,
        forward=forward,
        neighbours=tuple(sorted(neighbours)),
    )


def _works(outcome: Outcome) -> tuple[bool, bool]:
    return outcome.control, bool(outcome.passed)


def _merge_heard(before: Heard, after: Heard) -> Heard:
    """As if the second run had gone on counting."""
    return replace(before, count=before.count + after.count, last=before.last + 1 + after.last - after.first)


def evidence(outcomes: Sequence[Outcome]) -> tuple[Probe, ...]:
    return tuple(outcome.probe for outcome in outcomes[:EVIDENCE_MAX])
