# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cloudstack.kvm.path_check shows on one screen: the faults, then how many pairs pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.causes import Topic, topics
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_summary import one_line, rest, shorten, wrapped

CAUSES = 5  # four lines each


def path_summary(report: Mapping[str, Any], place: str) -> str:
    """The text for a terminal, at most 32 lines. `place` is where the HTML report is."""
    found = topics(report["findings"])
    stopping = [topic for topic in found if topic.stops]
    lines = [*_causes(stopping), *rest(found), *_networks(report["paths"])]
    return "\n".join([*map(shorten, lines), f"report  {place}"])


def _causes(stopping: list[Topic]) -> Iterator[str]:
    causes = [(topic, cause) for topic in stopping for cause in topic.causes]
    for topic, cause in causes[:CAUSES]:
        yield f"{topic.severity:7} {topic.id}  {topic.title}: {ranges(cause.hosts)}"
        yield from wrapped(" " * 8, one_line(cause.observed))
        yield f"        {cause.reproduce or next(filter(None, topic.commands), 'see the report')}"
    if len(causes) > CAUSES:
        yield f"        and {len(causes) - CAUSES} more, in the report"


def _networks(paths: Mapping[str, Any] | None) -> Iterator[str]:
    if not paths:
        yield "No path was tested: no two hosts have addresses on the bridge of the same label"
        return
    for each in paths["networks"]:
        passed = f"{each['passed']} of {each['pairs']} pairs of {each['hosts']} hosts pass at {each['size']} bytes"
        average = f", round trip {each['round_trip_ms']:.2f} ms" if each["round_trip_ms"] is not None else ""
        yield f"{each['name']}: {passed}{average}"
