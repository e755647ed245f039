# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tests' time goes, by file: seconds, seconds of CPU (of processes that have ended, without those of booted
hosts), runs of ansible-playbook, boots of hosts. Printed above pytest's closing line."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

KEY, CPU = "programs", "cpu"
SHOWN = 15  # files
BOOTS = (("up",), ("recreate",), ("host", "create"))
_started: Counter[str] = Counter()  # what this process has started since the last report


def kind(arguments: Sequence[str]) -> str:
    """What starting this command counts as; empty for what does not count."""
    programs = [os.path.basename(each) for each in arguments[:3]]
    if "ansible-playbook" in programs:
        return "playbooks"
    if "labctl" in programs:
        verbs = tuple(arguments[programs.index("labctl") + 1 :])
        return "boots" if any(verbs[: len(boot)] == boot for boot in BOOTS) else ""
    return ""


def _watch(event: str, arguments: tuple) -> None:
    if event == "subprocess.Popen" and isinstance(arguments[1], (list, tuple)):
        _started[kind([os.fsdecode(each) for each in arguments[1]])] += 1


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each of the files that took longest."""
    seconds: Counter[str] = Counter()
    cpu: Counter[str] = Counter()
    programs: dict[str, Counter[str]] = {}
    for report in reports:
        file = report.nodeid.split("::")[0]
        seconds[file] += report.duration
        properties = dict(report.user_properties)
        cpu[file] += properties.get(CPU, 0.0)
        programs.setdefault(file, Counter()).update(properties.get(KEY, {}))
    lines = [f"{'seconds':>8} {'CPU':>6} {'playbooks':>9} {'boots':>5}  file"]
    for file, spent in seconds.most_common(SHOWN):
        started = f"{programs[file]['playbooks'] or '':>9} {programs[file]['boots'] or '':>5}"
        lines.append(f"{spent:>8.1f} {cpu[file]:>6.1f} {started}  {file}")
    return lines


def _cpu() -> float:
    """Seconds of CPU of this process and of those that it has seen end."""
    return sum(os.times()[:4])


class Times:
    """The plugin."""

    def __init__(self) -> None:
        self.spent = _cpu()
        sys.addaudithook(_watch)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Each phase of a test carries what was started in it: with xdist the reports are all that the printing process
        sees."""
        report = yield
        now = _cpu()
        report.user_properties = [*report.user_properties, (KEY, dict(_started)), (CPU, now - self.spent)]
        _started.clear()
        self.spent = now
        return report

    def pytest_terminal_summary(self, terminalreporter):
        """Print the table."""
        phases = [
            report
            for reports in terminalreporter.stats.values()
            for report in reports
            if isinstance(report, pytest.TestReport)
        ]
        if phases:
            terminalreporter.section("where the time went")
            for line in table(phases):
                terminalreporter.write_line(line)
