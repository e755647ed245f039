# SPDX-License-Identifier: GPL-3.0-or-later
"""ipmitool, called as the real driver calls it (IpmitoolWrapper.java:76-112): no -C, the password in the arguments."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

ACTIONS = {"ON": "on", "OFF": "off", "CYCLE": "cycle", "RESET": "reset", "SOFT": "soft", "STATUS": "status"}


@dataclass(frozen=True)
class Result:
    """What ipmitool said; `stdout` is None where it did not end in time."""

    ok: bool
    stdout: str | None
    stderr: str

    @property
    def authentication_failed(self) -> bool:
        """Whether the BMC refused the password."""
        return "RAKP 2 HMAC is invalid" in self.stderr

    @property
    def power(self) -> str:
        """On, Off or Unknown, out of a status answer."""
        return {"Chassis Power is on": "On", "Chassis Power is off": "Off"}.get((self.stdout or "").strip(), "Unknown")


def run(
    oobm: Mapping[str, str], words: list[str], *, interface: str, retries: str, path: str, timeout: float
) -> Result:
    """Run ipmitool against a BMC; `timeout` in seconds."""
    command = [
        path,
        "-I",
        interface,
        "-R",
        retries,
        "-v",
        "-H",
        oobm["address"],
        "-p",
        oobm["port"],
        "-U",
        oobm["username"],
        "-P",
        oobm["password"],
        *words,
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout if timeout > 0 else None,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(False, None, "")
    except OSError as error:
        return Result(False, "", str(error))
    return Result(done.returncode == 0, done.stdout, done.stderr)
