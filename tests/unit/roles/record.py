# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the collection's modules on the host: writes down what a role asks for, touches nothing.

A copy of it is the action plugin of each module in the collection that conftest.py puts together.
"""

from __future__ import annotations

import json
import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Appends one line of JSON for each call to the file RECORDED_CALLS."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        call = {
            "host": task_vars["inventory_hostname"],
            "module": self._task.action.rpartition(".")[2],
            "args": self._task.args,
        }
        with open(os.environ["RECORDED_CALLS"], "a", encoding="utf-8") as calls:
            calls.write(json.dumps(call, default=str) + "\n")
        result.update(changed=False, changed_paths=[])
        return result
