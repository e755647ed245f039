# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as one HTML file that needs nothing else, and that is whole without its script, which filters. The page is
preflight.html.j2 with report.css and report.js; here is what it shows.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile
from pathlib import Path
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    INFO,
    SEVERITIES,
    UNDECIDED,
    UNKNOWN,
    WARNING,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.known_failures import what_cloudstack_says
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import path_report
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.causes import topics
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.check_page import check_page
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural, ranges
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.network_diagram import HEIGHT, WIDTH, diagrams
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_diff import is_change, verdict_changes
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

# What stands in a cell of the matrix, so that it can be read without colour too: letter, class of the colour, meaning.
LETTERS = {BLOCKER: "B", ERROR: "E", WARNING: "W", INFO: "i"}
PASSED, WAIVED, NOT_ASKED = ("·", "pass"), ("v", "waived"), ("", "none")
LEGEND = (
    (*PASSED, "passed"),
    *((LETTERS[severity], severity, severity) for severity in SEVERITIES),
    ("?", ERROR, "not known, so not passed (the colour is the severity)"),
    ("≠", WARNING, "hosts differ, and there is no majority"),
    (*WAIVED, "waived"),
    (*NOT_ASKED, "not tested: the host was not inspected"),
)
# member, passed -> what the page calls it
VERDICTS = {
    (False, False): "may not join",
    (False, True): "may join",
    (True, False): "member, has problems",
    (True, True): "member, no problem",
}
PATH_VERDICTS = {False: "has problems", True: "no problem"}  # a path check says nothing about a join
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """Hosts with one verdict for the same reasons."""

    hosts: list[str]
    verdict: str
    passed: bool
    because: tuple[str, ...]


def render(report: Mapping[str, Any], hosts: Sequence[Profile]) -> str:
    """The page. `report` is a document of report_json.py, `hosts` are the profiles that it was made from."""
    page = environment()
    position = {name: index for index, name in enumerate(sorted(report["hosts"], key=natural))}
    page.filters.update(
        ranges=ranges,
        breakable=breakable,
        says=lambda failure: what_cloudstack_says(failure["symptom"], failure["after"]),
        moment=moment,
        positions=lambda names: _positions(names, position),
    )
    found = topics(report["findings"])
    script = embedded("report.js")
    return page.get_template("preflight.html.j2").render(
        report=report,
        style=embedded("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        pages={topic.id: check_page(topic.id) for topic in found},
        position=position,
        verdict_words=sorted({_verdict(report, host) for host in report["hosts"].values()}),
        topics=[topic for topic in found if not topic.waivers],
        waived=[topic for topic in found if topic.waivers],
        verdicts=list(_rows(report)),
        headline=_headline(report),
        holds_until=_holds_until(report),
        changed=report["changes"] and is_change(report["changes"]),
        verdict_changes=verdict_changes(report["changes"]) if report["changes"] else [],
        matrix=list(_matrix(report)),
        hits={finding["id"] for finding in report["findings"]},
        legend=LEGEND,
        path_legend=path_report.LEGEND,
        path_class={letter: kind for letter, kind, _meaning in path_report.LEGEND},
        pictures=diagrams(sorted(hosts, key=lambda host: natural(host.name)), report),
        box_size=(WIDTH, HEIGHT),
    )


def environment() -> Environment:
    """Jinja over the pages of this folder."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _rows(report: Mapping[str, Any]) -> Iterator[Row]:
    """Candidates before members, those with problems first."""
    groups: dict[tuple, list[str]] = {}
    for name in sorted(report["hosts"], key=natural):
        host = report["hosts"][name]
        member = host["member"] and report["complete"]
        groups.setdefault((member, host["verdict"] == "pass", tuple(host["because"])), []).append(name)
    for (_member, passed, because), names in sorted(groups.items(), key=lambda group: (group[0][0], group[0][1])):
        yield Row(names, _verdict(report, report["hosts"][names[0]]), passed, because)


def _verdict(report: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    """The verdict of a host in the page's words."""
    passed = host["verdict"] == "pass"
    return VERDICTS[host["member"], passed] if report["complete"] else PATH_VERDICTS[passed]


def embedded(name: str) -> Markup:
    """A file of ours as it stands in the page, without the comments at its top."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines(keepends=True)
    return Markup("".join(dropwhile(lambda line: line.startswith(("//", "/*")), lines)))


def breakable(text: str) -> Markup:
    """A list of hosts that may go on in the next line behind each comma."""
    return escape(text).replace(",", Markup(",<wbr>"))


def _positions(names: Iterable[str], position: Mapping[str, int]) -> str:
    """Where these hosts stand in the report, in little space: 0-3,7."""
    runs: list[list[int]] = []
    for number in sorted(position[name] for name in names if name in position):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _headline(report: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Sentences, and whether each is good news."""
    if not report["complete"]:
        return _paths(report) or [("No path was tested", False)]
    said = []
    for member, what, bad, good in (
        (False, "candidate", "may not join", "may join"),
        (True, "member", "with problems", "without problems"),
    ):
        verdicts = [host["verdict"] for host in report["hosts"].values() if host["member"] == member]
        failed = verdicts.count("fail")
        if verdicts:
            count = f"{failed or len(verdicts)} of {len(verdicts)} {what}{'' if len(verdicts) == 1 else 's'}"
            said.append((f"{count} {bad if failed else good}", not failed))
    return said or [("No hosts", False)]


def _paths(report: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """How many pairs pass on each network."""
    networks = report["paths"]["networks"] if report["paths"] else ()
    return [
        (
            f"{each['name']}: {each['passed']} of {each['pairs']} pairs pass at {each['size']} bytes",
            each["passed"] == each["pairs"],
        )
        for each in networks
    ]


def _holds_until(report: Mapping[str, Any]) -> str:
    made = datetime.fromisoformat(report["created_at"].replace("Z", "+00:00"))
    return (made + timedelta(seconds=report["policy"]["verdict_max_age_s"])).isoformat(timespec="seconds")


def moment(text: str | None) -> str:
    """A time as a reader wants it: 2026-11-21 10:00:00 UTC."""
    if not text:
        return "never"
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".strip()


def _matrix(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str, list[tuple[str, str, str]]]]:
    """For each host its name, its part of the report, its verdict and its cells (letter, class, id of the check where
    there is something to read), the worst hosts first.
    """
    cells = _cells(report)
    rank = {name: min(map(_rank, cells.get(name, {}).values()), default=len(SEVERITIES)) for name in report["hosts"]}
    for name in sorted(report["hosts"], key=lambda name: (rank[name], natural(name))):
        host = report["hosts"][name]
        without = PASSED if host["seen"] else NOT_ASKED
        row = []
        for check in report["checks"]:
            finding = cells.get(name, {}).get(check)
            row.append((*_cell(finding), check) if finding else (*without, ""))
        yield name, host, _verdict(report, host), row


def _cells(report: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The worst finding by host and check."""
    cells: dict[str, dict[str, Mapping[str, Any]]] = {}
    for finding in report["findings"]:
        for host in finding["hosts"]:
            row = cells.setdefault(host, {})
            row[finding["id"]] = min(row.get(finding["id"], finding), finding, key=_rank)
    return cells


def _rank(finding: Mapping[str, Any]) -> int:
    return len(SEVERITIES) if finding["waiver"] else SEVERITIES.index(finding["severity"])


def _cell(finding: Mapping[str, Any]) -> tuple[str, str]:
    if finding["waiver"]:
        return WAIVED
    letter = {UNKNOWN: "?", UNDECIDED: "≠"}.get(finding["kind"], LETTERS[finding["severity"]])
    return letter, finding["severity"]
