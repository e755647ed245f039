# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the modules that talk to CloudStack as the user, with the Python and in the folder of ansible-playbook, wherever
a task sends them to the controller: by `delegate_to: localhost` or by a local connection.

meta/runtime.yml names it for each of them. Without it they would take what group_vars say of the hosts: SSH where an
inventory lists localhost, sudo where it says ansible_become, and a Python that does not have the library cs.
"""

from __future__ import annotations

import os
import shlex
from typing import Any

from ansible import constants as C
from ansible.plugins.action.normal import ActionModule as NormalAction


class ActionModule(NormalAction):
    """Runs the module as Ansible does, but for what the inventory says of the hosts."""

    _connection: Any
    _folder = ""

    def run(self, tmp=None, task_vars=None):
        delegate = self._task.delegate_to
        name = delegate or task_vars["inventory_hostname"]
        if name not in C.LOCALHOST and self._connection.transport != "local":
            return super().run(tmp, task_vars)
        # A connection of its own has no become. The one that Ansible has made is not open yet.
        self._connection = self._shared_loader_obj.connection_loader.get("local", self._play_context)
        self._connection.set_options(var_options={})
        # Ansible's own choice is the folder of the playbook, where no operator has a cloudstack.ini or a file of CAs.
        self._folder = shlex.quote(os.getcwd())
        python = {"ansible_python_interpreter": task_vars["ansible_playbook_python"]}
        delegated = {delegate: {**task_vars["ansible_delegated_vars"][delegate], **python}} if delegate else {}
        return super().run(tmp, {**task_vars, **python, "ansible_delegated_vars": delegated})

    def _low_level_execute_command(self, cmd, *args, **kwargs):
        if self._folder:
            kwargs.update(chdir=self._folder, executable=C.DEFAULT_EXECUTABLE)  # not ansible_shell_executable
        return super()._low_level_execute_command(cmd, *args, **kwargs)
