# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes `delegate_to: localhost` the machine and the Python that run Ansible, for all modules that talk to CloudStack.

meta/runtime.yml names it for each of them. Without it an inventory that lists localhost gets it by SSH, as root if the
play says become, and with a Python that does not have the library cs, so that each task would have to set connection,
interpreter and become besides.
"""

from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action.normal import ActionModule as NormalAction


class ActionModule(NormalAction):
    """Runs the module as Ansible does, on the controller where the task is delegated to it."""

    def run(self, tmp=None, task_vars=None):
        name = self._task.delegate_to
        if name not in C.LOCALHOST:
            return super().run(tmp, task_vars)
        # A connection of its own has no become. The one that Ansible has made is not open yet.
        self._connection = self._shared_loader_obj.connection_loader.get("local", self._play_context)
        self._connection.set_options(var_options={})
        python = task_vars["ansible_playbook_python"]
        controller = {**task_vars["ansible_delegated_vars"][name], "ansible_python_interpreter": python}
        return super().run(tmp, {**task_vars, "ansible_delegated_vars": {name: controller}})
