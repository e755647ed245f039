# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""preflight.json: the report as a value. Every other report is drawn from it. Its form is
docs/schema/preflight.schema.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import Assessment, Verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Finding, Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.known_failures import FAILURES
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import mapping_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import REPORT_VERSION
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.differences import differences
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.path_report import section
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_diff import changes

# What of the cluster a reader needs. Other global settings stay out: no check reads them, and some are confidential.
SETTINGS = ("host", "management.network.cidr")
REGISTERED = ("name", "address", "state", "resource_state", "zone", "cluster")


@dataclass(frozen=True)
class Made:
    """When, by whom and in which run a report was made. `at` is ISO 8601 with a time zone, `versions` names programs
    and their versions.
    """

    at: str
    by: str
    run_id: str
    versions: Mapping[str, str] = field(default_factory=dict)


def document(
    assessment: Assessment,
    hosts: Sequence[Profile],
    cluster: Cluster,
    policy: Policy,
    waivers: Sequence[Waiver],
    made: Made,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report. `previous` is the document of the last one, to say what changed since."""
    ordered = sorted(hosts, key=lambda host: host.name)
    report = {
        "schema_version": REPORT_VERSION,
        "run_id": made.run_id,
        "created_at": made.at,
        "created_by": made.by,
        "versions": dict(made.versions),
        "complete": assessment.complete,
        "passed": assessment.passed,
        "policy": _plain(asdict(policy)),
        "cluster": _cluster(cluster),
        "hosts": _hosts(assessment.verdicts, ordered),
        "checks": _checks(assessment),
        "findings": [_finding(finding) for finding in assessment.findings],
        "waivers": [_waiver(waiver, assessment) for waiver in waivers],
        "differences": differences(ordered) if assessment.complete else [],
        "paths": section(assessment.cluster.paths, policy.loss_max_percent),
    }
    return {**report, "changes": changes(previous, report) if previous else None}


def dump(report: Mapping[str, Any]) -> str:
    """The text of the file: the same report, the same text. What JSON has no word for (NaN, Infinity) is null: then it
    is not known.
    """
    return (
        json.dumps(_writable(report), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    )


def load(text: str, path: str) -> dict[str, Any]:
    """Read a report. Raises InputError where the text is not a report, or one of another schema."""
    try:
        report = json.loads(text)
        version = report["schema_version"]
        whole = set(report) >= {"created_at", "hosts", "findings"}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a pre-flight report",
            observed=repr(error),
            next_step="run ansible-playbook cloudstack.kvm.preflight",
        ) from error
    if version != REPORT_VERSION or not whole:
        raise InputError(
            f"{path} has another form",
            expected=REPORT_VERSION,
            observed=version,
            next_step="run ansible-playbook cloudstack.kvm.preflight again",
        )
    return report


def _waiver(waiver: Waiver, assessment: Assessment) -> dict[str, Any]:
    used = any(each.waiver == waiver for each in assessment.findings)
    return {**_plain(asdict(waiver)), "used": used}


def _hosts(verdicts: Sequence[Verdict], hosts: Sequence[Profile]) -> dict[str, dict[str, Any]]:
    profiles = {host.name: host for host in hosts}
    return {verdict.host: _host(verdict, profiles.get(verdict.host)) for verdict in verdicts}


def _host(verdict: Verdict, profile: Profile | None) -> dict[str, Any]:
    seconds = profile.get("collected_at") if profile else None
    declared = profile.declared if profile else {}
    return {
        "verdict": "pass" if verdict.passed else "fail",
        "member": verdict.member,
        "because": list(verdict.because),
        "seen": profile is not None,
        "address": declared.get("address"),
        "ssh_port": declared.get("ssh_port"),
        "username": declared.get("cloudstack_user"),
        "collected_at": _iso(seconds),
    }


def _checks(assessment: Assessment) -> dict[str, dict[str, str]]:
    """All checks that ran, and what was found without one (a host that was not seen, an expired waiver)."""
    ran = [CHECKS[each] for each in assessment.checks]
    declared = {
        each.id: {"title": each.title, "severity": each.severity, "scope": each.scope, "area": each.area}
        for each in ran
    }
    rest = [each for each in assessment.findings if each.id not in declared]
    made = {
        each.id: {"title": each.title, "severity": each.severity, "scope": "host", "area": "preflight"} for each in rest
    }
    return dict(sorted({**declared, **made}.items()))


def _finding(finding: Finding) -> dict[str, Any]:
    failures = [{"id": each, **asdict(FAILURES[each])} for each in finding.prevents if each in FAILURES]
    return {**_plain(asdict(finding)), "stops": finding.stops, "prevents": failures}


def _cluster(cluster: Cluster) -> dict[str, Any]:
    said = mapping_of(cluster)
    said["settings"] = {name: said["settings"][name] for name in SETTINGS if name in said["settings"]}
    said["registered"] = [{key: host[key] for key in REGISTERED} for host in said["registered"]]
    return said


def _iso(seconds: Any) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError, OSError):  # not known, or a clock that no calendar holds
        return None


def _writable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _writable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):  # Ansible's own lists make their items only when they are asked for
        return [_writable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """The value with lists for tuples, as a reader of the JSON gets it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value
