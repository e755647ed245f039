# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why pairs of hosts do not answer each other: a dead host, a wrong VLAN or subnet, a filter, or a one-way drop."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.cover import Explanation
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import Observations
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.predicates import passes_otherwise
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.topology import Flow
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    DEAD,
    FILTERED,
    HOST_KINDS,
    IN,
    NO_NEIGHBOUR,
    NO_ROUTE,
    ONE_WAY,
    OUT,
    PORT,
    SUBNET,
    UNPLUGGED,
    Element,
    Outcome,
)

MOST = 0.8  # of the pairs: a filter lets other packets pass nearly everywhere
FEW = 3  # pairs: fewer may pass other packets by chance


def split_by_network(observations: Observations, explanation: Explanation) -> list[Explanation]:
    """In two where on some networks other packets than echoes pass and on the others nothing does.

    Then there is a filter, which comes first, and another fault.
    """
    filtered: list[Flow] = []
    silent: list[Flow] = []
    for network in sorted({flow[2] for flow in explanation.failed}):
        flows = [flow for flow in explanation.failed if flow[2] == network]
        passing = _part_passing_otherwise(observations, flows)
        if 1 - MOST < passing < MOST:
            return [explanation]  # neither nearly all nor nearly none: that is not a filter
        if passing >= MOST:
            filtered += flows
        else:
            silent += flows
    if len(explanation.suspects) > 1 or not filtered or not silent:
        return [explanation]
    element = explanation.suspects[0]
    return [_narrowed(observations, element, filtered), _narrowed(observations, element, silent)]


def why_silent(
    observations: Observations, explanation: Explanation, outcomes: Sequence[Outcome], direction: str
) -> tuple[str, ...]:
    """Why no echo is answered: kinds of faults, the likeliest first. `outcomes`: those that failed."""
    element = explanation.suspects[0]
    failures = {outcome.failure for outcome in outcomes}
    passing = _part_passing_otherwise(observations, explanation.failed)
    if passing:
        kinds = _filter_or_drop(observations, explanation, passing)
        return (*kinds, UNPLUGGED) if NO_NEIGHBOUR in failures else kinds
    if element.kind in HOST_KINDS:
        if _is_unreachable_everywhere(observations, element):
            return (DEAD,)
        if failures == {NO_ROUTE}:
            return (SUBNET,)
    if direction in (IN, OUT):
        return (ONE_WAY,)
    if failures <= {NO_NEIGHBOUR}:
        return UNPLUGGED, ONE_WAY
    return (UNPLUGGED, ONE_WAY, FILTERED) if NO_NEIGHBOUR in failures else (ONE_WAY, FILTERED)


def _part_passing_otherwise(observations: Observations, flows: Sequence[Flow]) -> float:
    """The part of the flows, 0 to 1, on which other packets than echoes pass."""
    return sum(passes_otherwise(observations.flows[flow]) for flow in flows) / len(flows)


def _narrowed(observations: Observations, element: Element, failed: Sequence[Flow]) -> Explanation:
    """These failures explained by the element, or by its part on one network if they all are on that one."""
    networks = {flow[2] for flow in failed}
    if len(networks) == 1:
        kind = PORT if element.kind in HOST_KINDS else element.kind
        element = element._replace(kind=kind, nic="", network=min(networks))
    tested = sum(flow[2] in networks and element in observations.topology.elements(flow) for flow in observations.flows)
    return Explanation((element,), tuple(failed), tested)


def _filter_or_drop(observations: Observations, explanation: Explanation, passing: float) -> tuple[str, ...]:
    """Where other packets pass on a part of the flows: a filter, or bad legs and links that those do not take."""
    element = explanation.suspects[0]
    if passing < MOST or (not element.host and explanation.partial):
        return ONE_WAY, FILTERED
    if len(explanation.failed) < FEW or (element.host and _answers_echoes(observations, element)):
        return FILTERED, ONE_WAY
    return (FILTERED,)


def _answers_echoes(observations: Observations, element: Element) -> bool:
    """Whether any echo to this host, or to its part on one network, is answered."""
    for (host, peer, network), outcomes in observations.flows.items():
        concerned = element.host in (host, peer) and element.network in ("", network)
        if concerned and any(each.control and each.probe.peer == element.host for each in outcomes):
            return True
    return False


def _is_unreachable_everywhere(observations: Observations, element: Element) -> bool:
    """Whether the host gave no results and fails on all its networks."""
    topology = observations.topology
    return element.host not in observations.ran and set(topology.scope(element)) == set(topology.of_host[element.host])
