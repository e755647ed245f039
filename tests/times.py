# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tests' time goes, by file: seconds, runs of ansible-playbook, boots of hosts. Printed above pytest's
closing line."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

KEY = "programs"
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
    programs: dict[str, Counter[str]] = {}
    for report in reports:
        file = report.nodeid.split("::")[0]
        seconds[file] += report.duration
        programs.setdefault(file, Counter()).update(dict(report.user_properties).get(KEY, {}))
    lines = [f"{'seconds':>8} {'playbooks':>9} {'boots':>5}  file"]
    for file, spent in seconds.most_common(SHOWN):
        lines.append(f"{spent:>8.1f} {programs[file]['playbooks'] or '':>9} {programs[file]['boots'] or '':>5}  {file}")
    return lines


class Times:
    """The plugin."""

    def __init__(self) -> None:
        sys.addaudithook(_watch)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Each phase of a test carries what was started in it: with xdist the reports are all that the printing process
        sees."""
        report = yield
        report.user_properties = [*report.user_properties, (KEY, dict(_started))]
        _started.clear()
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
