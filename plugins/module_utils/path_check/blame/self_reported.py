# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts say of themselves or of the link-layer addresses they see, so that nothing need be concluded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Seen, evidence
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.predicates import least
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import DUPLICATE, MTU, OUT, PORT, Culprit, Element, Outcome


def duplicates(seen: Seen) -> Iterator[Culprit]:
    """Addresses for which more than one link-layer address was seen, counting the one that belongs to it."""
    answers: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for flow in seen.flows.values():
        for outcome in flow:
            if outcome.neighbour or outcome.neighbours:
                answers[outcome.probe.peer, outcome.probe.network].append(outcome)
    owners = {(each.mac, each.network): each.host for each in seen.topology.at.values() if each.mac}
    for (host, network), outcomes in sorted(answers.items()):
        own = seen.owner(host, network, outcomes)
        wrong = [outcome for outcome in outcomes if {outcome.neighbour, *outcome.neighbours} - {own, ""}]
        strange = {mac for outcome in wrong for mac in (outcome.neighbour, *outcome.neighbours)} - {own, ""}
        if wrong:
            yield Culprit(
                kinds=(DUPLICATE,),
                candidates=(Element(PORT, host=host, network=network),),
                part=len(wrong) < len(outcomes),
                bad=len(wrong),
                asked=len(outcomes),
                evidence=evidence(wrong),
                others=tuple(sorted({owners[mac, network] for mac in strange if (mac, network) in owners})),
            )


def own_words(seen: Seen, kind: str, failures: Collection[str]) -> Iterator[Culprit]:
    """Hosts that say of themselves, most of the time, that they cannot ask: nothing need be concluded."""
    asked: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in (outcome for flow in seen.flows.values() for outcome in flow):
        asked[outcome.probe.host, outcome.probe.network].append(outcome)
    for (host, network), outcomes in sorted(asked.items()):
        refused = [outcome for outcome in outcomes if outcome.failure in failures]
        if len(refused) * 2 > len(outcomes):
            yield Culprit(
                kinds=(kind,),
                candidates=(Element(PORT, host=host, network=network),),
                direction=OUT if kind == MTU else "",
                own=True,
                mtu=least(refused) if kind == MTU else None,
                bad=len(refused),
                asked=len(outcomes),
                evidence=evidence(refused),
            )
