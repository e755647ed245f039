# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches the arguments of all processes of this machine while something runs: what stands there everybody can read."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
PAUSE = 0.02  # seconds between two looks; a module lives ten times longer


class Watcher:
    """A context manager. `seen` holds the command lines that held one of the secrets.

    Containers are left out: what CloudStack's own server does there is its own (it gives ipmitool the password as
    argument)."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.secrets = [secret.encode() for secret in secrets]
        self.seen: set[str] = set()
        self.looks = 0
        self._own = (PROC / "self" / "ns" / "pid").readlink()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(PAUSE):
            self.looks += 1
            for folder in PROC.glob("[0-9]*"):
                self._look(folder)

    def _look(self, folder: Path) -> None:
        try:
            line = (folder / "cmdline").read_bytes()
            if any(secret in line for secret in self.secrets) and (folder / "ns" / "pid").readlink() == self._own:
                self.seen.add(line.replace(b"\0", b" ").decode(errors="replace")[:200])
        except OSError:  # the process is gone
            return
