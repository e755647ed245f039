# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the benchmarks: how long each task took over all hosts, a line for each in the file
TASK_TIMES_FILE: name, seconds, and how much the processors did for it, in seconds, if TASK_TIMES_CPU is the cpu.stat of
a control group."""

from __future__ import annotations

import os
import time

from ansible.plugins.callback import CallbackBase


def cpu_seconds():
    """What the processors have done for the control group so far; 0 where none is given."""
    if "TASK_TIMES_CPU" not in os.environ:
        return 0.0
    with open(os.environ["TASK_TIMES_CPU"], encoding="utf-8") as file:
        return int(dict(line.split() for line in file)["usage_usec"]) / 1e6


class CallbackModule(CallbackBase):
    """A task ends where the next one starts: strategy linear."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.running = None

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._end()
        self.running = (task.get_name(), time.monotonic(), cpu_seconds())

    def v2_playbook_on_stats(self, stats):
        self._end()

    def _end(self):
        if self.running:
            name, began, cpu = self.running
            with open(os.environ["TASK_TIMES_FILE"], "a", encoding="utf-8") as file:
                file.write(f"{name.split(' : ')[-1]}\t{time.monotonic() - began:.3f}\t{cpu_seconds() - cpu:.3f}\n")
        self.running = None
