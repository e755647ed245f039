# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The timeline of a drill as a picture: a row for each thing that changes, and the computed times below. The places are
decided here; ha_drill.svg.j2 draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import environment

LEFT, WIDTH, ROW, GAP, TOP = 110, 860, 30, 8, 46  # pixels; WIDTH is that of the time axis
LETTER = 6.6  # pixels of one letter
ROWS = (
    ("host", ("state",)),
    ("in service", ("resource_state",)),
    ("host HA", ("ha_state",)),
    ("power", ("power",)),
    ("guest", ("guest_state", "guest_host")),
)
GOOD, DOUBT, BAD, WORK = "#cfe8cf", "#fbe6b0", "#f4c4bd", "#cddff5"
# What a value looks like; all others are work in progress.
COLOURS = {
    GOOD: ("Up", "Enabled", "Available", "On", "Running", "Recovered"),
    DOUBT: ("Suspect", "Checking", "Degraded", "Disconnected", "Alert", "Ineligible", "Unknown", "Disabled"),
    BAD: ("Down", "Off", "Fenced", "Fencing", "Recovering", "Stopped", "Error", "Maintenance"),
}
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # seconds between two marks of the axis
MARKS = 12  # at most


@dataclass(frozen=True)
class Bar:
    """A value that was shown for a while. `text` is empty where it would not fit; `title` is shown by a pointer."""

    x: float
    y: int
    width: float
    colour: str
    text: str
    title: str


@dataclass(frozen=True)
class Span:
    """A computed time: from best to worst, and when it was seen (-1: never)."""

    y: int
    left: float
    width: float
    typical: float
    seen: float
    text: str


def picture(report: Mapping[str, Any]) -> str:
    """The SVG. It needs nothing else, runs nothing, and says all in text that is readable without colour."""
    return environment().get_template("ha_drill.svg.j2").render(drawing(report))


def drawing(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything with its place, in pixels."""
    timeline, times = report["timeline"], report["times"]
    end = max([each["at"] for each in timeline] + [each["worst"] for each in times] + [1.0]) * 1.05
    scale = WIDTH / end
    rows = [row for row in ROWS if any(each[key] for each in timeline for key in row[1])]
    bars = [each for index, (_name, keys) in enumerate(rows) for each in _bars(timeline, keys, index, end, scale)]
    below = TOP + len(rows) * (ROW + GAP)
    word = "passed" if report["passed"] else "failed"
    return {
        "title": f"{report['failure']} of {report['host']}: {word}, {report['ending']}",
        "left": LEFT,
        "width": LEFT + WIDTH + 20,
        "height": below + 30 + len(times) * (ROW + GAP) + 10,
        "row": ROW,
        "labels": [(name, _y(index)) for index, (name, _keys) in enumerate(rows)],
        "bars": bars,
        "marks": [(LEFT + at * scale, f"{at} s") for at in _marks(end)],
        "top": TOP,
        "below": below,
        "spans": [_span(each, below + 30 + index * (ROW + GAP), scale) for index, each in enumerate(times)],
    }


def _y(index: int) -> int:
    return TOP + index * (ROW + GAP)


def _bars(
    timeline: Sequence[Mapping[str, Any]], keys: Sequence[str], index: int, end: float, scale: float
) -> Iterator[Bar]:
    """The values of a row: looks that show the same are one bar."""
    begun, shown = 0.0, ""
    for each in [*timeline, None]:
        text = " on ".join(str(each[key]) for key in keys if each[key]) if each is not None else ""
        if each is not None and text == shown:
            continue
        until = end if each is None else float(each["at"])
        if shown:
            yield _bar(begun, until, shown, index, scale)
        begun, shown = until, text


def _bar(begun: float, until: float, shown: str, index: int, scale: float) -> Bar:
    width = max((until - begun) * scale, 1.0)
    fits = len(shown) * LETTER + 8 <= width
    return Bar(
        round(LEFT + begun * scale, 1),
        _y(index),
        round(width, 1),
        _colour(shown),
        shown if fits else "",
        f"{shown}, from {begun:.0f} to {until:.0f} s",
    )


def _colour(shown: str) -> str:
    word = shown.partition(" on ")[0]
    return next((colour for colour, words in COLOURS.items() if word in words), WORK)


def _span(each: Mapping[str, Any], y: int, scale: float) -> Span:
    seen = each["seen"]
    told = "not seen" if seen is None else f"seen after {seen:.0f} s, {each['outcome']}"
    return Span(
        y,
        round(LEFT + each["best"] * scale, 1),
        round(max((each["worst"] - each["best"]) * scale, 2.0), 1),
        round(LEFT + each["typical"] * scale, 1),
        -1.0 if seen is None else round(LEFT + seen * scale, 1),
        f"{each['event']}: computed {each['best']} to {each['worst']} s, {told}",
    )


def _marks(end: float) -> list[int]:
    step = next((each for each in STEPS if end / each <= MARKS), STEPS[-1])
    return list(range(0, int(end) + 1, step))
