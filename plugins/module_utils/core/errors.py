# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can go wrong, in the operator's words. Raised anywhere, rendered once, by core/runtime.py."""

from __future__ import annotations

from typing import Any

LONGEST = 400  # characters of what is quoted in a message


class KvmError(Exception):
    """An error that an operator can act on.

    `message` is one sentence without a full stop. The other parts are optional; those that are given are appended in a
    fixed order, so that every message reads the same: expected, observed, next step, how to reproduce it.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str = "",
        expected: Any = "",
        observed: Any = "",
        next_step: str = "",
        reproduce: str = "",
    ) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = {}
        self.message = message
        self.host = host
        self.expected = expected
        self.observed = observed
        self.next_step = next_step
        self.reproduce = reproduce

    def __str__(self) -> str:
        parts = [f"{self.host}: {self.message}" if self.host else self.message]
        labelled = [
            ("Expected", self.expected),
            ("Observed", self.observed),
            ("Next", self.next_step),
            ("Reproduce", self.reproduce),
        ]
        parts += [f"{label}: {value}" for label, value in labelled if value not in ("", None)]
        return ". ".join(part.rstrip(".") for part in parts) + "."


class InputError(KvmError):
    """A parameter is not valid; nothing was changed."""


class ParseError(KvmError):
    """The text of a command or file (`source`) is not understood; `line` counts from 1, `text` is what stands there."""

    def __init__(self, source: str, message: str, *, line: int = 0, text: str = "", **parts: Any) -> None:
        where = f"{source}, line {line}" if line else source
        super().__init__(f"cannot read {where}: {message[:LONGEST]}", **{"observed": text[:200], **parts})
        self.source = source
        self.line = line


class OperationFailed(KvmError):
    """A file operation did not do what was asked."""


class CommandError(KvmError):
    """A command could not be run or failed."""


class ApplyError(KvmError):
    """A change could not be made; what was changed before it was put back."""


class ApiError(KvmError):
    """CloudStack refused a call; `code` is its errorcode (0 when there was no answer)."""

    def __init__(self, message: str, *, code: int = 0, text: str = "", **parts: Any) -> None:
        super().__init__(message, **parts)
        self.code = code
        self.text = text
