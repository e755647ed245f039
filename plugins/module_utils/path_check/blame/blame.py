# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is to blame for what the path check found: the fewest elements that explain all failures, what is wrong with each, in which direction.

One cover (cover.py) per kind of failure, because each kind has its own witnesses of health: a pair that passes small packets clears
its way of silence, not of a small MTU, and what is silent says nothing about MTU. A fault of MTU v is told from one of MTU w by the size
that still passes.
The directions come from the hosts' own words: a UDP datagram that is answered though the echo is not, and the echo requests that the
peer heard (Heard).
Where other packets pass and ICMP does not, the culprit is FILTERED, which means that nothing can be said of the path's MTU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import Share, explain
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.direction import direction_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.next_probes import more
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.noise import UNANSWERED, UNPASSED, of_loss, of_noise
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Seen, collect, evidence
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.predicates import (
    BAD,
    GOOD,
    Judge,
    answering,
    in_fragments,
    least,
    losing_more_than,
    otherwise,
    sizes_that_pass,
    smaller_than,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.self_reported import duplicates, own_words
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow, with_islands
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    DEAD,
    FABRIC,
    FILTERED,
    FRAGMENTED,
    HOST_KINDS,
    IN,
    LOCAL,
    LOSS,
    MTU,
    NO_ADDRESS,
    NO_NEIGHBOUR,
    NO_ROUTE,
    ONE_WAY,
    OUT,
    PORT,
    SUBNET,
    UNPLUGGED,
    Attachment,
    Culprit,
    Element,
    Heard,
    Outcome,
    Verdict,
)

MOST, FEW = 0.8, 3  # a filter lets other packets pass nearly everywhere; one or two pairs may do so by luck


def blame(
    attachments: Iterable[Attachment], outcomes: Iterable[Outcome], heard: Iterable[Heard] = (), ran: Iterable[str] = (), *, loss_max_percent: float = 0.0
) -> Verdict:
    """The culprits, those with the most failures first, and the probes that would decide ties and directions. `outcomes` may be of
    several rounds: the worst answer counts, with the losses of all.

    `ran`: hosts that gave results, even if they asked nobody; those of the outcomes are taken for granted.
    """
    everything = collect(attachments, outcomes, heard, ran)
    doubles = list(duplicates(everything))
    seen = everything.of_owners()
    # whose address is held twice misses answers for no other fault
    strangers = list(own_words(seen, SUBNET, (NO_ADDRESS, NO_ROUTE)))
    single = seen.without(culprit.candidates[0] for culprit in doubles + strangers)
    losses = _explain(single, LOSS, losing_more_than(loss_max_percent))
    small = list(own_words(seen, MTU, (LOCAL,)))
    clean = seen.without(culprit.candidates[0] for culprit in small)
    found = doubles + strangers + _explain(single, ONE_WAY, answering, losses) + losses + small + _explain(clean, FRAGMENTED, in_fragments)
    for least_mtu, most_mtu in sizes_that_pass(outcome for flow in clean.flows.values() for outcome in flow):
        found += _explain(clean, MTU, smaller_than(least_mtu, most_mtu), losses)
    found.sort(key=lambda culprit: (-culprit.bad, culprit.candidates, culprit.kinds))
    return Verdict(tuple(found), tuple(more(everything, found)))


def _explain(seen: Seen, kind: str, judge: Judge, losses: Sequence[Culprit] = ()) -> list[Culprit]:
    """`losses`: the culprits of packet loss, whose pairs may fail by chance in other questions, too."""
    verdicts = {flow: judge(outcomes) for flow, outcomes in seen.flows.items()}
    bad, good = ([flow for flow, verdict in verdicts.items() if verdict is wanted] for wanted in (BAD, GOOD))
    suspects = seen.topology.of_host.keys() - seen.ran if kind == ONE_WAY else ()
    lost = {flow: (sum(each.losses for each in seen.flows[flow]), sum(each.sent for each in seen.flows[flow])) for flow in bad + good} if kind == LOSS else None
    seen = replace(seen, topology=with_islands(seen.topology, good)) if bad else seen
    chance = of_noise(lost) if lost else of_loss(seen.topology, bad, losses, UNANSWERED if kind == ONE_WAY else UNPASSED)
    shares = explain(seen.topology, bad, good, chance=chance, lost=lost, suspects=suspects)
    shares = [part for share in shares for part in (_by_network(seen, share) if kind == ONE_WAY else (share,))]
    return [_culprit(seen, share, kind, judge) for share in _with_doubts(seen, shares)]


