# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One host judged again: the checks of the pre-flight over the host's facts of now, the kept facts of all other hosts,
and the kept probes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.fact_changes import (
    ABSENT,
    Change,
    FactName,
    changes_between,
    with_fact,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Finding, Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import KeptFacts

MOST_TRIED = (
    100  # changes of which it is found out whether the findings are due to them: two runs of a few checks for each
)
Stopping = Callable[[Any], frozenset[str]]  # facts -> ids of the findings that stop the host


@dataclass(frozen=True)
class Outcome:
    """The findings that stop the host now, worst first, the changed facts to which they are due, and those that changed
    besides.

    `stopped_then` is true where the facts of the verdict lead to the same findings today: a waiver has ended, or the
    day matters.
    """

    findings: tuple[Finding, ...]
    decisive: tuple[Change, ...] = ()
    others: tuple[Change, ...] = ()
    stopped_then: bool = False


def judge_again(
    kept: KeptFacts, name: str, facts: Mapping[str, Any], policy: Policy, waivers: Sequence[Waiver], *, today: str
) -> Outcome:
    """What the checks say of the host `name` with these facts. `today` is a date, YYYY-MM-DD.

    A probe of then may hide what a fact of now says: a login that worked does not work without its key. So where the
    probes stop nothing, the host is judged by its facts alone too, and what the facts of then lead to without the
    probes is not new. Raises InputError for facts that cannot be judged.
    """
    kept_host = next(host for host in kept.hosts if host.name == name)
    others = [host for host in kept.hosts if host.name != name]

    def judge(host: Profile, only: Sequence[str] = ()) -> tuple[Finding, ...]:
        found = assess([host, *others], kept.cluster, policy, waivers, today=today, only=only).findings
        return tuple(each for each in found if each.stops and name in each.hosts)

    try:
        for host in (kept_host, replace(kept_host, probes={}, live=False)):
            outcome = _outcome(host, facts, judge)
            if outcome.findings and (host is kept_host or not outcome.stopped_then):
                return outcome
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # the kept facts may be anything
        raise _unreadable(name, error) from error
    return Outcome(())


def _outcome(host: Profile, facts: Mapping[str, Any], judge: Callable[..., tuple[Finding, ...]]) -> Outcome:
    """What the checks say of the host with these facts instead of its own."""
    findings = judge(replace(host, facts=facts))
    if not findings:
        return Outcome(())
    ids = tuple(dict.fromkeys(each.id for each in findings))
    return _explained(findings, host.facts, facts, lambda tree: _ids(judge(replace(host, facts=tree), ids)))


def _ids(findings: Sequence[Finding]) -> frozenset[str]:
    return frozenset(each.id for each in findings)


def _explained(findings: tuple[Finding, ...], then: Any, now: Any, stopping: Stopping) -> Outcome:
    before, after = stopping(then), _ids(findings)
    changes = tuple(changes_between(then, now))
    if before >= after:
        return Outcome(findings, (), changes, stopped_then=True)

    def decides(fact: FactName, was: Any, now_is: Any) -> bool:
        """Whether this change brings a finding about alone, or one would not be without it."""
        return bool(stopping(with_fact(then, fact, now_is)) - before) or stopping(with_fact(now, fact, was)) < after

    sections = {change.fact[0] for change in changes if change.fact}
    guilty = {each for each in sections if decides((each,), then.get(each, ABSENT), now.get(each, ABSENT))}
    suspected = [change for change in changes if change.fact and change.fact[0] in guilty]
    decisive = tuple(change for change in suspected[:MOST_TRIED] if decides(change.fact, change.then, change.now))
    return Outcome(findings, decisive, tuple(change for change in changes if change not in decisive))


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(
        "the pre-flight does not let it join",
        host=name,
        expected="facts that the checks can read, of now and in preflight.facts.json",
        observed=f"{type(error).__name__}: {error}",
        next_step="run ansible-playbook cloudstack.kvm.preflight for the cluster, then add the host; if that is so "
        "again, report it as a defect of cloudstack.kvm",
    )
