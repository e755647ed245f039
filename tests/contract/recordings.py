# SPDX-License-Identifier: GPL-3.0-or-later
"""The recordings of a real 4.22.1.0 server, as values (tests/fixtures/recorded, copied unchanged)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "fixtures" / "recorded"
# In the order in which the server was asked; later files use what earlier ones have made.
TOPICS = (
    "discovery", "auth", "validation", "zone", "cluster", "host-simulator", "config", "settings", "oobm", "host-lifecycle", "jobs", "ha", "storage", "misc",
    "more", "maintenance", "host-kvm",
)  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """One HTTP exchange, or (command None and `observed` set) something watched over time."""

    topic: str
    index: int
    name: str
    method: str = ""
    command: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    auth: str = "signed"
    response: str | None = "json"
    status: int = 0
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    observed: Any = None

    @property
    def place(self) -> str:
        """topic[index] name."""
        return f"{self.topic}[{self.index}] {self.name}"

    @property
    def pending(self) -> bool:
        """A look at a job that still ran."""
        return self.name.endswith(" / pending") or self.name.startswith("slow job, ") and "result" not in self.name


def load(topic: str) -> list[Exchange]:
    """All entries of a topic, in order."""
    entries = json.loads((FOLDER / f"{topic}.json").read_text())["entries"]
    return [_exchange(topic, index, entry) for index, entry in enumerate(entries)]


def _exchange(topic: str, index: int, entry: dict[str, Any]) -> Exchange:
    request = entry.get("request")
    if not isinstance(request, dict):
        return Exchange(topic, index, entry["name"], observed=entry.get("observed") or [])
    return Exchange(
        topic,
        index,
        entry["name"],
        method=request["method"],
        command=request.get("command"),
        params={key: str(value) for key, value in (request.get("params") or {}).items()},
        auth=request.get("auth", "signed"),
        response=request.get("response", "json"),
        status=entry["status"],
        content_type=entry.get("content_type"),
        headers=entry.get("headers") or {},
        body=entry.get("body") or "",
        seconds=entry.get("seconds") or entry.get("seconds_since_call") or 0.0,
    )
