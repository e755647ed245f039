# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changed between two reports (documents of report_json.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What makes a finding on a host the same one in both reports. Texts may hold measurements, so they do not count.
Key = tuple[str, str, str, bool]


def changes(previous: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """New and gone findings, each once with all its hosts, and hosts whose verdict is another. A verdict is null where
    the host is missing.
    """
    before, now = dict(_by_host(previous)), dict(_by_host(current))
    return {
        "since": previous["created_at"],
        "new": _grouped(now, before),
        "gone": _grouped(before, now),
        "verdicts": list(_verdicts(previous["hosts"], current["hosts"])),
    }


def verdict_changes(found: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Verdict before, verdict now ("not there" for none), hosts."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in found["verdicts"]:
        groups.setdefault((each["before"] or "not there", each["now"] or "not there"), []).append(each["host"])
    return [(before, now, hosts) for (before, now), hosts in sorted(groups.items())]


def is_change(found: Mapping[str, Any]) -> bool:
    """Whether anything is another."""
    return bool(found["new"] or found["gone"] or found["verdicts"])


def _by_host(report: Mapping[str, Any]) -> Iterator[tuple[tuple[Key, str], str]]:
    for finding in report["findings"]:
        key = (finding["id"], finding["severity"], finding["kind"], finding["waiver"] is not None)
        for host in finding["hosts"]:
            yield (key, host), finding["title"]


def _grouped(some: Mapping[tuple[Key, str], str], others: Mapping[tuple[Key, str], str]) -> list[dict[str, Any]]:
    """What is in the one and not in the other."""
    groups: dict[Key, list[str]] = {}
    titles = {}
    for (key, host), title in some.items():
        if (key, host) not in others:
            groups.setdefault(key, []).append(host)
            titles[key] = title
    return [
        {
            "id": key[0],
            "title": titles[key],
            "severity": key[1],
            "kind": key[2],
            "waived": key[3],
            "hosts": sorted(hosts),
        }
        for key, hosts in sorted(groups.items())
    ]


def _verdicts(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for host in sorted({*before, *now}):
        old, new = (hosts.get(host, {}).get("verdict") for hosts in (before, now))
        if old != new:
            yield {"host": host, "before": old, "now": new}
