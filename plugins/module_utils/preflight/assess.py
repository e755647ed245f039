# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs all checks over a cluster's hosts and says for each host whether it may join."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Optional, Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import AssessedCluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    FAILED,
    UNKNOWN,
    Finding,
    Problem,
    Waiver,
    worst_first,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, Check, fact_unavailable

WAIVER_EXPIRED = "WAI001"


@dataclass(frozen=True)
class Verdict:
    """Whether a host may join (a candidate) or belongs (a member); `because` are the ids of the findings that stop
    it.
    """

    host: str
    member: bool
    passed: bool
    because: tuple[str, ...]


@dataclass(frozen=True)
class Assessment:
    """All findings, worst first, a verdict for each host by name, the cluster as it was checked, and the ids of the
    checks that ran."""

    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    cluster: AssessedCluster
    checks: tuple[str, ...] = tuple(CHECKS)

    @property
    def complete(self) -> bool:
        """Whether all checks ran, as a join wants it."""
        return set(self.checks) == set(CHECKS)

    @property
    def passed(self) -> bool:
        """Whether every candidate may join."""
        return all(verdict.passed for verdict in self.verdicts if not verdict.member)


def assess(
    hosts: Sequence[Profile],
    cluster: Cluster,
    policy: Policy,
    waivers: Sequence[Waiver] = (),
    *,
    today: str,
    only: Sequence[str] = (),
) -> Assessment:
    """Run every check, or `only` those with these ids. `today` is a date, YYYY-MM-DD. Hosts without facts get a verdict
    too.
    """
    ordered = sorted(hosts, key=lambda host: host.name)
    assessed = AssessedCluster.of(ordered, cluster, policy)
    found = [
        finding
        for each in CHECKS.values()
        if not only or each.id in only
        for finding in _run(each, ordered, assessed, policy)
    ]
    findings = tuple(sorted([*_waive(found, waivers, today), *_expired(waivers, today, ordered)], key=worst_first))
    names = {host.name: host.member for host in cluster.hosts_without_facts}
    names.update({host.name: host.member for host in ordered})
    verdicts = tuple(_verdict(name, member, findings) for name, member in sorted(names.items()))
    return Assessment(findings, verdicts, assessed, tuple(only or CHECKS))


def parse_waivers(entries: Iterable[dict]) -> tuple[Waiver, ...]:
    """Waivers as the inventory writes them. Raises InputError for a missing or unknown key, an unknown check, or a date
    that is not one.
    """
    return tuple(_waiver(entry) for entry in entries)


def _run(declared: Check, hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Finding]:
    for arguments in _arguments(declared, hosts):
        for problem in _problems(declared, arguments, cluster, policy):
            yield declared.finding(problem)


def _arguments(declared: Check, hosts: Sequence[Profile]) -> Iterator[tuple]:
    if declared.scope == CLUSTER:
        yield (tuple(hosts),)
    else:
        yield from ((host,) for host in hosts)


def _problems(declared: Check, arguments: tuple, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    try:
        yield from declared.function(*arguments, cluster, policy)
    except FactUnavailable as error:
        first = arguments[0]
        if not error.expected_here:
            return
        if isinstance(first, Profile):
            yield fact_unavailable(first, error)
        else:  # a check over the whole cluster names the hosts itself; if it does not, no verdict depends on it
            yield Problem(
                tuple(host.name for host in first), f"{error.fact} to be known", f"unknown: {error.why}", kind=UNKNOWN
            )
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # a host's facts are what its programs print
        yield _defect(arguments[0], error)


def _defect(first: Union[Profile, Sequence[Profile]], error: Exception) -> Problem:
    """A check that cannot read a fact must not take the verdicts of all other checks along: what it asks is not known
    then.
    """
    hosts = (first,) if isinstance(first, Profile) else first
    names = tuple(host.name for host in hosts)
    fix = "look at this fact on the host; if it is as it should be, report this as a defect of cloudstack.kvm"
    return Problem(names, "facts that the check can read", f"{type(error).__name__}: {error}", kind=UNKNOWN, fix=fix)


def _waive(findings: Iterable[Finding], waivers: Sequence[Waiver], today: str) -> Iterator[Finding]:
    """A waiver takes its hosts out of a finding; the hosts that it does not name keep theirs. A blocker keeps them
    all.
    """
    for finding in findings:
        left = list(finding.hosts)
        for waiver in waivers if finding.severity != BLOCKER else ():
            covered = tuple(
                name for name in left if waiver.check == finding.id and name in waiver.hosts and waiver.expires >= today
            )
            if covered:
                yield replace(finding, hosts=covered, waiver=waiver)
                left = [name for name in left if name not in covered]
        if left:
            yield replace(finding, hosts=tuple(left))


def _expired(waivers: Sequence[Waiver], today: str, hosts: Sequence[Profile]) -> Iterator[Finding]:
    names = {host.name for host in hosts}
    for waiver in waivers:
        present = tuple(name for name in waiver.hosts if name in names)
        if waiver.expires < today and present:
            yield Finding(
                WAIVER_EXPIRED, "A waiver has expired", ERROR, FAILED, present, (), f"no waiver of {waiver.check} "
                                                                                    "after its last day",
                f"expired on {waiver.expires} (owner {waiver.owner}: {waiver.reason})", "", "",
                f"repair what {waiver.check} reports, or let {waiver.owner} decide anew and set another date in "
                "preflight_waivers", (),
            )  # fmt: skip


def _verdict(name: str, member: bool, findings: Sequence[Finding]) -> Verdict:
    because = tuple(dict.fromkeys(finding.id for finding in findings if finding.stops and name in finding.hosts))
    return Verdict(name, member, not because, because)


def _waiver(entry: dict) -> Waiver:
    keys = {"check", "hosts", "reason", "owner", "expires"}
    wrong = _wrong_in(entry, keys)
    if wrong:
        expected = f"a dictionary with {', '.join(sorted(keys))}"
        raise InputError(
            "preflight_waivers has an entry that is not valid",
            expected=expected,
            observed=wrong,
            next_step="correct it",
        )
    return Waiver(
        entry["check"], tuple(entry["hosts"]), str(entry["reason"]), str(entry["owner"]), str(entry["expires"])
    )


def _wrong_in(entry: dict, keys: set[str]) -> Optional[str]:
    if not isinstance(entry, dict):
        return repr(entry)
    if set(entry) != keys:
        return (
            f"missing: {', '.join(sorted(keys - set(entry))) or 'nothing'}; unknown: "
            f"{', '.join(sorted(set(entry) - keys)) or 'nothing'}"
        )
    if entry["check"] not in CHECKS:
        return f"no check {entry['check']}"
    if CHECKS[entry["check"]].severity == BLOCKER:
        return f"{entry['check']} is a blocker, which cannot be waived"
    if not isinstance(entry["hosts"], list) or not entry["hosts"]:
        return f"hosts: {entry['hosts']!r} is not a list of host names"
    if not all(str(entry[key]).strip() for key in ("reason", "owner")):
        return "an empty reason or owner"
    return None if _is_date(str(entry["expires"])) else f"expires: {entry['expires']} is not a date such as 2026-12-31"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
