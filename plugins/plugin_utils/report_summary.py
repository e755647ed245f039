# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report on one screen: 32 lines of 100 columns at most, for 4 hosts or for 1,000. What does not fit loses its
middle, never a part of a number.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, SEVERITIES
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.causes import Topic, topics
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_diff import is_change, verdict_changes

COLUMNS, CAUSES, GAP = 100, 5, "... "
# member, passed -> what it means
GROUPS = {
    (False, False): "may NOT join",
    (False, True): "may join",
    (True, False): "member, has problems",
    (True, True): "member, no problem",
}


def summary(report: Mapping[str, Any], html: str) -> str:
    """The text for a terminal. `html` is where the HTML report is."""
    found = topics(report["findings"])
    lines = [_head(report), *_groups(report), *_causes(found), *rest(found), *_changed(report), *_next(report, found)]
    return "\n".join([*map(shorten, lines), f"report  {html}"])  # a path that is not whole opens nothing


def _head(report: Mapping[str, Any]) -> str:
    where = "/".join(report["cluster"][part] for part in ("zone", "pod", "name") if report["cluster"][part])
    candidates = [host["verdict"] for host in report["hosts"].values() if not host["member"]]
    members = [host["verdict"] for host in report["hosts"].values() if host["member"]]
    parts = [f"{candidates.count('pass')} of {len(candidates)} candidates may join"] if candidates else []
    parts += [f"{members.count('fail')} of {len(members)} members have problems"] if members else []
    return f"Pre-flight of {where or 'the cluster'}: {', '.join(parts) or 'no hosts'}"


def _groups(report: Mapping[str, Any]) -> Iterator[str]:
    for (member, passed), words in GROUPS.items():
        names = [
            name
            for name, host in report["hosts"].items()
            if (host["member"], host["verdict"] == "pass") == (member, passed)
        ]
        if names:
            yield from wrapped(f"  {words:20} {len(names):4}  ", ranges(names))


def _causes(found: list[Topic]) -> Iterator[str]:
    """Up to three lines for each cause that keeps hosts out, as far as there is room."""
    stopping = [topic for topic in found if topic.stops]
    for topic in stopping[:CAUSES]:
        seen = topic.causes[0]
        more = f" (and {len(topic.causes) - 1} more like it)" if len(topic.causes) > 1 else ""
        yield f"{topic.severity:7} {topic.id}  {topic.title}: {ranges(topic.hosts)}"
        yield from wrapped(" " * 8, shorten(one_line(seen.observed), 2 * (COLUMNS - 8) - len(more) - 20) + more)
    if len(stopping) > CAUSES:
        yield f"        and {len(stopping) - CAUSES} more: {', '.join(topic.id for topic in stopping[CAUSES:])}"


def rest(found: list[Topic]) -> Iterator[str]:
    """A line for what keeps no host out, and one for what is waived."""
    for severity in SEVERITIES[SEVERITIES.index(ERROR) + 1 :]:
        ids = [topic.id for topic in found if not topic.waivers and topic.severity == severity]
        if ids:
            yield f"{severity:7} {len(ids)}: {', '.join(ids)}"
    waived = [topic.id for topic in found if topic.waivers]
    if waived:
        yield f"waived  {len(waived)}: {', '.join(waived)}"


def _changed(report: Mapping[str, Any]) -> Iterator[str]:
    since = report["changes"]
    if since and not is_change(since):
        yield f"since   {since['since']}: nothing changed"
    elif since:
        verdicts = "; ".join(f"{ranges(hosts)} {before} -> {now}" for before, now, hosts in verdict_changes(since))
        yield (
            f"since   {since['since']}: {len(since['new'])} new, {len(since['gone'])} "
            f"gone{'; ' if verdicts else ''}{verdicts}"
        )


def _next(report: Mapping[str, Any], found: list[Topic]) -> Iterator[str]:
    worst = next((topic for topic in found if topic.stops), None)
    joining = [name for name, host in report["hosts"].items() if not host["member"] and host["verdict"] == "pass"]
    if worst:
        yield from wrapped("next    ", f"{worst.id}: {one_line(worst.fixes[0] if worst.fixes else 'see the report')}")
        yield "        then run ansible-playbook cloudstack.kvm.preflight again"
    elif joining:
        yield "next    run ansible-playbook cloudstack.kvm.add_hosts; it judges each host again right before the join"
    else:
        yield "next    nothing to do"


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def shorten(text: str, width: int = COLUMNS) -> str:
    """At most so many characters of it: what is too long loses words from its middle, because what decides often stands
    at the end.
    """
    if len(text) <= width:
        return text
    words = re.split(r"(?<=[\s,;])", text)
    room = width - len(GAP)
    head, tail = words[0][:room] if len(words[0]) > room else words[0], ""
    for word in words[1:]:
        if len(head) + len(word) > room * 6 // 10:
            break
        head += word
    for word in reversed(words[1:]):
        if len(head) + len(word) + len(tail) > room:
            break
        tail = word + tail
    return f"{head}{GAP}{tail}"


def wrapped(begin: str, text: str) -> Iterator[str]:
    """The text behind `begin` on one line or two, the second one below the first."""
    parts = textwrap.wrap(
        shorten(text, 2 * (COLUMNS - len(begin)) - 20), COLUMNS - len(begin), break_on_hyphens=False
    ) or [""]
    for index, part in enumerate(parts):
        yield f"{begin if not index else ' ' * len(begin)}{part}"
