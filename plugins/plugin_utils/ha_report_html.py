# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report about high availability as one HTML file that needs nothing else. The page is ha_report.html.j2 with the
pre-flight's report.css and ha_report.css; it has no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.consequence import NOT_FENCED
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import CASES
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.causes import topics
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_matrix import HEADINGS, rows, seconds
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural, ranges
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import breakable, embedded, environment, moment

SHOWN = 8  # guests that are named before the rest is folded


@dataclass(frozen=True)
class Death:
    """What follows if one of these hosts dies now: how many guests come back, and which stay down, by the reason."""

    hosts: tuple[str, ...]
    fenced: bool
    because: str
    returns: int
    stays: Mapping[str, Sequence[str]]

    @property
    def lost(self) -> int:
        return sum(map(len, self.stays.values()))


def render(report: Mapping[str, Any]) -> str:
    """The page. `report` is a document of ha_report.py."""
    page = environment()
    page.filters.update(ranges=ranges, breakable=breakable, moment=moment, seconds=seconds)
    matrix = rows(report)
    fenced = sum(1 for host in report["hosts"].values() if host["fenced"])
    return page.get_template("ha_report.html.j2").render(
        report=report,
        style=embedded("report.css") + embedded("ha_report.css"),
        headings=HEADINGS,
        matrix=matrix,
        fenced=fenced,
        deaths=_deaths(report),
        topics=topics(report["findings"]),
        cases=CASES,
        shown=SHOWN,
    )


def _deaths(report: Mapping[str, Any]) -> list[Death]:
    """Hosts whose guests all come back share an entry, at the end."""
    whole: dict[str, list[str]] = {}
    lossy = []
    for name in sorted(report["hosts"], key=natural):
        host = report["hosts"][name]
        if not host["stays"] and (host["fenced"] or not host["returns"]):
            whole.setdefault(host["because"], []).append(name)
            continue
        lossy.append(Death((name,), host["fenced"], host["because"], len(host["returns"]), _by_reason(host["stays"])))
    lossy.sort(key=lambda each: (each.fenced, -each.lost))
    return [*lossy, *(Death(tuple(names), not because, because, 0, {}) for because, names in whole.items())]


def _by_reason(stays: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Why -> the guests. Why the host is not fenced stands beside them already."""
    found: dict[str, list[str]] = {}
    for each in stays:
        why = "their host would not be fenced" if each["reason"] == NOT_FENCED else each["because"]
        found.setdefault(why, []).append(each["guest"])
    return found
