# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check's faults as problems, without those whose cause the facts of a host show already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    DEAD,
    DUPLICATE,
    FILTERED,
    FRAGMENTED,
    HOST_KINDS,
    LOSS,
    MTU,
    ONE_WAY,
    PAIR,
    SUBNET,
    UNPLUGGED,
    Fault,
    PathResults,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.duplicates import owners_of_addresses
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    bridge_of,
    cards,
    ipv4,
    labels,
    ports,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import smallest_layer
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import AssessedCluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.reachability import dead_pairs
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import FAILED, UNDECIDED, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile

SILENCE = (DEAD, UNPLUGGED, ONE_WAY, FILTERED)


def faults_of(hosts: Sequence[Profile], cluster: AssessedCluster, *kinds: str) -> Iterator[Fault]:
    """Those of these kinds (the likeliest counts) that no other check reports."""
    profiles = {host.name: host for host in hosts}
    for fault in cluster.paths.report.faults:
        if fault.kinds[0] in kinds and not _is_reported_elsewhere(fault, profiles, cluster):
            yield fault


def problem(
    paths: PathResults,
    fault: Fault,
    expected: str,
    observed: str,
    fix: str,
    *,
    kind: str = FAILED,
    severity: Optional[str] = None,
) -> Problem:
    """A fault as a problem of its hosts; undecided where it may be one host or another."""
    hosts = wording.hosts_of(fault, paths.at)
    if kind == FAILED and not fault.decided and len(hosts) > 1:
        kind = UNDECIDED
    sized, many = fault.kinds[0] in (MTU, FRAGMENTED), fault.kinds[0] == LOSS
    return Problem(
        hosts,
        expected,
        observed,
        evidence=wording.evidence_text(fault, paths.outcomes),
        fix=fix,
        reproduce=wording.reproduce(fault.evidence[0], sized=sized, many=many),
        kind=kind,
        severity=severity,
    )


def _is_reported_elsewhere(fault: Fault, profiles: Mapping[str, Profile], cluster: AssessedCluster) -> bool:
    """Whether the facts of a suspect explain it, so that the check of these facts reports it."""
    kind, probe = fault.kinds[0], fault.evidence[0]
    if kind in (MTU, FRAGMENTED):  # MTU001, MTU002, MTU003
        sizes = [smallest_layer(host, probe.network) for host in _suspected_hosts(fault, profiles)]
        return any(0 < size < probe.size for size in sizes)
    if kind == DUPLICATE:  # NET008
        return len(owners_of_addresses(list(profiles.values())).get(probe.address, ())) > 1
    if kind == SUBNET:  # NET005, NET007
        return len({_subnets(host, probe.network) for host in profiles.values()} - {()}) > 1
    return kind in SILENCE and _silence_is_reported_elsewhere(fault, profiles, cluster)


def _silence_is_reported_elsewhere(fault: Fault, profiles: Mapping[str, Profile], cluster: AssessedCluster) -> bool:
    label = fault.evidence[0].network
    if _suspected_names(fault) & {each.name for each in cluster.hosts_without_facts}:  # FCT001
        return True
    pairs = {(each.host, each.peer) for each in fault.evidence}
    if label in labels(cluster, "Management") and pairs <= dead_pairs(list(profiles.values())):  # NET016
        return True
    return any(_unlinked(host, label) for host in _suspected_hosts(fault, profiles))  # NET011


def _suspected_names(fault: Fault) -> set[str]:
    """The hosts that are suspected themselves, or one of two."""
    suspects = [each for each in fault.suspects if each.kind in (*HOST_KINDS, PAIR)]
    return {host for each in suspects for host in (each.host, each.other)}


def _suspected_hosts(fault: Fault, profiles: Mapping[str, Profile]) -> list[Profile]:
    return [profiles[name] for name in _suspected_names(fault) & profiles.keys()]


def _subnets(host: Profile, label: str) -> tuple[str, ...]:
    addresses = bridge_of(host, label).get("addresses")
    return tuple(sorted({str(each.network) for each in ipv4(addresses)}))


def _unlinked(host: Profile, label: str) -> bool:
    """Whether all cards under the label's bridge are without a carrier or switched off."""
    bridge = bridge_of(host, label)
    found = cards(host, bridge)
    if not ports(bridge):
        return not bridge.get("possible")
    return bool(found) and all(card.get("carrier") is False or card.get("up") is False for card in found)
