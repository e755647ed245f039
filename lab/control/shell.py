# SPDX-License-Identifier: GPL-3.0-or-later
"""Run programs and tell what is going on. Errors show the command, its status and the end of its output."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence

from .topology import LabError

_STARTED = time.monotonic()


def say(text: str) -> None:
    """One line of progress with the seconds since labctl began."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {text}", flush=True)


def run(
    command: Sequence[str],
    *,
    stdin: str | None = None,
    check: bool = True,
    timeout: float = 900,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command and capture its output. Raises LabError where it fails and `check` is set."""
    try:
        done = subprocess.run(
            list(command), input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout, check=False, env=env,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed: run lab/labctl setup") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end after {timeout:.0f} s: {shlex.join(command)}") from error
    if check and done.returncode != 0:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-12:])
        raise LabError(f"exit status {done.returncode}: {shlex.join(command)}\n{said}")
    return done


def show(command: Sequence[str], env: dict[str, str] | None = None) -> int:
    """Run a command on this terminal and return its exit status."""
    sys.stdout.flush()
    return subprocess.run(list(command), check=False, env=env).returncode
