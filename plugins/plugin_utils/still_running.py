# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts are still at a task, and for how long. Pure: the time comes as an argument, in seconds of one clock."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges

TOGETHER = 10.0  # seconds; hosts that began within so many are told together


class StillRunning:
    """One task over many hosts."""

    def __init__(self, task: str, now: float) -> None:
        self.task, self.began = task, now
        self.working: dict[str, float] = {}
        self.done = 0
        self.bad: list[str] = []

    def start(self, host: str, now: float) -> None:
        """The host begins."""
        self.working[host] = now

    def end(self, host: str, *, bad: bool = False) -> None:
        """The host is done; `bad`: with a failure."""
        self.working.pop(host, None)
        self.done += 1
        if bad:
            self.bad.append(host)

    def line(self, now: float, width: int = 0) -> str:
        """What to show, at most `width` characters of it (0: all); empty if no host is at work."""
        if not self.working:
            return ""
        done = f", {self.done} done" if self.done else ""
        failed = f", {ranges(self.bad)} failed" if self.bad else ""
        text = f"{self.task}: {len(self.working)} still at it{done}{failed}: {', '.join(self._groups(now))}"
        return text if not width or len(text) <= width else f"{text[: width - 3]}..."

    def _groups(self, now: float) -> Iterable[str]:
        """The hosts with the time they have been at it, the longest first."""
        groups: list[tuple[float, list[str]]] = []
        for host, began in sorted(self.working.items(), key=lambda item: item[1]):
            if not groups or began - groups[-1][0] > TOGETHER:
                groups.append((began, []))
            groups[-1][1].append(host)
        return [f"{ranges(hosts)} for {duration(now - began)}" for began, hosts in groups]


def duration(seconds: float) -> str:
    """0:07, 3:20, 1:02:05."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
