# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A BMC over LAN, by ipmitool: its power state, and switching it. The password is in a file that only we can read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client.files import scratch_copy

TIMEOUT = 30.0  # seconds for one call
INTERVAL = 1.0


class LanBmc:
    """The BMC at an address. All methods raise CommandError."""

    def __init__(
        self,
        address: str,
        port: int,
        username: str,
        password: str,
        run: Callable[..., Answer] = command.run,
        clock: Any = None,
    ) -> None:
        self._where = ("ipmitool", "-I", "lanplus", "-R", "1", "-H", address, "-p", str(port), "-U", username)
        self._address, self._password, self._run = address, password, run
        self._clock = clock or SystemClock()

    def power(self) -> str:
        """on or off."""
        found = re.search(r"Chassis Power is (on|off)", self._text("chassis", "power", "status"))
        if found is None:
            raise self._failed("chassis power status", "an answer that names neither on nor off")
        return found[1]

    def switch(self, state: str, seconds: float) -> None:
        """Power on, or off at once without telling the system; returns when the BMC says that it is so.

        A refusal alone proves nothing: ipmitool asks again where an answer is late, and the BMC then refuses what it
        has done already.
        """
        refusal: Optional[CommandError] = None
        try:
            self._text("chassis", "power", state)
        except CommandError as error:
            refusal = error
        end = self._clock.monotonic() + seconds
        while self.power() != state:
            if self._clock.monotonic() >= end:
                late = self._failed(f"chassis power {state}", f"the power is not {state} after {seconds:.0f} s")
                raise refusal or late
            self._clock.sleep(INTERVAL)

    def _text(self, *words: str) -> str:
        with scratch_copy(self._password.encode()) as secret:
            answer = self._run((*self._where, "-f", secret, *words), timeout=TIMEOUT)
        if not answer.ok:
            # Not answer.why(): it repeats the command line, with the path of a file that is gone.
            lines = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
            raise self._failed(" ".join(words), lines[-1] if lines else answer.problem or f"status {answer.status}")
        return answer.stdout

    def _failed(self, words: str, observed: str) -> CommandError:
        return CommandError(
            f"the BMC {self._address} did not do it",
            expected=f"`ipmitool ... {words}` to succeed from this machine",
            observed=observed,
            next_step="check oobm_address, oobm_username and oobm_password, and the way from this machine to the BMC",
            reproduce=f"{' '.join(self._where)} -a {words}",
        )
