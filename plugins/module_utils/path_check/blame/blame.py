# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which parts of the fabric are at fault: the fewest that explain all failures, what is wrong with each, in which
direction.

One cover (cover.py) per kind of failure, because other pairs prove an element healthy for each kind: a pair that passes
small packets clears its path of silence, not of a small MTU, and a silent pair says nothing about MTU. A fault of MTU v
is told from one of MTU w by the size that still passes. The directions come from what the hosts themselves saw: a UDP
datagram that is answered though the echo is not, and the echo requests that the peer heard (Heard). Where other packets
pass and ICMP does not, the fault is FILTERED, which means that nothing is known about the path's MTU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import Explanation, smallest_cover
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.direction import direction_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.next_probes import next_probes
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import (
    UNANSWERED,
    UNPASSED,
    background_noise,
    noise_of_lossy_parts,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import (
    Observations,
    collect,
    evidence,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.predicates import (
    BAD,
    GOOD,
    Classify,
    answering,
    in_fragments,
    least,
    losing_more_than,
    sizes_that_pass,
    smaller_than,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.self_reported import (
    duplicate_addresses,
    self_reported_faults,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.silence import (
    split_by_network,
    why_silent,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, with_islands
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    FABRIC,
    FRAGMENTED,
    LOCAL,
    LOSS,
    MTU,
    NO_ADDRESS,
    NO_ROUTE,
    ONE_WAY,
    SUBNET,
    Attachment,
    Element,
    Fault,
    FaultReport,
    Heard,
    Outcome,
)


def locate_faults(
    attachments: Iterable[Attachment],
    outcomes: Iterable[Outcome],
    heard: Iterable[Heard] = (),
    ran: Iterable[str] = (),
    *,
    loss_max_percent: float = 0.0,
) -> FaultReport:
    """The faults, those with the most failed pairs first, and the probes that would decide ties and directions.

    `outcomes` may be of several rounds: the worst answer counts, with the losses of all. `ran`: hosts that gave
    results, even if they asked no other host; those of the outcomes are taken for granted. `loss_max_percent`: loss up
    to that is not a failure.
    """
    everything = collect(attachments, outcomes, heard, ran)
    duplicates = list(duplicate_addresses(everything))
    observations = everything.of_owners()
    wrong_subnet = list(self_reported_faults(observations, SUBNET, (NO_ADDRESS, NO_ROUTE)))
    # A host whose address is held twice misses answers for that reason alone, so it is left out below.
    rest = observations.without(duplicates + wrong_subnet)
    losses = _find(rest, LOSS, losing_more_than(loss_max_percent))
    silent = _find(rest, ONE_WAY, answering, losses)
    local = list(self_reported_faults(observations, MTU, (LOCAL,)))
    without_local = observations.without(local)
    fragmented = _find(without_local, FRAGMENTED, in_fragments)
    small = _find_small_mtus(without_local, losses)
    faults = [*duplicates, *wrong_subnet, *silent, *losses, *local, *fragmented, *small]
    faults.sort(key=lambda fault: (-fault.failed_pairs, fault.suspects, fault.kinds))
    return FaultReport(tuple(faults), tuple(next_probes(everything, faults)))


def _find_small_mtus(observations: Observations, losses: Sequence[Fault]) -> list[Fault]:
    """The faults of each MTU that still passes."""
    outcomes = [outcome for flow in observations.flows.values() for outcome in flow]
    found = []
    for least_mtu, most_mtu in sizes_that_pass(outcomes):
        found += _find(observations, MTU, smaller_than(least_mtu, most_mtu), losses)
    return found


def _find(observations: Observations, kind: str, classify: Classify, losses: Sequence[Fault] = ()) -> list[Fault]:
    """The faults of one kind. `losses`: those of packet loss, whose pairs may fail other questions by chance, too."""
    results = {flow: classify(outcomes) for flow, outcomes in observations.flows.items()}
    failed = [flow for flow, result in results.items() if result is BAD]
    passed = [flow for flow, result in results.items() if result is GOOD]
    if not failed:
        return []
    observations = replace(observations, topology=with_islands(observations.topology, passed))
    if kind == LOSS:
        explanations = _explain_loss(observations, failed, passed)
    elif kind == ONE_WAY:
        explanations = _explain_silence(observations, failed, passed, losses)
    else:
        noise = noise_of_lossy_parts(observations.topology, failed, losses, UNPASSED)
        explanations = smallest_cover(observations.topology, failed, passed, noise=noise)
    explanations = _with_doubts(observations, explanations)
    return [_fault(observations, explanation, kind, classify) for explanation in explanations]


def _explain_loss(observations: Observations, failed: list[Flow], passed: list[Flow]) -> list[Explanation]:
    lost = {}
    for flow in failed + passed:
        outcomes = observations.flows[flow]
        lost[flow] = (sum(each.losses for each in outcomes), sum(each.sent for each in outcomes))
    return smallest_cover(observations.topology, failed, passed, noise=background_noise(lost), lost=lost)


def _explain_silence(
    observations: Observations, failed: list[Flow], passed: list[Flow], losses: Sequence[Fault]
) -> list[Explanation]:
    topology = observations.topology
    absent = topology.of_host.keys() - observations.ran
    noise = noise_of_lossy_parts(topology, failed, losses, UNANSWERED)
    found = smallest_cover(topology, failed, passed, noise=noise, absent=absent)
    return [part for explanation in found for part in split_by_network(observations, explanation)]


def _with_doubts(observations: Observations, explanations: Sequence[Explanation]) -> list[Explanation]:
    """Several hosts with the same failures may share a switch, where the places are unknown: none is blamed alone."""
    alone = [each for each in explanations if _is_one_host_without_place(observations, each)]
    if len(alone) <= 1:
        return list(explanations)
    return [_or_the_fabric(each) if each in alone else each for each in explanations]


def _is_one_host_without_place(observations: Observations, explanation: Explanation) -> bool:
    host, _peer, network = explanation.failed[0]
    if len(explanation.suspects) > 1 or explanation.suspects[0].host not in observations.ran:
        return False
    return not observations.topology.at[host, network].place


def _or_the_fabric(explanation: Explanation) -> Explanation:
    fabric = Element(FABRIC, network=explanation.failed[0][2])
    return replace(explanation, suspects=(*explanation.suspects, fabric))


def _fault(observations: Observations, explanation: Explanation, kind: str, classify: Classify) -> Fault:
    flows = [observations.flows[flow] for flow in explanation.failed]
    outcomes = sorted((outcome for flow in flows for outcome in flow), key=lambda outcome: outcome.probe)
    failed = [outcome for outcome in outcomes if not classify([outcome])]
    direction = direction_of(observations, explanation, failed, kind)
    kinds: tuple[str, ...] = (kind,)
    if kind == ONE_WAY:
        kinds = why_silent(observations, explanation, failed, direction)
    return Fault(
        kinds=kinds,
        suspects=explanation.suspects,
        direction=direction,
        partial=explanation.partial,
        mtu=least(failed) if kind == MTU else None,
        loss_percent=_loss_percent(outcomes) if kind == LOSS else None,
        failed_pairs=len(explanation.failed),
        tested_pairs=explanation.tested,
        evidence=evidence(failed),
    )


def _loss_percent(outcomes: Sequence[Outcome]) -> float:
    lost = sum(outcome.lost for outcome in outcomes)
    return 100.0 * lost / sum(outcome.sent for outcome in outcomes)