def _by_network(seen: Seen, share: Share) -> list[Share]:
    """In two where on some networks other packets than echoes pass and on others nothing does: a filter, and something else."""
    groups: dict[bool, list[Flow]] = {True: [], False: []}
    for network in sorted({flow[2] for flow in share.bad}):
        flows = [flow for flow in share.bad if flow[2] == network]
        passes = sum(otherwise(seen.flows[flow]) for flow in flows) / len(flows)
        if 1 - MOST < passes < MOST:
            return [share]
        groups[passes >= MOST] += flows
    if len(share.candidates) > 1 or not all(groups.values()):
        return [share]
    return [_narrowed(seen, share.candidates[0], tuple(flows)) for flows in groups.values()]


def _narrowed(seen: Seen, element: Element, bad: tuple[Flow, ...]) -> Share:
    """Of the element, or if the flows are of one network, of the element there."""
    networks = {flow[2] for flow in bad}
    if len(networks) == 1:
        element = element._replace(kind=PORT if element.kind in HOST_KINDS else element.kind, nic="", network=min(networks))
    return Share((element,), bad, sum(flow[2] in networks and element in seen.topology.elements(flow) for flow in seen.flows))


def _with_doubts(seen: Seen, shares: Sequence[Share]) -> list[Share]:
    """Several hosts with the same trouble may share a switch, where nobody told which: then none of them is blamed alone."""
    alone = [share for share in shares if _host_alone(share) in seen.ran and not seen.topology.at[share.bad[0][0], share.bad[0][2]].place]
    if len(alone) <= 1:
        return list(shares)
    return [replace(each, candidates=(*each.candidates, Element(FABRIC, network=each.bad[0][2]))) if each in alone else each for each in shares]


def _host_alone(share: Share) -> str:
    return share.candidates[0].host if len(share.candidates) == 1 else ""


def _culprit(seen: Seen, share: Share, kind: str, judge: Judge) -> Culprit:
    outcomes = sorted((outcome for flow in share.bad for outcome in seen.flows[flow]), key=lambda outcome: outcome.probe)
    failed = [outcome for outcome in outcomes if not judge([outcome])]
    direction = direction_of(seen, share, failed, kind)
    lost, sent = sum(outcome.lost for outcome in outcomes), sum(outcome.sent for outcome in outcomes)
    return Culprit(
        kinds=_silence(seen, share, failed, direction) if kind == ONE_WAY else (kind,),
        candidates=share.candidates,
        direction=direction,
        part=len(share.bad) < share.asked,
        mtu=least(failed) if kind == MTU else None,
        loss_percent=100.0 * lost / sent if kind == LOSS else None,
        bad=len(share.bad),
        asked=share.asked,
        evidence=evidence(failed),
    )


def _silence(seen: Seen, share: Share, outcomes: Sequence[Outcome], direction: str) -> tuple[str, ...]:
    """Why no echo is answered, the likeliest first."""
    element = share.candidates[0]
    failures = {outcome.failure for outcome in outcomes}
    passes = sum(otherwise(seen.flows[flow]) for flow in share.bad) / len(share.bad)
    if passes:
        return _filter(seen, share, passes) + ((UNPLUGGED,) if NO_NEIGHBOUR in failures else ())
    if element.kind in HOST_KINDS:
        if element.host not in seen.ran and set(seen.topology.scope(element)) == set(seen.topology.of_host[element.host]):
            return (DEAD,)
        if failures == {NO_ROUTE}:
            return (SUBNET,)
    if direction in (IN, OUT):
        return (ONE_WAY,)
    if failures <= {NO_NEIGHBOUR}:
        return UNPLUGGED, ONE_WAY
    return (UNPLUGGED, ONE_WAY, FILTERED) if NO_NEIGHBOUR in failures else (ONE_WAY, FILTERED)


def _filter(seen: Seen, share: Share, passes: float) -> tuple[str, ...]:
    """Where `passes` of the flows carry other packets than echoes: a filter, or bad legs and links that the other packets do not take."""
    element = share.candidates[0]
    answers = element.host and any(
        outcome.control and outcome.probe.peer == element.host
        for flow, outcomes in seen.flows.items()
        if element.host in flow and (not element.network or element.network == flow[2])
        for outcome in outcomes
    )
    if passes < MOST or (not element.host and len(share.bad) < share.asked):
        return ONE_WAY, FILTERED
    return (FILTERED, ONE_WAY) if answers or len(share.bad) < FEW else (FILTERED,)
