# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report about high availability as one HTML file that needs nothing else. The page is ha_report.html.j2 with the
pre-flight's report.css and ha_report.css; it has no script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import CASES
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.causes import topics
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_matrix import HEADINGS, rows, seconds
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural, ranges
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import breakable, embedded, environment, moment

SHOWN = 6  # guests of a host that are named before the rest is folded


@dataclass(frozen=True)
class Death:
    """What follows if one of these hosts dies now: `stays` are (guest, why)."""

    hosts: tuple[str, ...]
    fenced: bool
    because: str
    returns: tuple[tuple[str, str], ...]
    stays: tuple[tuple[str, str], ...]


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
        returns = tuple((each["guest"], each["host"]) for each in host["returns"])
        stays = tuple((each["guest"], each["because"]) for each in host["stays"])
        lossy.append(Death((name,), host["fenced"], host["because"], returns, stays))
    lossy.sort(key=lambda each: (each.fenced, -len(each.stays)))
    return [*lossy, *(Death(tuple(names), not because, because, (), ()) for because, names in whole.items())]
