# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What action plugins share that run wholly on the controller: no host is touched."""

from __future__ import annotations

from abc import abstractmethod

from ansible.plugins.action import ActionBase
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError


class ControllerAction(ActionBase):
    """Subclasses have ARGUMENT_SPEC and `outcome`, which returns the keys of the result. A KvmError that it raises is
    the task's message."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = {**super().run(tmp, task_vars), "changed": False}
        _valid, options = self.validate_argument_spec(self.ARGUMENT_SPEC)
        try:
            return {**result, **self.outcome(options, task_vars)}
        except KvmError as error:
            return {**result, "failed": True, "msg": str(error)}

    @abstractmethod
    def outcome(self, options, task_vars):
        """The documented keys. `options` are validated, `task_vars` the host's variables."""
