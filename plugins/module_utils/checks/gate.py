# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does this verdict of the pre-flight let this host join, now? Asked before addHost by the module host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.policy import Policy

SCHEMA_VERSION = "1"
NEXT = "run preflight.yml for the cluster, repair what it reports, then add the host"
# A clock that the reader has set back makes a report look as if it came from the future; a second or two is no reason to refuse.
FUTURE_S = 60


def require_verdict(report: Any, host: str, fingerprint: str, *, now: datetime, place: str) -> None:
    """Return for a fresh passing verdict about the host as it is now (`fingerprint` of its facts). How long it holds, its policy says.

    Raises InputError otherwise: nothing has been sent to CloudStack then. `report` is what preflight.json holds, None if there is none;
    `place` is where it was looked for.
    """
    expected = "a passing verdict of the pre-flight, not older than policy.verdict_max_age_s, made from the facts that the host has now"
    refused = _refusal(report, host, fingerprint, now, place)
    if refused:
        raise InputError("the pre-flight does not let it join", host=host, expected=expected, observed=refused, next_step=NEXT)


def _refusal(report: Any, host: str, fingerprint: str, now: datetime, place: str) -> str:
    """Why not; empty if the host may join."""
    if report is None:
        return f"no report at {place}"
    if not isinstance(report, Mapping) or report.get("schema_version") != SCHEMA_VERSION:
        return f"{place} is no report that this version reads (schema_version {SCHEMA_VERSION})"
    verdict = (report.get("hosts") or {}).get(host)
    if not isinstance(verdict, Mapping):
        return f"{place} says nothing about {host}"
    if report.get("complete") is False:
        return f"{place} is of a run that left checks out (path_check.yml)"
    age = _age(report.get("created_at"), now)
    if age is None or age < -FUTURE_S:
        return f"{place} was made at {report.get('created_at')}, which is no time in the past"
    longest = (report.get("policy") or {}).get("verdict_max_age_s", Policy.verdict_max_age_s)
    if age > longest:
        return f"the verdict is {age:.0f} s old, and holds for {longest} s"
    if verdict.get("verdict") != "pass":
        return f"the verdict is {verdict.get('verdict')} because of {', '.join(verdict.get('because') or ()) or 'no reason given'}"
    if not fingerprint or verdict.get("facts_fingerprint") != fingerprint:
        return "the host is no longer as it was when the verdict was made"
    return ""


def _age(created: Any, now: datetime) -> Optional[float]:
    try:
        made = datetime.fromisoformat(str(created).replace("Z", "+00:00"))
    except ValueError:
        return None
    return (now - (made if made.tzinfo else made.replace(tzinfo=timezone.utc))).total_seconds()
