# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Marks on the controller that a pre-flight has begun. Documented in plugins/modules/preflight_mark.py."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.controller_action import ControllerAction


class ActionModule(ControllerAction):
    """One mark of one run."""

    ARGUMENT_SPEC = {
        "report_dir": {"type": "path", "required": True},
        "run_id": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }

    def outcome(self, options, task_vars):
        (report.begin if options["state"] == "present" else report.cancel)(options["report_dir"], options["run_id"])
        return {}
