# SPDX-License-Identifier: GPL-3.0-or-later
"""A CloudStack API on the loopback interface with one pod, one physical network or one host to make, and with moods.

It stands for CloudStack together with what may lie in front of it: each command has a list of moods, one for each
request, and is answered well after them. A mood says whether the command is carried out, and what the caller gets
instead of the answer."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional, Union
from urllib.parse import parse_qsl

Json = dict[str, Any]
GATEWAY = "<html><head><title>{}</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Mood:
    """What happens to one request. `body` of None stands for the right answer; `cut` closes the connection after so
    many bytes."""

    status: int = 200
    body: Union[str, bytes, None] = None
    kind: Optional[str] = "application/json;charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()
    done: bool = False
    cut: Optional[int] = None
    silent: bool = False
    drip: bool = False


@dataclass
class Cloud:
    """What was made, and how often each command came."""

    moods: dict[str, list[Mood]]
    received: list[str] = field(default_factory=list)
    rows: dict[str, Json] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def count(self, *commands: str) -> int:
        return sum(command in commands for command in self.received)

    def carry_out(self, command: str) -> Json:
        """The answer, after the work."""
        if command == "createPod":
            self.rows["pod"] = {
                "id": "p1",
                "name": "pod1",
                "gateway": "192.0.2.1",
                "netmask": "255.255.255.0",
                "startip": "192.0.2.2",
            }
            return {"pod": self.rows["pod"]}
        if command == "createPhysicalNetwork":
            self.rows["physicalnetwork"] = {"id": "n1", "name": "net1", "state": "Disabled"}
            return {"jobid": "j1"}
        if command == "updatePhysicalNetwork":
            self.rows["physicalnetwork"]["state"] = "Enabled"
            return {"jobid": "j1"}
        if command == "deletePod":
            return {"success": bool(self.rows.pop("pod"))}
        if command == "addHost":
            self.rows["host"] = {"id": "h1", "name": "host1", "ipaddress": "192.0.2.11", "state": "Up"}
            return {"host": [self.rows["host"]]}
        if command == "queryAsyncJobResult":
            return {"jobid": "j1", "jobstatus": 1, "jobresult": {"physicalnetwork": {"id": "n1"}}}
        kind = {"listPods": "pod", "listPhysicalNetworks": "physicalnetwork", "listHosts": "host"}.get(command)
        return {"count": 1, kind: [self.rows[kind]]} if kind in self.rows else {}


class Handler(BaseHTTPRequestHandler):
    """One request: what is asked, the mood for it, the answer."""

    server: Any

    def do_POST(self) -> None:
        cloud: Cloud = self.server.cloud
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sent = dict(parse_qsl(text, keep_blank_values=True))
        assert "signature" in sent
        command = sent["command"]
        cloud.received.append(command)
        moods = cloud.moods.get(command, [])
        mood = moods.pop(0) if moods else Mood(done=True)
        good = {f"{command.lower()}response": cloud.carry_out(command) if mood.done else {}}
        body = json.dumps(good) if mood.body is None else mood.body
        self._answer(mood, (body.replace("{request}", text).encode() if isinstance(body, str) else body))

    def _answer(self, mood: Mood, body: bytes) -> None:
        if mood.silent:
            self.server.cloud.stopped.wait(20)
        if mood.silent or mood.cut == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(mood.status)
        for name, value in (
            *mood.headers,
            *([("Content-Type", mood.kind)] if mood.kind else ()),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self._write(mood, body)

    def _write(self, mood: Mood, body: bytes) -> None:
        if not mood.drip:
            self.wfile.write(body[: mood.cut])
            self.close_connection = mood.cut is not None
            return
        for byte in body:  # each byte starts requests' own read timeout again
            self.wfile.write(bytes([byte]))
            if self.server.cloud.stopped.wait(0.2):
                return

    def log_message(self, *_parts: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def moody_api(moods: dict[str, list[Mood]]) -> Iterator[tuple[str, Cloud]]:
    """Yields the address of the API and what it saw."""
    cloud = Cloud({command: [*each] for command, each in moods.items()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.cloud = cloud  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/client/api", cloud
    finally:
        cloud.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
