# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measures a host's clock over the connection that Ansible has to it. Documented in plugins/modules/clock_offset.py."""

from __future__ import annotations

import time
from dataclasses import asdict

from ansible.plugins.action import ActionBase
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.plan.clock_offset import (
    COMMAND,
    Sample,
    is_enough,
    measure,
    parse_date,
)

ARGUMENT_SPEC = {"samples": {"type": "int", "default": 5}, "enough": {"type": "float", "default": 0.25}}


class ActionModule(ActionBase):
    """No module is sent: starting Python would take longer than all round trips together."""

    TRANSFERS_FILES = False
    now = staticmethod(time.time_ns)

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(ARGUMENT_SPEC)
        return {
            **result,
            "changed": False,
            **self.clock(lambda: self.measure([], options["samples"], options["enough"])),
        }

    def clock(self, measured):
        """The result: the offset that `measured` returns, or why there is none."""
        try:
            return {"clock": asdict(measured()), "unknown": {}}
        except (ParseError, ValueError) as error:
            return {"clock": None, "unknown": {"clock": str(error)}}

    def measure(self, samples, most, enough):
        """The offset out of these samples; the host is asked for more only where none of them is good, as each costs it
        a program."""
        while not samples or len(samples) < most and not is_enough(samples, enough):
            samples.append(self._ask())
        return measure(samples)

    def _ask(self):
        """One round trip. A host that is not reached raises AnsibleConnectionFailure, which Ansible reports as
        unreachable."""
        sent = self.now()
        # Anybody may read the clock: without become there is no sudo in the round trip.
        answer = self._low_level_execute_command(COMMAND, sudoable=False)
        received = self.now()
        if answer["rc"] != 0:
            raise ParseError(COMMAND, f"it ended with {answer['rc']}", text=answer["stderr"] or answer["stdout"])
        moment = parse_date(answer["stdout"])
        return Sample(sent, received, moment, moment)
