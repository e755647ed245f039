# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the benchmarks: notes every module that really runs, one line each, in the file
COUNT_MODULES_FILE.

A task is not a module run: a loop runs its module once for each item, `copy` runs several, `assert` and `debug` run
none. So the count is taken where Ansible starts a module, ActionBase._execute_module. Worker processes are forked after
the plugin was loaded and therefore carry the patched method; lines shorter than a pipe buffer are appended atomically.
"""

from __future__ import annotations

import os
from functools import wraps

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

TARGET = os.environ.get("COUNT_MODULES_FILE")


def _noting(original):
    @wraps(original)
    def execute(self, module_name=None, *args, **kwargs):
        host = (kwargs.get("task_vars") or self._templar.available_variables).get("inventory_hostname", "?")
        with open(TARGET, "a", encoding="utf-8") as file:
            file.write(
                f"{host}\t{module_name or self._task.action}\t{self._task.delegate_to or ''}\t{self._task.get_name()}\n"
            )
        return original(self, module_name, *args, **kwargs)

    return execute


class CallbackModule(CallbackBase):
    """Does nothing with events: being loaded is enough."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "count_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        if TARGET and not hasattr(ActionBase._execute_module, "__wrapped__"):
            ActionBase._execute_module = _noting(ActionBase._execute_module)
