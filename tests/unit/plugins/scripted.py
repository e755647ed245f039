# SPDX-License-Identifier: GPL-3.0-or-later
"""A CloudStack client that follows a script: every call must be expected, and every expected call must come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError


class FakeClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class ScriptedClient:
    """Answers calls from a list of (command, answer or ApiError); records the parameters."""

    def __init__(self, *script: tuple[str, Any]) -> None:
        self.script = list(script)
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.clock = FakeClock()
        self.access = SimpleNamespace(timeout=900)

    def _next(self, command: str, params: dict[str, Any]) -> Any:
        assert self.script, f"unexpected {command} {params}"
        expected, answer = self.script.pop(0)
        assert command == expected, f"expected {expected}, got {command} {params}"
        self.sent.append((command, params))
        if isinstance(answer, ApiError):
            raise answer
        return answer

    def call(self, command: str, **params: Any) -> Any:
        return self._next(command, params)

    job = call

    def list(self, command: str, kind: str, **params: Any) -> Any:
        return self._next(command, params)
