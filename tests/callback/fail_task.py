# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the tests: lets tasks go wrong. The file FAIL_TASKS holds a JSON list of [name of the task, host
or delegate, how].

`how`: failed (the module says so), unreachable (the connection breaks), died (the plugin raises), ok (nothing is done,
and that is called a success), or the result itself, a dictionary. What has been done so is noted in the file
FAIL_TASKS.done, a line each."""

from __future__ import annotations

import json
import os
from functools import wraps

from ansible.errors import AnsibleConnectionFailure
from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.callback import CallbackBase

FILE = os.environ.get("FAIL_TASKS", "")


def _answer(how):
    if isinstance(how, dict):
        return how
    if how == "unreachable":
        raise AnsibleConnectionFailure("staged: the connection broke")
    if how == "died":
        raise RuntimeError("staged: the plugin died")
    return {"failed": how == "failed", "changed": False, "msg": f"staged: {how}"}


def _failing(original):
    with open(FILE, encoding="utf-8") as file:
        wanted = {(task, host): how for task, host, how in json.load(file)}

    @wraps(original)
    def handler(self, *args, **kwargs):
        found = original(self, *args, **kwargs)
        run = found[0].run

        def instead(tmp=None, task_vars=None):
            name = self._task.get_name().split(" : ")[-1]
            for host in (task_vars["inventory_hostname"], self._task.delegate_to):
                if (name, host) in wanted:
                    with open(f"{FILE}.done", "a", encoding="utf-8") as done:
                        done.write(f"{name}\t{host}\n")
                    return _answer(wanted[name, host])
            return run(task_vars=task_vars)

        found[0].run = instead
        return found

    return handler


class CallbackModule(CallbackBase):
    """Does nothing with events: being loaded is enough, as workers are forked afterwards."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fail_task"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        if FILE and not hasattr(TaskExecutor._get_action_handler_with_module_context, "__wrapped__"):
            TaskExecutor._get_action_handler_with_module_context = _failing(
                TaskExecutor._get_action_handler_with_module_context
            )
