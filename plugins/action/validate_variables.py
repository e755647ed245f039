# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Refuses variables that a role cannot work with. Documented in plugins/modules/validate_variables.py."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.role_variables import find_unknown, refusal
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.controller_action import ControllerAction
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.role_specs import read_variables

RULE = {
    "that": {"type": "bool", "required": True},
    "expected": {"type": "str", "required": True},
    "observed": {"type": "str", "required": True},
    "next": {"type": "str", "required": True},
}


class ActionModule(ControllerAction):
    """One task for all rules of a role, as each task starts a process for each host."""

    ARGUMENT_SPEC = {
        "role": {"type": "str"},
        "rules": {"type": "list", "elements": "dict", "default": [], "options": RULE},
    }

    def outcome(self, options, task_vars):
        role = options["role"]
        unknown = find_unknown(task_vars, read_variables([role] if role else []))
        owner = f"the role {role}" if role else "the roles of cloudstack.kvm"
        message = refusal(task_vars["inventory_hostname"], owner, unknown, options["rules"])
        return {"failed": bool(message), "msg": message or "The variables are valid."}
