# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check's culprits as problems, without those of which the facts of a host tell the cause already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording as words
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
    Culprit,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.duplicates import owners_of_addresses
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import cards, ipv4, labels, ports
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import smallest_layer
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import Paths
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.reachability import dead_pairs
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import FAILED, UNDECIDED, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile

SILENCE = (DEAD, UNPLUGGED, ONE_WAY, FILTERED)


def culprits(paths: Paths, hosts: Sequence[Profile], cluster: Cluster, *kinds: str) -> Iterator[Culprit]:
    """Those of these kinds (the likeliest counts) of which no other check speaks."""
    profiles = {host.name: host for host in hosts}
    for culprit in paths.verdict.culprits:
        if culprit.kinds[0] in kinds and not _said_elsewhere(culprit, profiles, cluster):
            yield culprit


def problem(
    paths: Paths,
    culprit: Culprit,
    expected: str,
    observed: str,
    fix: str,
    *,
    kind: str = FAILED,
    severity: Optional[str] = None,
) -> Problem:
    """A culprit as a problem of its hosts; undecided where it may be one host or another."""
    hosts = words.hosts_of(culprit, paths.at)
    return Problem(
        hosts,
        expected,
        observed,
        evidence=words.evidence(culprit, paths.outcomes),
        fix=fix,
        reproduce=words.reproduce(culprit.evidence[0], sized=culprit.kinds[0] in (MTU, FRAGMENTED), many=culprit.kinds[0] == LOSS),
        kind=UNDECIDED if kind == FAILED and not culprit.decided and len(hosts) > 1 else kind,
        severity=severity,
    )


def _said_elsewhere(culprit: Culprit, profiles: Mapping[str, Profile], cluster: Cluster) -> bool:
    """Whether the facts of a candidate explain it, so that the check of these facts has the word."""
    kind, probe = culprit.kinds[0], culprit.evidence[0]
    named = {host for each in culprit.candidates if each.kind in (*HOST_KINDS, PAIR) for host in (each.host, each.other)}
    ends = named & profiles.keys()
    if kind in (MTU, FRAGMENTED):  # MTU001, MTU002, MTU003
        return any(0 < smallest_layer(profiles[name], probe.network) < probe.size for name in ends)
    if kind == DUPLICATE:  # NET008
        return len(owners_of_addresses(list(profiles.values())).get(probe.address, ())) > 1
    if kind == SUBNET:  # NET005, NET007
        return len({_subnets(host, probe.network) for host in profiles.values()} - {()}) > 1
    if kind in SILENCE and named & {each.name for each in cluster.hosts_without_facts}:  # FCT001
        return True
    if kind in SILENCE:
        pairs = {(each.host, each.peer) for each in culprit.evidence}
        ported = probe.network in labels(cluster, "Management") and pairs <= dead_pairs(list(profiles.values()))  # NET016
        return ported or any(_unlinked(profiles[name], probe.network) for name in ends)  # NET011
    return False


def _subnets(host: Profile, label: str) -> tuple[str, ...]:
    return tuple(sorted({str(each.network) for each in ipv4((host.get("bridges") or {}).get(label, {}).get("addresses"))}))


def _unlinked(host: Profile, label: str) -> bool:
    """Whether all cards under the label's bridge are without a carrier or switched off."""
    bridge = (host.get("bridges") or {}).get(label, {})
    found = cards(host, bridge)
    return not ports(bridge) or (bool(found) and all(card.get("carrier") is False or card.get("up") is False for card in found))
