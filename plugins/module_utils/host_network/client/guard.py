# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is logged in here, and whether the host still reaches them."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run


def caller(processes: str = "/proc") -> Optional[str]:
    """The address that this login comes from, None where it is not an SSH login.

    sudo drops SSH_CONNECTION, so it is looked for in the processes above this one too, the nearest first.
    """
    pid = "self"
    while pid not in ("0", "1", ""):
        found = _environment(Path(processes, pid, "environ")).get("SSH_CONNECTION", "")
        if found:
            return found.split(" ")[0]
        lines = _read(Path(processes, pid, "status")).splitlines()
        pid = next((line.split()[1] for line in lines if line.startswith("PPid:")), "")
    return None


def _environment(path: Path) -> dict[str, str]:
    entries = _read(path).split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A login that ends, as its network is changed, must not end this half-way."""
    old_handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, old_handler)


class Guard:
    """Asks `peer`, where the login comes from (None: a login on the console, nothing to ask), for up to `timeout`
    seconds."""

    def __init__(
        self, peer: Optional[str], timeout: float, run: Run = command.run, clock: Optional[SystemClock] = None
    ) -> None:
        self._peer, self._timeout, self._run, self._clock = peer, timeout, run, clock or SystemClock()

    def require_before(self) -> None:
        """Raises InputError where the peer does not answer now: nothing could be proven afterwards."""
        if self._peer and not self._answers(5):
            raise InputError(
                f"{self._peer}, where Ansible comes from, does not answer ping, so that the new network could not be "
                "verified; "
                "nothing was changed",
                expected="an answer to ping before the change, and after it",
                observed="none within 5 s",
                next_step=f"allow ICMP echo from this host to {self._peer}",
                reproduce=f"ping -c 1 {self._peer}",
            )

    def require_after(self) -> None:
        """Raises ApplyError where the peer does not answer in time."""
        if self._peer and not self._answers(self._timeout):
            raise ApplyError(
                f"{self._peer}, where Ansible comes from, could not be reached over the new network",
                expected=f"an answer to ping within {self._timeout:g} s",
                observed="none",
                next_step="compare port, address and gateway in network_bridge_bridges with the cabling",
                reproduce=f"ping -c 1 {self._peer}",
            )

    def _answers(self, seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline:
            if self._run(("ping", "-c", "1", "-W", "1", str(self._peer))).ok:
                return True
            self._clock.sleep(0.2)  # where the network is not there, ping ends at once
        return False
