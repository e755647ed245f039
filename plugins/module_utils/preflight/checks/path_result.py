# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The results of all hosts' path checks together, and who is to blame: found once, for all checks and for the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import blame
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.observations import collect
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import NOT_ASKED, Attachment, Heard, Outcome, Verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import attachments, is_link_local
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile


@dataclass(frozen=True)
class Paths:
    """`at`: who is attached where, by host and network. `outcomes`: the worst answer to each question. `ran`: hosts that gave results."""

    at: dict[tuple[str, str], Attachment]
    outcomes: tuple[Outcome, ...]
    ran: frozenset[str]
    verdict: Verdict


def examine(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Paths:
    """What the path check found. The last answer is kept, since every check of the paths asks for it."""
    return _examine(_Same(cluster, policy, *hosts))


class _Same(tuple):
    """Values that are the same objects, which is quicker to tell than that they are equal."""

    __slots__ = ()

    def __new__(cls, *values: Any) -> _Same:
        return super().__new__(cls, values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and len(self) == len(other) and all(one is another for one, another in zip(self, other))

    def __hash__(self) -> int:
        return hash(tuple(map(id, self)))


@lru_cache(maxsize=1)
def _examine(given: _Same) -> Paths:
    cluster, policy, *hosts = given
    at = {(each.host, each.network): each for each in attachments(hosts, cluster)}
    results = {host.name: host.probes["paths"] for host in hosts if host.probes.get("paths")}
    heard, cut = _heard(results.items(), at.values())
    outcomes = [_in_pieces(_without_guess(Outcome.from_dict(each)), cut) for result in results.values() for each in result["outcomes"]]
    verdict = blame(at.values(), outcomes, heard, results, loss_max_percent=policy.loss_max_percent)
    seen = collect(at.values(), outcomes, heard, results)
    asked = {_question(each): each for each in outcomes if each.failure == NOT_ASKED}
    asked.update({_question(each): each for flow in seen.flows.values() for each in flow})
    return Paths(at, tuple(asked[key] for key in sorted(asked)), frozenset(results), verdict)


def _question(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.probe.host, outcome.probe.network, outcome.probe.peer


def says_nothing(outcome: Outcome) -> bool:
    """Silence of an address that nobody configured: a switch port may carry guests' VLANs and no untagged packets."""
    return not outcome.control and is_link_local(outcome.probe.address)


def _without_guess(outcome: Outcome) -> Outcome:
    return replace(outcome, failure=NOT_ASKED) if says_nothing(outcome) else outcome


def _in_pieces(outcome: Outcome, cut: set[tuple[str, str, str]]) -> Outcome:
    """A question that the peer heard in pieces was fragmented on the way there, whatever the answer looks like."""
    return replace(outcome, fragmented=True) if _question(outcome) in cut else outcome


def _heard(results: Iterable[tuple[str, Any]], attached: Iterable[Attachment]) -> tuple[list[Heard], set[tuple[str, str, str]]]:
    """What was heard, and whose questions (who asks, network, who is asked) came in pieces. The module tells addresses; who has one twice
    (NET008) is not known by it."""
    owners: dict[tuple[str, str], list[str]] = {}
    for each in attached:
        owners.setdefault((each.network, each.address), []).append(each.host)
    found, cut = [], set()
    for host, result in results:
        for each in result.get("heard") or ():
            peers = owners.get((each["network"], each["address"]), ())
            if len(peers) == 1:
                found.append(Heard(host, each["network"], peers[0], each["count"], each["first"], each["last"]))
                if each.get("fragmented"):
                    cut.add((peers[0], each["network"], host))
    return found, cut
