# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the pre-flight let this host join, now? Asked before addHost by the module host.

A verdict holds for a while, for one host at one address in one cluster, under one policy. Where it does, the host is
judged again with its facts of now (rejudge.py): what has changed without consequence stops no join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.fact_changes import Change
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import (
    HostVerdict,
    KeptFacts,
    Report,
    read_facts,
    read_report,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import show
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.rejudge import Outcome, judge_again

MESSAGE = "the pre-flight does not let it join"
EXPECTED = (
    "a passing verdict of the pre-flight about this host, at this address, in this cluster, under the "
    "inventory's policy, and not too old"
)
NEXT = "run ansible-playbook cloudstack.kvm.preflight for the cluster, repair what it reports, then add the host"
# A clock that the reader has set back makes a report look as if it came from the future; a second or two is not a
# reason to refuse.
FUTURE_S = 60
# How long a verdict holds is not a limit of a check: the inventory of now says it.
NOT_JUDGED_BY = ("verdict_max_age_s",)
MOST_NAMED = 5  # changes, and further findings, in one message


@dataclass(frozen=True)
class Candidate:
    """The host that is to be added, as it is declared now. `name` is its inventory name, `url` what addHost is
    given.
    """

    name: str
    address: str
    url: str
    username: str
    zone_pod_cluster: tuple[str, str, str]
    facts: Mapping[str, Any]
    policy: Policy
    waivers: Sequence[Waiver] = ()


@dataclass(frozen=True)
class Kept:
    """What the pre-flight has left in `folder`: the content of its two files (None: there is none), and its unfinished
    runs.

    `unfinished` has for each run that began and has not written its report when and by whom it was begun.
    """

    folder: str
    report: Any
    facts: Any
    unfinished: Sequence[str] = ()


def require_verdict(kept: Kept, host: Candidate, now: datetime) -> None:
    """Return if the host may join. Raises InputError with the reason if not: nothing has been sent to CloudStack
    then.
    """
    try:
        report = _require_report(kept, host.name)
        reason = next(_reasons(report, host, now), "")
        facts = read_facts(kept.facts) if not reason else None
    except ParseError as error:
        raise _refusal(host.name, f"{kept.folder}: {error}") from error
    if facts is None:
        raise _refusal(host.name, reason)
    _require_pair(report, facts, host.name)
    outcome = judge_again(facts, host.name, host.facts, host.policy, host.waivers, today=now.date().isoformat())
    if outcome.findings:
        raise _worse(outcome, report, host)


def _require_report(kept: Kept, name: str) -> Report:
    if kept.unfinished:
        began = "; ".join(kept.unfinished[:MOST_NAMED])
        raise _refusal(
            name,
            f"a pre-flight of the cluster began ({began}) and has not ended with a report, so the report of before "
            "says nothing about now",
            "wait for it if it still runs, or run ansible-playbook cloudstack.kvm.preflight for the cluster to its "
            "end; then add the host",
        )
    if kept.report is None:
        raise _refusal(name, f"no report at {kept.folder}/preflight.json")
    report = read_report(kept.report)
    if kept.facts is None:
        raise _refusal(
            name, f"no {kept.folder}/preflight.facts.json beside the report, so the host cannot be judged again"
        )
    return report


def _reasons(report: Report, host: Candidate, now: datetime) -> Iterator[str]:
    """Why the verdict does not hold."""
    verdict = report.hosts.get(host.name)
    if verdict is None:
        yield f"the report says nothing about {host.name}"
        return
    if report.complete is not True:
        yield "the report is from a partial run (cloudstack.kvm.path_check)"
    yield from _time(report.created_at, now, host.policy.verdict_max_age_s)
    if not verdict.passed:
        yield f"the verdict is fail because of {', '.join(verdict.because) or 'no reason given'}"
    yield from _elsewhere(report, verdict, host)
    yield from _policy(report.policy, host.policy)


def _time(made: datetime, now: datetime, longest: float) -> Iterator[str]:
    age = (now - made).total_seconds()
    if age < -FUTURE_S:
        yield f"the report is dated in the future: {made.isoformat()}"
    if age > longest:
        yield f"the verdict is {age:.0f} s old, and holds for {longest} s (preflight_policy.verdict_max_age_s)"


def _elsewhere(report: Report, verdict: HostVerdict, host: Candidate) -> Iterator[str]:
    if verdict.address != host.address:
        yield (
            f"the verdict is about {host.name} at {verdict.address or 'no address'}, and {host.address} is to be "
            "added, which was not looked at"
        )
    port = verdict.ssh_port or 22
    url = f"http://{verdict.address}{'' if port == 22 else f':{port}'}"
    if url != host.url:
        yield f"the verdict is about {url}, and {host.url} is to be added"
    if verdict.username != host.username:
        yield (
            f"the logins were tried as {verdict.username or 'no account'}, and CloudStack is to log in as "
            f"{host.username}"
        )
    for word, then, now in zip(("zone", "pod", "cluster"), report.zone_pod_cluster, host.zone_pod_cluster):
        if then != now:
            yield f"the verdict is about {word} {then or 'unnamed'}, and the host is to join {word} {now}"


def _policy(then: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    now = {name: value for name, value in asdict(policy).items() if name not in NOT_JUDGED_BY}
    differing = [
        f"{name} was {show(then.get(name, 'absent'))}, is {show(value)}"
        for name, value in now.items()
        if then.get(name) != value
    ]
    if differing:
        yield f"the verdict was made under another policy: {'; '.join(differing[:MOST_NAMED])}"


def _require_pair(report: Report, facts: KeptFacts, name: str) -> None:
    """The facts have to be those that this report was made from, and the host one of those that were looked at."""
    if report.run_id != facts.run_id:
        raise _refusal(
            name, f"the report is of the run {report.run_id}, and the facts beside it are of the run {facts.run_id}"
        )
    kept = next((host for host in facts.hosts if host.name == name), None)
    if kept is None:
        raise _refusal(name, f"preflight.facts.json has no facts of {name}")
    if not kept.live:
        raise _refusal(
            name, "the host was not part of the run that made the report (--limit), so nothing was probed for it"
        )


def _worse(outcome: Outcome, report: Report, host: Candidate) -> InputError:
    first, *more = outcome.findings
    observed = [first.observed, _changed(outcome, report)]
    observed += _waivers_gone([each.id for each in outcome.findings], report, host)
    if more:
        observed.append(
            f"further findings: {'; '.join(f'{each.id} {each.title}' for each in more[:MOST_NAMED])}{_and_more(more)}"
        )
    return InputError(
        f"{MESSAGE}: {first.id} {first.title}",
        host=host.name,
        expected=first.expected,
        observed=". ".join(each.rstrip(".") for each in observed),
        next_step=f"{first.fix.rstrip('.')}; then run ansible-playbook cloudstack.kvm.preflight, and add the host",
        reproduce=first.reproduce,
    )


def _changed(outcome: Outcome, report: Report) -> str:
    """The facts to which the findings are due; where none is by itself, all that differ."""
    since = f"since the verdict of {report.created_at.isoformat(timespec='seconds')}"
    if outcome.stopped_then:
        return "It is not due to a fact that has changed: the facts of the verdict lead to it too, today"
    named: Sequence[Change] = outcome.decisive or outcome.others
    rest = len(outcome.others) if outcome.decisive else 0
    without = f" (without this consequence: {rest} more)" if rest else ""
    return f"Changed {since}: {'; '.join(map(str, named[:MOST_NAMED]))}{_and_more(named)}{without}"


def _waivers_gone(ids: Sequence[str], report: Report, host: Candidate) -> list[str]:
    now = {(waiver.check, name) for waiver in host.waivers for name in waiver.hosts}
    gone = sorted(
        check
        for check, name, _last in report.waivers
        if name == host.name and check in ids and (check, name) not in now
    )
    return (
        [f"The waiver of {', '.join(gone)} that the verdict was made with is no longer in preflight_waivers"]
        if gone
        else []
    )


def _and_more(items: Sequence[Any]) -> str:
    return f" and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""


def _refusal(name: str, observed: str, next_step: Optional[str] = None) -> InputError:
    return InputError(MESSAGE, host=name, expected=EXPECTED, observed=observed, next_step=next_step or NEXT)
