# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Marks on the controller that a pre-flight has begun. Documented in plugins/modules/preflight_mark.py."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report

ARGUMENT_SPEC = {
    "report_dir": {"type": "path", "required": True},
    "run_id": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class ActionModule(ActionBase):
    """Runs wholly on the controller: no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(ARGUMENT_SPEC)
        try:
            (report.begin if options["state"] == "present" else report.cancel)(options["report_dir"], options["run_id"])
        except KvmError as error:
            result.update(failed=True, msg=str(error))
        return {"changed": False, **result}
