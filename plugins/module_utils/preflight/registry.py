# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a check is declared. Decorate one pure function in a file of checks/; nothing else is needed.

Scopes, and what the function gets besides (cluster, policy):

- `host`: one host at a time.
- `cluster`: all hosts at once, sorted by name.

The function yields problems. Where a fact is not known, `host.require(...)` raises FactUnavailable, and the check is
reported as unknown for this host with the check's severity: not seen is not passed. A check over the whole cluster uses
`split` or `same`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    SEVERITIES,
    UNDECIDED,
    UNKNOWN,
    Finding,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)

HOST, CLUSTER = "host", "cluster"
SCOPES = (HOST, CLUSTER)
ID = re.compile(r"[A-Z]{3}[0-9]{3}")
# Values that need more than one look are compared in this form; JSON turns tuples into lists, and lists cannot be
# counted.
Comparable = Any


@dataclass(frozen=True)
class Check:
    """A declared check. `why` (the function's docstring) is the text of its page.

    `area` is what preflight.json and the index of the checks group it under; `prevents` are ids of
    preflight/model/known_failures.py; `unknown` is the severity of not being able to see what the check needs.
    """

    id: str
    title: str
    area: str
    severity: str
    scope: str
    prevents: tuple[str, ...]
    fix: str
    reproduce: str
    function: Callable[..., Iterable[Problem]]
    unknown: str

    @property
    def why(self) -> str:
        return self.function.__doc__ or ""

    def finding(self, problem: Problem) -> Finding:
        """What the check has found, as a report has it."""
        return Finding(
            id=self.id,
            title=self.title,
            severity=problem.severity or (self.unknown if problem.kind == UNKNOWN else self.severity),
            kind=problem.kind,
            hosts=problem.hosts,
            others=problem.others,
            expected=problem.expected,
            observed=problem.observed,
            evidence=problem.evidence,
            reproduce=problem.reproduce or self.reproduce,
            fix=problem.fix or self.fix,
            prevents=self.prevents,
        )


CHECKS: dict[str, Check] = {}


def check(
    id: str,  # noqa: A002 - the word of every report
    title: str,
    *,
    area: str,
    severity: str,
    scope: str,
    fix: str,
    prevents: Sequence[str] = (),
    reproduce: str = "",
    unknown: str = "",
) -> Callable[[Callable[..., Iterable[Problem]]], Callable[..., Iterable[Problem]]]:
    """Declare the decorated function as a check. Raises ValueError for a declaration that is not valid or an id used
    twice.
    """

    def declare(function: Callable[..., Iterable[Problem]]) -> Callable[..., Iterable[Problem]]:
        if not ID.fullmatch(id) or severity not in SEVERITIES or scope not in SCOPES or not function.__doc__:
            raise ValueError(f"check {id}: needs an id such as CPU001, a severity, a scope and a docstring")
        if id in CHECKS:
            raise ValueError(f"check {id} is declared twice: {CHECKS[id].function.__name__} and {function.__name__}")
        # What cannot be seen is not proven wrong: it can be waived, a proven blocker cannot.
        if_unknown = unknown or (ERROR if severity == BLOCKER else severity)
        CHECKS[id] = Check(id, title, area, severity, scope, tuple(prevents), fix, reproduce, function, if_unknown)
        return function

    return declare


def fact_unavailable(host: Profile, error: FactUnavailable, **parts: Any) -> Problem:
    """The problem that something cannot be seen on a host."""
    return Problem(
        (host.name,), expected=f"{error.fact} to be known", observed=f"unknown: {error.why}", kind=UNKNOWN, **parts
    )


def split(hosts: Iterable[Profile], *keys: str) -> tuple[dict[str, Comparable], list[Problem]]:
    """The value of a fact by host name, and a problem for each host on which it is not known."""
    values, unknowns = {}, []
    for host in hosts:
        try:
            values[host.name] = _frozen(host.require(*keys))
        except FactUnavailable as error:
            unknowns.append(fact_unavailable(host, error))
    return values, unknowns


def same(hosts: Sequence[Profile], cluster: Cluster, *keys: str, severity: Optional[str] = None) -> Iterator[Problem]:
    """Problems for hosts whose fact is not that of the cluster (see odd_ones for what decides), and for those where it
    is unknown.
    """
    values, unknowns = split(hosts, *keys)
    yield from unknowns
    members = [host.name for host in hosts if host.member]
    yield from odd_ones(values, cluster.declared.get(".".join(keys)), members=members, severity=severity)


def odd_ones(
    values: Mapping[str, Comparable],
    declared: Any = None,
    *,
    members: Iterable[str] = (),
    severity: Optional[str] = None,
) -> Iterator[Problem]:
    """Problems for hosts (keys) whose value is not the cluster's.

    The declared value decides. Without one: what all live members have, because a newcomer joins them and not they it;
    where they differ among themselves, what more than half of all hosts have; else it is undecided, and all hosts are
    named.
    """
    if declared is None and len(set(values.values())) < 2:
        return
    expected, says = (_frozen(declared), "declared") if declared is not None else _rule_of(values, members)
    if not says:
        yield _tie(values, severity)
        return
    like = tuple(sorted(name for name, value in values.items() if value == expected))
    for name, value in sorted(values.items()):
        if value != expected:
            yield Problem(
                (name,), expected=f"{show(expected)} ({says})", observed=show(value), others=like, severity=severity
            )


def _rule_of(values: Mapping[str, Comparable], members: Iterable[str]) -> tuple[Comparable, str]:
    """The value that decides and why; an empty reason where none does."""
    of_members = [values[name] for name in members if name in values]
    if of_members and len(set(of_members)) == 1:
        return of_members[0], f"as on the members of the cluster, {len(of_members)} of {len(of_members)}"
    value, count = Counter(values.values()).most_common(1)[0]
    return (value, f"as on {count} of {len(values)} hosts") if count * 2 > len(values) else (None, "")


def _tie(values: Mapping[str, Comparable], severity: Optional[str]) -> Problem:
    groups: dict[Any, list[str]] = {}
    for name, value in sorted(values.items()):
        groups.setdefault(value, []).append(name)
    observed = "; ".join(f"{show(value)} on {', '.join(names)}" for value, names in groups.items())
    expected = "one value on more than half of the hosts, or a declared one"
    return Problem(tuple(sorted(values)), expected, observed, severity=severity, kind=UNDECIDED)


def show(value: Any) -> str:
    """A value as the operator reads it."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (tuple, list)):
        return ", ".join(map(show, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _frozen(value: Any) -> Comparable:
    if isinstance(value, Mapping):
        return tuple((key, _frozen(each)) for key, each in sorted(value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value
