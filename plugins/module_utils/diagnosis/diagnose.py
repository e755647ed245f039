# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a join failed. CloudStack has one sentence for a dozen causes; the host and the alerts know better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import Case, Diagnosis
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.logs import (
    HOUR,
    last_minutes,
    last_setup_run,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.rules import RULES
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.unknown import (
    host_does_not_answer,
    unknown_cause,
)


def diagnose(join: Mapping[str, Any], evidence: Optional[Mapping[str, Any]]) -> Diagnosis:
    """The most telling cause. `join` is what the module host returned, `evidence` what the host itself knows (None: not
    reachable).
    """
    case = case_of(join, evidence or {})
    if (join.get("record") or {}).get("state") == "Up":
        return Diagnosis(
            "the host came Up after CloudStack had given up",
            "an answer in time",
            case.error or "no error",
            "run again: it is found",
        )
    for rule in RULES:
        seen = rule.observed(case)
        if seen:
            cause = rule.cause if rule.certain else f"most likely {rule.cause}"
            return Diagnosis(cause, rule.expected, seen, rule.next_step, rule.certain)
    return host_does_not_answer(case) if evidence is None else unknown_cause(case)


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


def case_of(join: Mapping[str, Any], evidence: Mapping[str, Any]) -> Case:
    """The join with what of the evidence can be of it: logs that nothing was written to meanwhile are of another "
    "one."""
    seconds = float(join.get("seconds") or 0)
    ages = evidence.get("log_ages") or {}
    logs = {**(evidence.get("logs") or {}), "journal": evidence.get("journal")}
    fresh = {name: lines or () for name, lines in logs.items() if ages.get(name, 0) <= seconds + HOUR}
    if "setup.log" in fresh:
        fresh["setup.log"] = last_setup_run(fresh["setup.log"])
    if "agent.log" in fresh:
        fresh["agent.log"] = last_minutes(fresh["agent.log"], seconds)
    return Case(
        error=str(join.get("error") or ""),
        alerts=tuple(join.get("alerts") or ()),
        logs={name: tuple(lines) for name, lines in fresh.items()},
        programs=evidence.get("programs") or {},
        seconds=seconds,
        evidence=evidence,
    )
