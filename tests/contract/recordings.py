# SPDX-License-Identifier: GPL-3.0-or-later
"""The recordings of a real 4.22.1.0 server, as values (tests/fixtures/recorded, copied unchanged)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "fixtures" / "recorded"
# One entry a server. Topics in the order in which it was asked: later files use what earlier ones have made.
SERVERS: dict[str, tuple[str, ...]] = {
    "simulated hosts": (
        "discovery", "auth", "validation", "zone", "cluster", "host-simulator", "config", "settings", "oobm",
        "host-lifecycle", "jobs", "ha", "ha-race",
        "storage", "misc", "more", "maintenance", "host-kvm",
    ),
    "real hosts": ("kvm-host",),
    "a second one": ("arguments", "zone-ready"),
    "one that was restarted": ("restart",),
}  # fmt: skip
TOPICS = tuple(topic for topics in SERVERS.values() for topic in topics)
REAL_HOSTS = "kvm-host"  # eleven files of another shape, asked side by side: one topic here


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
    typed: bool = True  # the answer's content type was recorded
    moment: float = 0.0  # seconds since 1970, where that was recorded and matters

    @property
    def place(self) -> str:
        """topic[index] name."""
        return f"{self.topic}[{self.index}] {self.name}"

    @property
    def pending(self) -> bool:
        """A look at a job that still ran."""
        return self.name.endswith("pending") or self.name.startswith("slow job, ") and "result" not in self.name


def load(topic: str) -> list[Exchange]:
    """All entries of a topic, in order."""
    if topic == REAL_HOSTS:
        return _real_hosts()
    entries = json.loads((FOLDER / f"{topic}.json").read_text())["entries"]
    return [_exchange(topic, index, entry) for index, entry in enumerate(entries)]


def _real_hosts() -> list[Exchange]:
    """The exchanges of all files of the second shape, in the order of their moments."""
    timed: list[tuple[str, list[Exchange]]] = []
    for path in sorted(FOLDER.glob(f"{REAL_HOSTS}-*.json")):
        for index, entry in enumerate(json.loads(path.read_text())):
            if "body" in entry:  # the others tell what was watched
                timed.append((entry["at"], list(_flat(path.stem, index, entry))))
    return [exchange for _, exchanges in sorted(timed, key=lambda pair: pair[0]) for exchange in exchanges]


def _flat(topic: str, index: int, entry: dict[str, Any]) -> Iterator[Exchange]:
    """An entry of the second shape: the call, and the last look at its job, if it started one."""
    params = {key: str(value) for key, value in entry["request"].items()}
    command = params.pop("command")
    common = {"method": "POST", "typed": False, "moment": datetime.fromisoformat(f"{entry['at']}+00:00").timestamp()}
    yield Exchange(
        topic,
        index,
        entry["name"],
        command=command,
        params=params,
        status=entry["status"],
        body=json.dumps(entry["body"]),
        seconds=entry["seconds"],
        **common,
    )
    job = entry.get("job")
    if job and job.get("body"):
        looked = {"jobid": next(iter(entry["body"].values()))["jobid"]}
        yield Exchange(
            topic, index, f"{entry['name']} / result", command="queryAsyncJobResult", params=looked,
            status=job["status"], body=json.dumps(job["body"]),
            seconds=job["seconds"], **common,
        )  # fmt: skip


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
        # of job results the body alone was kept, see the recordings' README
        typed=request.get("command") != "queryAsyncJobResult" or entry.get("content_type") is not None,
    )
