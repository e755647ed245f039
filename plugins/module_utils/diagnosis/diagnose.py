# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a join failed. CloudStack has one sentence for a dozen causes; the host and the alerts know better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import Case
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.rules import RULES

AGENT_LOG = "/var/log/cloudstack/agent/agent.log"


@dataclass(frozen=True)
class Diagnosis:
    """`cause` is a sentence without the host; `certain` is false where only symptoms are known."""

    cause: str
    expected: str
    observed: str
    next_step: str
    certain: bool = True


def diagnose(join: Mapping[str, Any], evidence: Optional[Mapping[str, Any]]) -> Diagnosis:
    """The most telling cause. `join` is what the module host returned, `evidence` what the host itself knows (None: not
    reachable).
    """
    case = _case(join, evidence or {})
    if (join.get("record") or {}).get("state") == "Up":
        return Diagnosis(
            "the host came Up after CloudStack had given up",
            "an answer in time",
            case.error or "no error",
            "run again: it is found",
        )
    for rule in RULES:
        seen = rule.proof(case) if rule.error in case.error else ""
        if seen:
            return Diagnosis(rule.cause, rule.expected, seen, rule.next_step)
    return _unknown(case, evidence)


def tell(join: Mapping[str, Any], evidence: Optional[Mapping[str, Any]], host: str, cluster: str) -> str:
    """The whole message for the operator, some short lines."""
    found = diagnose(join, evidence)
    record = join.get("record")
    left = (
        f"CloudStack keeps a record of it: {record['id']}, {record['state']}"
        if record
        else "CloudStack has no record of it, nothing is left behind there"
    )
    return "\n".join(
        [
            f"{host} did not join {cluster}: {found.cause}",
            f"  expected   {found.expected}",
            f"  observed   {found.observed}",
            f"  addHost    {join.get('code')} after {join.get('seconds')} s: {join.get('error')}",
            f"  state      {left}",
            f"  next       {found.next_step}"
            + ("; set host_registration_stale_host: remove for the next attempt" if record else ""),
        ]
    )


def _case(join: Mapping[str, Any], evidence: Mapping[str, Any]) -> Case:
    logs = {**(evidence.get("logs") or {}), "journal": evidence.get("journal")}
    return Case(
        error=str(join.get("error") or ""),
        alerts=tuple(join.get("alerts") or ()),
        logs={name: tuple(lines or ()) for name, lines in logs.items()},
        programs=evidence.get("programs") or {},
        seconds=float(join.get("seconds") or 0),
        evidence=evidence,
    )


def _unknown(case: Case, evidence: Optional[Mapping[str, Any]]) -> Diagnosis:
    """Honest about not knowing: the last words of each log."""
    if evidence is None:
        return Diagnosis(
            "the cause is not known, and the host does not answer",
            "an Up host",
            case.error,
            "look at the host's console and network, then run again",
            certain=False,
        )
    unit = (evidence.get("units") or {}).get("cloudstack-agent.service") or {}
    last = [f"{name}: {_last(lines)}" for name, lines in case.logs.items() if _last(lines)]
    state = f"cloudstack-agent.service is {unit.get('ActiveState', 'unknown')}"
    return Diagnosis(
        "the cause is not known",
        "an agent that connects to the management server",
        "; ".join([state, *last])[:1500],
        f"read {AGENT_LOG} and setup.log on the host and management-server.log on the management server, then run "
        "again",
        certain=False,
    )


def _last(lines: Iterable[str]) -> str:
    return next((line.strip()[:200] for line in reversed(tuple(lines)) if line.strip()), "")
