# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures the host's clock beside the round trip of the facts. Documented in plugins/modules/kvm_host_facts.py."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.cloudstack.kvm.plugins.action import clock_offset
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import LONGEST, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.plan.clock_offset import (
    Sample,
    between_dates,
    measure,
    parse_date,
    take_dates,
)
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.become_error import explain_become

COMMAND_NOT_FOUND = 127  # of every shell, in whatever language it says so
# Asked raw, without Python, and only of a host on which the first module could not start: of all others it would cost
# a round trip for nothing.
WHERE_IS_PYTHON = "command -v python3; command -v apt-get || command -v dnf || command -v zypper"
INSTALL = {
    "apt-get": "apt-get install -y python3",
    "dnf": "dnf install -y python3",
    "zypper": "zypper install -y python3",
}
NO_PYTHON_MESSAGE = (
    "python3 is not installed on the host, and neither Ansible nor cloudstack-setup-agent works without it; next: "
    "install it, for example ansible {host} -b -m ansible.builtin.raw -a '{install}', or set "
    "ansible_python_interpreter where it is in another place"
)
OTHER_PYTHON_MESSAGE = (
    "Ansible's Python is not on the host ({said}), but {python} is; next: set ansible_python_interpreter: {python} for "
    "it, or take a wrong one out of the inventory"
)
SAMPLES, ENOUGH = (clock_offset.ARGUMENT_SPEC[name]["default"] for name in ("samples", "enough"))


def _said(result: dict[str, Any]) -> str:
    """What the shell that should have started the module said."""
    return " ".join(str(result.get(key) or "") for key in ("module_stderr", "module_stdout", "msg"))


class ActionModule(clock_offset.ActionModule):
    """Runs the module. With `clock` the shell that starts it is asked for the time before and after, which costs no
    round trip of its own."""

    _supports_async = True
    # Moments at which a command was sent and ended, and the host's dates before and after it; None: they are not
    # wanted.
    _answers: Any = None

    def run(self, tmp=None, task_vars=None):
        result = ActionBase.run(self, tmp, task_vars)
        in_background = self._task.async_val and not self._connection.has_native_async
        is_wanted = boolean(self._task.args.get("clock", False), strict=False) and not in_background
        self._answers = [] if is_wanted else None
        result.update(self._run_module(task_vars, in_background))
        if result.get("rc") == COMMAND_NOT_FOUND and "python" in _said(result):
            result["msg"] = self._explain_missing_python(_said(result), task_vars.get("inventory_hostname", "HOST"))
        answers, self._answers = self._answers, None
        if is_wanted and not result.get("failed"):
            result.update(self.clock(lambda: self._measure_from(answers)))
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _run_module(self, task_vars, in_background):
        """The module's result. It is the first that every play runs as root on a host, so it says why it could not."""
        host, user = task_vars.get("inventory_hostname", ""), str(task_vars.get("ansible_user") or "")
        try:
            result = self._execute_module(task_vars=task_vars, wrap_async=in_background)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            problem = explain_become(str(error), host, user)
            if problem is None:
                raise
            return {"failed": True, "msg": str(problem)}
        said = f"{result.get('module_stderr', '')}\n{result.get('module_stdout', '')}"
        problem = explain_become(said, host, user)
        return {**result, "failed": True, "msg": str(problem)} if problem else result

    def _explain_missing_python(self, said, host):
        """What the host has in place of the Python with which the module was to start."""
        try:
            answer = ActionBase._low_level_execute_command(self, WHERE_IS_PYTHON, sudoable=False)
        except AnsibleConnectionFailure:
            answer = {}
        found = {path.rpartition("/")[2]: path for path in str(answer.get("stdout") or "").split()}
        if "python3" in found:
            return OTHER_PYTHON_MESSAGE.format(said=said.strip()[:LONGEST], python=found["python3"])
        install = next((command for program, command in INSTALL.items() if program in found), INSTALL["apt-get"])
        return NO_PYTHON_MESSAGE.format(host=host, install=install)

    def _measure_from(self, answers):
        """The offset. The host is asked again only where the way of the facts took too long; then the facts are there,
        whatever comes of it."""
        samples = [Sample(sent, received, *map(parse_date, dates)) for sent, received, dates in answers]
        try:
            return self.measure(samples, SAMPLES, ENOUGH)
        except (AnsibleConnectionFailure, ParseError) as error:
            if not samples:
                raise ValueError(str(error)) from error
            return measure(samples)

    def _low_level_execute_command(self, cmd, *args, **kwargs):
        if self._answers is None:
            return super()._low_level_execute_command(cmd, *args, **kwargs)
        sent = self.now()
        answer = super()._low_level_execute_command(between_dates(cmd), *args, **kwargs)
        received = self.now()
        dates, output = take_dates(answer["stdout"])
        if dates:
            self._answers.append((sent, received, dates))
        return {**answer, "stdout": output, "stdout_lines": output.splitlines()}
