# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the tests: notes every task that changed a host in KILL_AFTER_LOG, and ends ansible-playbook by
SIGKILL right after one.

KILL_AFTER_CHANGES=n: after the n-th of them. KILL_AFTER_TASK=text: after the first whose name contains it.
"""

from __future__ import annotations

import os
import signal

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Counts; the process group is that of the one ansible-playbook (start_new_session), workers between two tasks have
    nothing left to do."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kill_after"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.seen = 0

    def v2_runner_on_ok(self, result):
        """The task has ended on a host."""
        outcome = result.result if hasattr(result, "result") else result._result
        if not outcome.get("changed"):
            return
        task = result.task if hasattr(result, "task") else result._task
        self.seen += 1
        with open(os.environ["KILL_AFTER_LOG"], "a", encoding="utf-8") as log:
            log.write(task.get_name() + "\n")
        wanted = os.environ.get("KILL_AFTER_TASK")
        if str(self.seen) == os.environ.get("KILL_AFTER_CHANGES") or (wanted and wanted in task.get_name()):
            os.killpg(os.getpgrp(), signal.SIGKILL)
