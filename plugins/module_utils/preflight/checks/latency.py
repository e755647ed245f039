# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: loss and round trips between the hosts, as the path check measured them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import LOSS, Outcome
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.majority import Pair
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_problems import faults_of, problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import AssessedCluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.reachability import by_pair
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check

PINGS = "ping -c 20 -i 0.2 -I <bridge> <address of the other host>"


@check(
    "NET017",
    "Latency or packet loss between hosts",
    area="latency",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F21", "F32"),
    fix="look at the error counters of NIC and switch port (ip -s link) and its load; "
    "limits: latency_max_ms, loss_max_percent of preflight_policy",
    reproduce=PINGS,
)
def latency(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """The hosts answer each other's pings on every network on which they have addresses: none is lost, and none is
    late.

    A switched network loses nothing. Late is what needs longer on average than its traffic type allows
    (latency_max_ms), or whose shortest round trip is several times that of most pairs of its network
    (latency_outlier_factor). Where packets are lost is found with the other faults of the path check; which host is
    late, by majority. What does not answer at all is the subject of PTH003 to PTH007.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, LOSS):
        lost = f"{fault.loss_percent or 0:.1f} % lost{wording.direction_text(fault)}"
        observed = f"{wording.suspect_names(fault, paths.at)}: {lost}; {wording.extent_text(fault)}"
        fix = f"{wording.where_to_look(fault, paths.at)}: error counters, load"
        yield problem(paths, fault, f"at most {policy.loss_max_percent:g} % lost", observed, fix)
    pairs = _complaints(paths.outcomes, cluster, policy)
    yield from by_pair(pairs, {host.name for host in hosts}, "answers in time", PINGS)


def _complaints(outcomes: Sequence[Outcome], cluster: Cluster, policy: Policy) -> dict[Pair, str]:
    """What is late, by who asks and who answers; "" if nothing is."""
    usual = _medians(outcomes)
    pairs: dict[Pair, list[str]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.rtt_avg_ms is not None:
            pairs[outcome.probe.host, outcome.probe.peer].append(_complaint(outcome, usual, cluster, policy))
    return {pair: "; ".join(filter(None, complaints)) for pair, complaints in pairs.items()}


def _medians(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The usual shortest round trip of each network, in milliseconds."""
    found: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.rtt_min_ms is not None:
            found[outcome.probe.network].append(outcome.rtt_min_ms)
    return {network: median(values) for network, values in found.items()}


def _complaint(outcome: Outcome, usual: Mapping[str, float], cluster: Cluster, policy: Policy) -> str:
    network = outcome.probe.network
    average, shortest = outcome.rtt_avg_ms or 0, outcome.rtt_min_ms or 0
    kinds = [kind for kind, labels in cluster.labels.items() if network in labels]
    limit = min((policy.latency_max_ms[kind] for kind in kinds if kind in policy.latency_max_ms), default=None)
    if limit is not None and average > limit:
        return f"{network}: {average:g} ms, limit {limit:g} ms"
    far = policy.latency_outlier_factor * usual.get(network, shortest)
    if shortest > far and shortest > policy.latency_outlier_min_ms:
        return f"{network}: never below {shortest:g} ms, most pairs {usual[network]:g} ms"
    return ""
