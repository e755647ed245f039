# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The results of all hosts' path checks together, and the faults that explain them: once for an assessment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import locate_faults
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import collect
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    NOT_ASKED,
    Attachment,
    Heard,
    Outcome,
    PathResults,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import (
    attachments,
    is_link_local,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile

Question = tuple[str, str, str]  # who asks, network, who is asked


@dataclass(frozen=True)
class AssessedCluster(Cluster):
    """The cluster of one assessment, which is what checks get: with what the path check found.

    That takes longest of all and several checks and the report need it, so it is found once, when the first of them
    asks. An error in it is the error of each check that asks, and of no other one.
    """

    hosts: tuple[Profile, ...] = ()
    policy: Policy = Policy()

    @classmethod
    def of(cls, hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> AssessedCluster:
        values = {each.name: getattr(cluster, each.name) for each in fields(Cluster)}
        return cls(**values, hosts=tuple(hosts), policy=policy)

    @cached_property
    def paths(self) -> PathResults:
        return examine(self.hosts, self, self.policy)


def examine(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> PathResults:
    """What the path check found."""
    at = {(each.host, each.network): each for each in attachments(hosts, cluster)}
    results = {host.name: host.probes["paths"] for host in hosts if host.probes.get("paths")}
    heard, cut = _heard(results.items(), at.values())
    outcomes = []
    for result in results.values():
        outcomes += [_corrected(Outcome.from_dict(each), cut) for each in result["outcomes"]]
    report = locate_faults(at.values(), outcomes, heard, results, loss_max_percent=policy.loss_max_percent)
    return PathResults(at, tuple(_worst(outcomes, at.values())), frozenset(results), report)


def _worst(outcomes: Iterable[Outcome], attached: Iterable[Attachment]) -> list[Outcome]:
    """The worst answer to each question, sorted; those that were not asked, too."""
    by_question = {_question(each): each for each in outcomes if each.failure == NOT_ASKED}
    for flow in collect(attached, outcomes, (), ()).flows.values():
        by_question.update((_question(each), each) for each in flow)
    return [by_question[question] for question in sorted(by_question)]


def _question(outcome: Outcome) -> Question:
    return outcome.probe.host, outcome.probe.network, outcome.probe.peer


def says_nothing(outcome: Outcome) -> bool:
    """Silence of an address that is not configured: a switch port may carry guests' VLANs and no untagged packets."""
    return not outcome.control and is_link_local(outcome.probe.address)


def _corrected(outcome: Outcome, cut: set[Question]) -> Outcome:
    """What says nothing was not asked. A question that the peer heard in pieces was fragmented on the way there,
    whatever the answer looks like."""
    if says_nothing(outcome):
        outcome = replace(outcome, failure=NOT_ASKED)
    return replace(outcome, fragmented=True) if _question(outcome) in cut else outcome


def _heard(results: Iterable[tuple[str, Any]], attached: Iterable[Attachment]) -> tuple[list[Heard], set[Question]]:
    """What was heard, and which questions came in pieces.

    The module reports addresses; which host has one that is there twice (NET008) cannot be said.
    """
    owners: dict[tuple[str, str], list[str]] = {}
    for each in attached:
        owners.setdefault((each.network, each.address), []).append(each.host)
    found, cut = [], set()
    for host, result in results:
        for each in result.get("heard") or ():
            network = each["network"]
            peers = owners.get((network, each["address"]), ())
            if len(peers) == 1:
                found.append(Heard(host, network, peers[0], each["count"], each["first"], each["last"]))
                if each.get("fragmented"):
                    cut.add((peers[0], network, host))
    return found, cut
