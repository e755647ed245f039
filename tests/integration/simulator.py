# SPDX-License-Identifier: GPL-3.0-or-later
"""The API simulator as a process of the test: started empty, stopped at the end."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client

ROOT = Path(__file__).parents[2]
READY = 3  # lines that it prints when it serves


@dataclass
class Simulator:
    """One running simulator."""

    endpoint: str
    key: str
    secret: str = field(repr=False)
    admin_port: int

    @property
    def env(self) -> dict[str, str]:
        """The credentials as a playbook finds them."""
        return {"CLOUDSTACK_ENDPOINT": self.endpoint, "CLOUDSTACK_KEY": self.key, "CLOUDSTACK_SECRET": self.secret}

    @property
    def api(self) -> Client:
        """A client of it."""
        return Client(Access(self.endpoint, self.key, self.secret, timeout=60))

    def writes(self) -> int:
        """How many state changing commands it has carried out."""
        return self.admin("GET", "/writes")["count"]

    def fault(self, kind: str, command: str, times: int = 1) -> None:
        """Let the next calls of a command go wrong."""
        self.admin("POST", "/faults", {"kind": kind, "command": command, "times": times})

    def heal(self) -> None:
        """No faults any more."""
        self.admin("DELETE", "/faults")

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the admin channel."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.admin_port}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def run_simulator(host_setting: str = "192.0.2.254") -> Iterator[Simulator]:
    """An empty cloud on free ports of the loopback interface."""
    admin_port = _free_port()
    given = {"CLOUDSTACK_KEY": secrets.token_urlsafe(24), "CLOUDSTACK_SECRET": secrets.token_urlsafe(24)}
    command = [
        sys.executable,
        "-m",
        "lab.simulator",
        "--port",
        "0",
        "--admin-port",
        str(admin_port),
        "--host-setting",
        host_setting,
    ]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **given}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            lines = [process.stdout.readline() for _ in range(READY)]
            told = dict(line.strip().split("=", 1) for line in lines if "=" in line)
            assert "CLOUDSTACK_ENDPOINT" in told, f"the simulator did not start: {lines}"
            yield Simulator(told["CLOUDSTACK_ENDPOINT"], told["CLOUDSTACK_KEY"], told["CLOUDSTACK_SECRET"], admin_port)
        finally:
            process.terminate()
            process.wait(timeout=10)
