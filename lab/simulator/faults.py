# SPDX-License-Identifier: GPL-3.0-or-later
"""Staged misbehaviour of the API, for a number of calls of one command or of any."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .errors import ApiError, unauthorised

KINDS = ("530", "401", "432", "timeout", "lose-job")


@dataclass
class Fault:
    """What to do, to which command (None: any), and how often still."""

    kind: str
    command: str | None
    times: int


class Faults:
    """All that is staged now."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.released = threading.Event()

    def stage(self, kind: str, command: str | None, times: int) -> None:
        """Stage one. Raises ValueError for an unknown kind."""
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}; there are {', '.join(KINDS)}")
        self.released.clear()
        self._faults.append(Fault(kind, command, times))

    def clear(self) -> None:
        """Heal everything; calls that hang are let go."""
        self._faults.clear()
        self.released.set()

    def take(self, command: str) -> str | None:
        """The kind that hits this call, if one does."""
        for fault in self._faults:
            if fault.times > 0 and fault.command in (None, command):
                fault.times -= 1
                return fault.kind
        return None

    def hit(self, kind: str, command: str, user: str) -> None:
        """Do it to a command that the user of this UUID has called."""
        if kind == "530":
            raise ApiError(530, "Internal error executing command, please contact your system administrator")
        if kind == "401":
            raise unauthorised()
        if kind == "432":  # the key's role has not this command
            raise ApiError(
                432, f"The API [{command}] does not exist or is not available for the account for user id [{user}]."
            )
        if kind == "timeout":
            self.released.wait(3600)
            raise ApiError(530, "The call was held back by a staged fault")
