# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report about high availability of a cluster: JSON, JUnit, and one page with a matrix of its hosts as HTML and as
Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import CASES
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import SEVERITIES, UNKNOWN
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.causes import Topic, topics
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_matrix import HEADINGS, rows
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_report_html import render
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.markdown import cell, table
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural, ranges
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_junit import junit

SCHEMA_VERSION = "1"
KEYS = ("cluster", "ready", "hosts", "findings", "checks", "bmcs", "timing")
NAME = "ha_report"


def document(
    readiness: Mapping[str, Any],
    *,
    at: str,
    by: str,
    drills: Mapping[str, Any] | None = None,
    drills_unread: Sequence[str] = (),
) -> dict[str, Any]:
    """The report as a value, see docs/schema/ha_report.md. `readiness` is what ha_readiness_info returned; `at` is ISO
    8601 with a time zone; `drills` are the last ones by host, and `drills_unread` says which cannot be read. Raises
    InputError for something else.
    """
    missing = [key for key in KEYS if key not in readiness]
    if missing:
        raise InputError(
            "there is nothing to report about",
            expected="what ha_readiness_info returned",
            observed=str(readiness.get("msg") or f"without {', '.join(missing)}"),
            next_step="see why ha_readiness_info failed or was left out",
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": at,
        "created_by": by,
        **{key: readiness[key] for key in KEYS},
        "hosts": {
            name: {**host, "drill": _last_drill(drills or {}, name)} for name, host in readiness["hosts"].items()
        },
        "drills_unread": list(drills_unread),
    }


def _last_drill(drills: Mapping[str, Any], name: str) -> Any:
    """Drills are named as in the inventory, which often has the first label of CloudStack's name alone."""
    return drills.get(name) or drills.get(name.split(".")[0])


def texts(report: Mapping[str, Any]) -> dict[str, str]:
    """The files by their names, the JSON last: where it is, all are."""
    return {
        f"{NAME}.html": render(report),
        f"{NAME}.md": markdown(report),
        f"{NAME}.junit.xml": _junit(report),
        f"{NAME}.json": json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n",
    }


def summary(report: Mapping[str, Any], page: str) -> list[str]:
    """The lines for the terminal."""
    cluster = report["cluster"]
    lines = [f"high availability of {cluster['name']} in {cluster['zone']}: {_verdict(report)}"]
    lines += [f"{_title(each)}: {ranges(each.hosts)}" for each in topics(report["findings"])]
    same: dict[str, list[str]] = {}
    for name, host in _hosts(report):
        same.setdefault(_told(host), []).append(name)
    lines += [f"if {ranges(names)} dies now: {told}" for told, names in same.items()]
    lines.append(f"time    {_time(report['timing']['typical'])} (typical)")
    return [*lines, f"report  {page}"]


def markdown(report: Mapping[str, Any]) -> str:
    """The page."""
    cluster = report["cluster"]
    parts = [
        f"# High availability of {cell(cluster['name'])} in {cell(cluster['zone'])}",
        f"{report['created_at']}, {cell(report['created_by'])}: **{_verdict(report)}**",
        *_matrix(report),
        *_deaths(report),
        *_findings(report["findings"]),
        *_timing(report["timing"]),
    ]
    return "\n\n".join(parts) + "\n"


def _title(topic: Topic) -> str:
    """Titles name problems; one that a check could not look for is not known to be there."""
    unknown = all(cause.kind == UNKNOWN for cause in topic.causes)
    return f"{topic.severity:7} {topic.id}  {'not known: ' if unknown else ''}{topic.title}"


def _verdict(report: Mapping[str, Any]) -> str:
    stopping = sum(1 for finding in report["findings"] if finding["stops"])
    return "ready" if report["ready"] else f"not ready, errors: {stopping}"


def _hosts(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(report["hosts"].items(), key=lambda each: natural(each[0]))


def _matrix(report: Mapping[str, Any]) -> Iterator[str]:
    """Worst first, equal hosts in one row. What is of a warning or worse is bold."""
    lines = []
    for row in rows(report):
        cells = [f"**{cell.text}**" if cell.kind in SEVERITIES[:3] else cell.text for cell in row.cells]
        lines.append((ranges(row.hosts), *cells, ", ".join(row.findings) or "none"))
    yield "## Hosts"
    yield table(("Hosts", *HEADINGS, "Findings"), lines)
    bmcs = report["bmcs"]
    if bmcs:
        yield f"BMCs as the pre-flight has seen them: {bmcs['at'] or 'not at all, ' + cell(bmcs['missing'])}"
    for problem in report["drills_unread"]:
        yield f"The result of a drill cannot be used: {cell(problem)}"


def _deaths(report: Mapping[str, Any]) -> Iterator[str]:
    yield "## If this host dies now"
    for name, host in _hosts(report):
        lines = [f"- `{cell(name)}`: {cell(_told(host))}"]
        lines += [
            f"  - {cell(each['guest'])} comes back, on {cell(each['host'])} there is room" for each in host["returns"]
        ]
        lines += [f"  - {cell(each['guest'])} stays down: {cell(each['because'])}" for each in host["stays"]]
        yield "\n".join(lines)


def _told(host: Mapping[str, Any]) -> str:
    fenced = "fenced" if host["fenced"] else f"not fenced, {host['because']}"
    return f"{fenced}; {len(host['returns'])} guests come back, {len(host['stays'])} stay down"


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Findings"
    if not findings:
        yield "None."
    for each in findings:
        lines = [
            f"### {each['severity']} {each['id']}: {'not known: ' * (each['kind'] == UNKNOWN)}{cell(each['title'])}",
            f"- hosts: {cell(ranges(each['hosts']))}",
        ]
        lines += [f"- {key}: {cell(each[key])}" for key in ("expected", "observed", "fix") if each[key]]
        lines += [f"- reproduce: `{each['reproduce']}`"] if each["reproduce"] else []
        yield "\n".join(lines)


def _timing(timing: Mapping[str, Any]) -> Iterator[str]:
    yield "## Time to failover, computed from the settings"
    rows = [(case, _seconds(timing[case]["fenced_at"]), _back(timing[case])) for case in CASES]
    yield table(("case", "fenced after", "last guest back after"), rows)
    stages = [
        (each["name"], _seconds(each["seconds"]), _seconds(each["ends_at"]), each["state"], each["formula"])
        for each in timing["typical"]["stages"]
    ]
    yield "Stages of the typical case:"
    yield table(("stage", "takes", "ends after", "HA state then", "how it is computed"), stages)


def _time(timing: Mapping[str, Any]) -> str:
    return f"fenced after {_seconds(timing['fenced_at'])}, guests back: {_back(timing)}"


def _back(timing: Mapping[str, Any]) -> str:
    if timing["guests_at"] is not None:
        return _seconds(timing["guests_at"])
    gives_up = timing["gives_up_at"]
    return f"never, CloudStack gives up after {_seconds(gives_up)}" if gives_up is not None else "never"


def _seconds(value: Any) -> str:
    return "never" if value is None else f"{value} s"


def _junit(report: Mapping[str, Any]) -> str:
    seen = {name: {**host, "seen": True} for name, host in report["hosts"].items()}
    return junit({**report, "hosts": seen, "complete": True}, name="high availability", group=NAME)
