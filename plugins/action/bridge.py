# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the module, and confirms its change over a new connection: that the host can be logged in to is the proof that
the controller has of the new network. After a change that was put back no other host is changed in the same run."""

from __future__ import annotations

import time
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.confirmation import SECONDS

MODULE = "cloudstack.kvm.bridge"
MARGIN = 30  # seconds that the host has for putting everything back
PAUSE = 2  # seconds between two logins


class ActionModule(ActionBase):
    """See the module."""

    TRANSFERS_FILES = False
    clock, pause = staticmethod(time.monotonic), staticmethod(time.sleep)
    # A folder of this run of Ansible, which all of its processes share: names the host whose change was put back.
    stopped = Path(constants.DEFAULT_LOCAL_TMP, "cloudstack.kvm.bridge-put-back")

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        host, is_real = task_vars["inventory_hostname"], not self._task.check_mode
        earlier = self.stopped.read_text() if is_real and self.stopped.exists() else host
        if earlier != host:
            return _not_begun(host, earlier)
        try:
            result = self._change(task_vars)
        except AnsibleConnectionFailure:
            self._stop(host)
            raise
        if _is_rollback(result):
            self._stop(host)
        return result

    def _stop(self, host):
        self.stopped.write_text(host)

    def _change(self, task_vars):
        result = self._module(self._task.args, task_vars)
        if not result.get("waits"):
            return result
        seconds = int(self._task.args.get("rollback_timeout") or SECONDS)
        deadline = self.clock() + seconds
        answer = self._until(deadline, task_vars)
        if answer is None:
            return self._lost(seconds, deadline, task_vars, result)
        if answer.get("failed"):
            return {**answer, "changed": False}
        return {**result, "waits": False}

    def _module(self, arguments, task_vars):
        return self._execute_module(module_name=MODULE, module_args=dict(arguments), task_vars=task_vars)

    def _confirm(self, task_vars):
        """The module's answer over a new connection, None where the host cannot be logged in to."""
        try:
            self._connection.reset()
            answer = self._module({"confirm": True}, task_vars)
        except AnsibleConnectionFailure:
            return None
        return None if answer.get("unreachable") else answer

    def _until(self, deadline, task_vars):
        answer = self._confirm(task_vars)
        while answer is None and self.clock() < deadline:
            self.pause(PAUSE)
            answer = self._confirm(task_vars)
        return answer

    def _lost(self, seconds, deadline, task_vars, result):
        """The host puts everything back now; whether it has is asked where it always was."""
        answer = self._until(deadline + MARGIN, task_vars)
        host = task_vars["inventory_hostname"]
        if answer is None:
            observed = "it cannot be logged in to at its old address either"
            then = f"look at the console of {host}: journalctl -u cloudstack-kvm-network-confirm"
        elif answer.get("failed"):
            observed, then = "none; the network was put back as it was", "correct network_bridge_config and run again"
        else:  # a login that came late, but before the host put anything back
            return {**result, "waits": False}
        return {
            "failed": True,
            "changed": answer is None,
            "rolled_back": True,
            "diff": result.get("diff", []),
            "msg": f"{host}: it could not be logged in to over the new network. Expected: a new SSH connection to "
            f"{task_vars.get('ansible_host', host)} within {seconds} s. Observed: {observed}. Next: {then}.",
        }


def _is_rollback(result):
    """Whether the host was changed, and is not as declared. A module that was killed or has a defect cannot tell."""
    unknown = "module_stdout" in result or str(result.get("msg", "")).startswith("unexpected ")
    return bool(result.get("rolled_back") or result.get("failed") and unknown or result.get("unreachable"))


def _not_begun(host, earlier):
    return {
        "failed": True,
        "changed": False,
        "msg": f"{host}: its network was not changed, because the change of {earlier} was put back. Expected: that "
        f"each host before it keeps its change. Observed: {earlier} did not. Next: see what was told of {earlier}, "
        "correct network_bridge_config and run again.",
    }
