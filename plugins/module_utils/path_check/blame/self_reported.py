# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults that hosts report of themselves, or that the link-layer addresses they saw show: no inference is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Observations, evidence
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.predicates import least
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    DUPLICATE,
    MTU,
    OUT,
    PORT,
    Element,
    Fault,
    Outcome,
)


def duplicate_addresses(observations: Observations) -> Iterator[Fault]:
    """Addresses for which more than one link-layer address was seen, counting the one that belongs to it."""
    answers: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for flow in observations.flows.values():
        for outcome in flow:
            if _neighbours(outcome):
                answers[outcome.probe.peer, outcome.probe.network].append(outcome)
    holders = {(each.mac, each.network): each.host for each in observations.topology.at.values() if each.mac}
    for (host, network), outcomes in sorted(answers.items()):
        own = observations.owner(host, network, outcomes)
        wrong = [outcome for outcome in outcomes if _neighbours(outcome) - {own}]
        foreign = set().union(*map(_neighbours, wrong)) - {own}
        if wrong:
            yield Fault(
                kinds=(DUPLICATE,),
                suspects=(Element(PORT, host=host, network=network),),
                partial=len(wrong) < len(outcomes),
                failed_pairs=len(wrong),
                tested_pairs=len(outcomes),
                evidence=evidence(wrong),
                others=tuple(sorted({holders[mac, network] for mac in foreign if (mac, network) in holders})),
            )


def _neighbours(outcome: Outcome) -> set[str]:
    """All link-layer addresses that answered."""
    return {outcome.neighbour, *outcome.neighbours} - {""}


def self_reported_faults(observations: Observations, kind: str, failures: Collection[str]) -> Iterator[Fault]:
    """Faults of hosts that, most of the time, say of themselves that they cannot ask."""
    asked: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for flow in observations.flows.values():
        for outcome in flow:
            asked[outcome.probe.host, outcome.probe.network].append(outcome)
    for (host, network), outcomes in sorted(asked.items()):
        refused = [outcome for outcome in outcomes if outcome.failure in failures]
        if len(refused) * 2 > len(outcomes):
            yield _self_reported(kind, Element(PORT, host=host, network=network), refused, len(outcomes))


def _self_reported(kind: str, element: Element, refused: Sequence[Outcome], tested: int) -> Fault:
    return Fault(
        kinds=(kind,),
        suspects=(element,),
        direction=OUT if kind == MTU else "",
        self_reported=True,
        mtu=least(refused) if kind == MTU else None,
        failed_pairs=len(refused),
        tested_pairs=tested,
        evidence=evidence(refused),
    )
