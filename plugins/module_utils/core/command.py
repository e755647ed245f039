# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs commands on the host: never through a shell, always with a time limit, several at once when they are
independent."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Optional

# Ansible logs in with a short PATH on some systems; the tools of an administrator live in sbin.
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_DEFAULT_TIMEOUT = 20.0  # seconds; a tool that needs longer is hanging on something, which is worth saying


@dataclass(frozen=True)
class Answer:
    """What a command said. `status` is its exit code, None if it never ran to its end; `problem` says why not.

    `took_s` is how long it ran, in seconds; two answers that say the same are equal."""

    argv: tuple[str, ...]
    status: Optional[int]
    stdout: str = ""
    stderr: str = ""
    problem: str = ""
    took_s: float = field(default=0.0, compare=False)

    @property
    def ok(self) -> bool:
        return self.status == 0

    def why(self) -> str:
        """One line for a reader: why there is no answer to use."""
        if self.problem:
            return self.problem
        text = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return f"`{' '.join(self.argv)}` ended with {self.status}" + (f": {text[0]}" if text else "")


def run(argv: Sequence[str], *, timeout: float = _DEFAULT_TIMEOUT, stdin: str = "") -> Answer:
    """Run one command in the C locale. Never raises for what the command does: look at the answer. `timeout` in
    seconds."""
    command, began = tuple(argv), time.monotonic()
    try:
        done = subprocess.run(  # noqa: UP022 - capture_output hides that stderr is kept apart
            command,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        return Answer(command, None, problem=f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Answer(command, None, problem=f"`{' '.join(command)}` gave no answer within {timeout:g} s")
    except OSError as error:
        return Answer(command, None, problem=f"`{' '.join(command)}` could not be started: {error.strerror}")
    took_s = time.monotonic() - began
    return Answer(command, done.returncode, _text(done.stdout), _text(done.stderr), took_s=took_s)


def run_all(commands: Mapping[str, Sequence[str]], *, timeout: float = _DEFAULT_TIMEOUT) -> dict[str, Answer]:
    """Run independent commands side by side; the answers have the names of the questions."""
    if not commands:
        return {}
    with ThreadPoolExecutor(
        max_workers=min(32, len(commands))
    ) as pool:  # most of them wait for a daemon, a BMC or a name server
        answers = pool.map(lambda argv: run(argv, timeout=timeout), commands.values())
        return dict(zip(commands, answers))


def _environment() -> dict[str, str]:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "LC_ALL": "C", "LANGUAGE": "C", "PATH": f"{path}:{_SBIN}"}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
