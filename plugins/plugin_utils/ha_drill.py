# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report about a drill: JSON, JUnit, a page of Markdown, and its timeline as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any, Optional
from xml.etree import ElementTree as xml

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import Drill, Seen, Verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.verdict import NOT_SEEN
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_drill_picture import picture
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.markdown import cell, table
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_junit import add_case, count, written, xml_text

SCHEMA_VERSION = "1"


def name_of(drill: Drill) -> str:
    """How the files of a drill begin: those of other hosts and failures are beside them."""
    return f"ha_drill.{drill.host}.{drill.failure}"


def document(
    drill: Drill, verdict: Verdict, journal: Optional[Mapping[str, Any]], *, at: str, by: str
) -> dict[str, Any]:
    """The report as a value, see docs/schema/ha_drill.md. `at` is ISO 8601 with a time zone."""
    failed = datetime.fromtimestamp(drill.failed_at, timezone.utc).isoformat(timespec="seconds")
    canary = {**asdict(drill.canary), "journal": journal} if drill.canary else None
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": at,
        "created_by": by,
        "cluster": {"zone": drill.zone, "name": drill.cluster},
        "host": drill.host,
        "failure": drill.failure,
        "failed_at": failed if drill.failed_at else None,
        "passed": verdict.passed,
        "ending": verdict.ending,
        "expected": {
            "dies": drill.expectation.dies,
            "watched_for": round(drill.expectation.ends_by),
            "told": list(drill.expectation.told),
        },
        "timeline": [asdict(each) for each in drill.seen],
        "times": [
            {
                **{key: _short(value) for key, value in asdict(each.window).items()},
                "seen": each.seen,
                "outcome": each.outcome,
            }
            for each in verdict.timed
        ],
        "canary": canary,
        "gaps": [{"from": begin, "to": end} for begin, end in drill.gaps],
        "problems": list(verdict.problems),
        "unproven": list(verdict.unproven),
    }


def texts(report: Mapping[str, Any], name: str) -> dict[str, str]:
    """The files by their names, the JSON last: where it is, all are."""
    return {
        f"{name}.svg": picture(report),
        f"{name}.md": markdown(report, f"{name}.svg"),
        f"{name}.junit.xml": junit(report),
        f"{name}.json": json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n",
    }


def summary(report: Mapping[str, Any], page: str) -> list[str]:
    """The lines for the terminal."""
    word = "passed" if report["passed"] else "FAILED"
    lines = [f"drill {report['failure']} of {report['host']}: {word}, {report['ending']}"]
    lines += [f"problem   {each}" for each in report["problems"]]
    lines += [f"unproven  {each}" for each in report["unproven"]]
    lines += [f"{each['at']:7.1f} s {told(Seen(**each))}" for each in report["timeline"]]
    lines += [f"time      {_told_time(each)}" for each in report["times"]]
    return [*lines, f"report    {page}"]


def told(seen: Seen) -> str:
    """One look in words."""
    host = f"host {seen.state or 'gone'}/{seen.resource_state}, HA {seen.ha_state or 'not told'}, power {seen.power}"
    if not seen.guest_state:
        return host
    since = f" since {seen.guest_updated}" if seen.guest_updated else ""
    return f"{host}, guest {seen.guest_state}{since} on {seen.guest_host or 'no host'}"


def markdown(report: Mapping[str, Any], drawn: str) -> str:
    """The page."""
    verdict = "passed" if report["passed"] else "failed"
    parts = [
        f"# Drill: {report['failure']} of {cell(report['host'])}",
        f"{report['created_at']}, {cell(report['created_by'])}: **{verdict}**, {report['ending']}",
        *_list("Problems", report["problems"]),
        *_list("Not shown by this drill", report["unproven"]),
        *_list("Expected", report["expected"]["told"]),
        "## Timeline",
        f"![timeline]({drawn})",
        table(
            ("after", "what CloudStack showed"),
            [(f"{each['at']:.1f} s", told(Seen(**each))) for each in report["timeline"]],
        ),
        *_times(report["times"]),
    ]
    return "\n\n".join(parts) + "\n"


def junit(report: Mapping[str, Any]) -> str:
    """A test suite with a case for the drill as a whole, and one for each computed time."""
    root = xml.Element("testsuites", name="high availability drill")
    suite = xml.SubElement(root, "testsuite", name=xml_text(report["host"]), timestamp=report["created_at"], time="0")
    whole = add_case(suite, "ha_drill", f"{report['failure']}: the guests come back, or stay, as expected")
    if report["problems"]:
        xml.SubElement(whole, "failure", message=xml_text(report["problems"][0])).text = xml_text(
            "\n".join(report["problems"])
        )
    elif report["unproven"]:
        xml.SubElement(whole, "system-out").text = xml_text("\n".join(report["unproven"]))
    for each in report["times"]:
        case = add_case(suite, "ha_drill", f"{report['failure']}: {each['event']} within {each['worst']} s")
        if each["outcome"] == NOT_SEEN:
            xml.SubElement(case, "skipped", message="it was not seen")
        elif each["seen"] > each["worst"] and not report["passed"]:
            xml.SubElement(case, "failure", message=xml_text(_told_time(each)))
    count(suite)
    return written(root)


def _times(times: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not times:
        return
    yield "## Against the computed times"
    rows = [
        (each["event"], f"{each['best']} s", f"{each['typical']} s", f"{each['worst']} s", _seen(each), each["outcome"])
        for each in times
    ]
    yield table(("event", "best", "typical", "worst", "seen after", "that is"), rows)


def _told_time(each: Mapping[str, Any]) -> str:
    computed = f"computed {each['best']} to {each['worst']} s, typically {each['typical']} s"
    return f"{each['event']}: seen {_seen(each)}, {each['outcome']}; {computed}"


def _seen(each: Mapping[str, Any]) -> str:
    return "never" if each["seen"] is None else f"{each['seen']:.0f} s"


def _short(value: Any) -> Any:
    return round(value) if isinstance(value, float) else value


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"## {title}"
        yield "\n".join(f"- {cell(each)}" for each in lines)
