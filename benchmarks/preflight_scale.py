#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 1,000 hosts cost: all checks and all reports over 250, 500 and 1,000 synthetic profiles; seconds, memory, and
how both grow.

A step that is linear in hosts needs twice as long for twice the hosts, one that compares pairs four times. The slowest
checks are listed with their scope. Every tenth host has faults, so that the reports have something to tell. Ratios are
within one run on one machine."""

# ruff: noqa: E402 - the checkout comes before a copy that an installation has made
from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight import assess as preflight
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_diff import changes
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_html import render
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import dump
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_junit import junit

from tests.cluster_profiles import healthy

SIZES = (250, 500, 1000)
NOW = datetime(2026, 11, 25, 10, tzinfo=timezone.utc)
FAULTS = {
    "facts.interfaces[eth1].carrier": False,
    "facts.interfaces[eth2].mtu": 1500,
    "facts.os.kernel": "6.1.0-25-amd64",
    "facts.time.synchronised": False,
    "facts.cpu.microcode": "0x1000064",
}


def cluster(size: int) -> Any:
    """Nine tenths members, one tenth candidates, faults on every tenth host."""
    world = healthy(size - size // 10, size // 10)
    return world.edit({f"host{number}": FAULTS for number in range(10, size + 1, 10)})


def timed(times: dict[str, float], step: str, work: Callable[[], Any]) -> Any:
    """Run a step and add its seconds of processor time: others on the machine do not count."""
    started = time.process_time()
    result = work()
    times[step] = times.get(step, 0.0) + time.process_time() - started
    return result


def measure(size: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by step and by check, peak memory (MiB) and size of the page (MB)."""
    world = cluster(size)
    hosts, intent, rules = world.profiles(), world.intent(), world.rules()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checks: dict[str, float] = {}
    for check in CHECKS.values():
        preflight.CHECKS = {check.id: check}
        timed(checks, check.id, lambda: preflight.assess(hosts, intent, rules, today="2026-11-25"))
    preflight.CHECKS = CHECKS
    steps: dict[str, float] = {}
    assessment = timed(steps, "checks", lambda: preflight.assess(hosts, intent, rules, today="2026-11-25"))
    built = timed(
        steps, "build", lambda: report.build(assessment, hosts, intent, rules, (), made=NOW, run_id="benchmark")
    )
    page = timed(steps, "HTML", lambda: render(built, hosts))
    timed(steps, "JSON", lambda: dump(built))
    timed(steps, "JUnit", lambda: junit(built))
    timed(steps, "summary", lambda: report.summary_lines(built, {"html": "preflight.html"}))
    timed(steps, "compare", lambda: changes(built, built))
    with tempfile.TemporaryDirectory() as folder:
        timed(steps, "all files", lambda: report.write(built, hosts, intent, folder))
    steps["findings"] = len(built["findings"])
    steps["page, MB"] = len(page) / 1e6
    steps["memory, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps["of it checks and reports"] = steps["memory, MiB"] - before / 1024
    return steps, checks


def table(rows: dict[str, list[float]]) -> str:
    """A line for each row: the values, and what each doubling multiplies them with."""
    lines = [
        f"{'':26}"
        + "".join(f"{size:>10}" for size in SIZES)
        + "".join(f"{f'x{new / old:.0f} hosts':>11}" for old, new in zip(SIZES, SIZES[1:]))
    ]
    for name, values in rows.items():
        ratios = [f"x{new / old:.1f}" if old > 0.001 else "-" for old, new in zip(values, values[1:])]
        lines.append(
            f"{name:26}" + "".join(f"{value:>10.2f}" for value in values) + "".join(f"{ratio:>11}" for ratio in ratios)
        )
    return "\n".join(lines)


def main() -> int:
    """Entry point. Each size has a process of its own, so that the peak of one does not hide that of another."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        results = [pool.apply(measure, (size,)) for size in SIZES]
    print(f"{len(CHECKS)} checks; seconds of processor time unless said otherwise")
    print(table({name: [steps[name] for steps, _checks in results] for name in results[0][0]}))
    slowest = sorted(CHECKS, key=lambda name: -results[-1][1][name])[:10]
    print("\nslowest checks, with their scope")
    print(table({f"{name} {CHECKS[name].scope}": [checks[name] for _steps, checks in results] for name in slowest}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
