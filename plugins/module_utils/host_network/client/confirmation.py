# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change of the network that the host puts back by itself unless it is confirmed in time.

What is needed for it lies on the disk, with the code that does it, before anything is touched: a timer of systemd puts
back what nobody confirms (the controller, the login or the module may be gone), and a unit before the network of the
next boot puts the files back (after a power cut).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from typing import IO, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import (
    ApplyError,
    InputError,
    OperationFailed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run, must
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Kept
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.kept import kept_text, parse_kept

SECONDS = 60  # to confirm a change in, unless the task says otherwise
FOLDER = "/var/lib/cloudstack-kvm/network"
UNIT = "cloudstack-kvm-network-rollback"  # before the network of a boot
TIMER = "cloudstack-kvm-network-confirm"
UNIT_FILE = f"/etc/systemd/system/{UNIT}.service"
WANTED_BY = f"/etc/systemd/system/sysinit.target.wants/{UNIT}.service"
SYSTEMD = "/run/systemd/system"  # sd_booted(3)
_PROGRAM = """# Puts the network back as it was before a change that nobody confirmed. Written by cloudstack.kvm.
import sys

sys.path.insert(0, {code!r})
from {module} import main

sys.exit(main(sys.argv[1:]))
"""
_SERVICE = """# Written by cloudstack.kvm while a change of the network waits to be confirmed.
[Unit]
Description=Put the network back as it was before a change that nobody confirmed
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target networking.service systemd-networkd.service NetworkManager.service ovsdb-server.service
Wants=network-pre.target
ConditionPathExists={folder}/kept.json

[Service]
Type=oneshot
ExecStart={python} {folder}/rollback.py --boot
"""


class Confirmation:
    """The one change of this host that may wait to be confirmed."""

    def __init__(
        self,
        seconds: float,
        program: str = "",
        run: Run = command.run,
        clock: Optional[SystemClock] = None,
        folder: str = FOLDER,
    ) -> None:
        """`program` is the module whose main() puts a change back; only who makes a change needs it."""
        self._seconds, self._program, self._folder = seconds, program, folder
        self._run, self._clock = run, clock or SystemClock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts nobody else puts anything back. The lock goes with the process that has it.

        Raises OperationFailed where the folder cannot be written.
        """
        with self._lock() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _lock(self) -> IO[str]:
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            return open(self._path("lock"), "w", encoding="utf-8")
        except OSError as error:
            raise OperationFailed(
                f"{self._folder} cannot be written, where the host keeps what it needs to put a change back",
                expected="a folder that can be written, before anything of the network is touched",
                observed=error.strerror,
                next_step="look at free space and mount options; nothing was changed",
                reproduce=f"touch {self._path('lock')}",
            ) from error

    def require_none(self) -> None:
        """Raises InputError where a change waits to be confirmed or to be put back."""
        if self.pending() is None:
            return
        left = max(0, round(self.seconds_left()))
        raise InputError(
            "an earlier change of the network was not confirmed; nothing was changed",
            expected="no change that waits to be confirmed",
            observed=f"one that is put back in {left} s" if left else "one that should have been put back by now",
            next_step=f"wait {left + 5} s and run again"
            if left
            else f"systemctl start {UNIT}; reboot the host if its network is not as before then",
            reproduce=f"systemctl status {TIMER}.timer {UNIT}; ls {self._folder}",
        )

    def arm(self, kept: Kept) -> bool:
        """From now on the host puts this back in time; False where it has no systemd to do it.

        Raises OperationFailed or ApplyError, with nothing armed.
        """
        if not os.path.isdir(SYSTEMD):
            return False
        try:
            code = self._keep_code()
            self._write("rollback.py", _PROGRAM.format(code=code, module=self._program))
            self._set_deadline()
            files.write(UNIT_FILE, _SERVICE.format(python=sys.executable, folder=self._folder).encode(), 0o644)
            self._write("kept.json", kept_text(kept))
            os.makedirs(os.path.dirname(WANTED_BY), exist_ok=True)
            if not os.path.islink(WANTED_BY):
                files.make_link(WANTED_BY, UNIT_FILE)
            self._start_timer()
        except BaseException:
            self.drop()
            raise
        return True

    def _start_timer(self) -> None:
        self._stop_timer()
        program = (sys.executable, self._path("rollback.py"))
        # systemd may let a timer wait for up to a minute more (AccuracySec in systemd.timer(5))
        when = (f"--on-active={self._seconds:g}s", "--timer-property=AccuracySec=100ms")
        # KillMode: a DHCP client that is started again lives on
        options = ("--quiet", "--collect", f"--unit={TIMER}", "--property=KillMode=process", *when)
        must(self._run, ("systemd-run", *options, *program))

    def _stop_timer(self) -> None:
        """It may not be there. Its service may still wait for the end of a change that took longer than the time to
        confirm it, and was confirmed since: systemd takes no second one of that name."""
        self._run(("systemctl", "stop", f"{TIMER}.timer", f"{TIMER}.service"))
        self._run(("systemctl", "reset-failed", f"{TIMER}.timer", f"{TIMER}.service"))

    def renew(self) -> None:
        """The change is made: the time to confirm it begins."""
        self._set_deadline()

    def pending(self) -> Optional[Kept]:
        """What waits to be confirmed."""
        content = files.inspect(self._path("kept.json")).content
        return None if content is None else parse_kept(content.decode())

    def seconds_left(self) -> float:
        """Until the deadline; below 0 when it is over. It holds for this boot."""
        content = files.inspect(self._path("deadline")).content or b"0"
        return float(content) - self._clock.monotonic()

    def confirm(self) -> None:
        """Raises ApplyError where the change has been put back already."""
        with self.held():
            if self.pending() is None:
                told = (files.inspect(self._path("outcome")).content or b"it was put back").decode()
                error = ApplyError(
                    "the change of the network was not confirmed in time",
                    expected=f"a new login within {self._seconds:g} s of the change",
                    observed=told,
                    next_step="correct network_bridge_config, or give more time with network_bridge_rollback_timeout",
                )
                error.details = {"rolled_back": True}
                raise error
            self.drop()

    def drop(self, outcome: str = "") -> None:
        """Nothing waits any more. The file that says so is the first to go: what is left then is harmless."""
        self._write("outcome", outcome)
        for name in ("kept.json", "deadline", "rollback.py", "code.zip"):
            files.remove(self._path(name))
        for path in (WANTED_BY, UNIT_FILE):
            files.remove(path)
        self._run(("systemctl", "stop", f"{TIMER}.timer"))

    def _keep_code(self) -> str:
        """Where Python finds this code from now on: Ansible sends it as a zip file that goes with the module."""
        spec = sys.modules[__name__].__spec__
        archive = getattr(getattr(spec, "loader", None), "archive", None)
        if archive is None:
            package = os.path.join("ansible_collections", "cloudstack", "kvm")
            return os.path.abspath(__file__).split(f"{os.sep}{package}{os.sep}")[0]
        with open(archive, "rb") as code:
            files.write(self._path("code.zip"), code.read(), 0o600)
        return self._path("code.zip")

    def _set_deadline(self) -> None:
        self._write("deadline", f"{self._clock.monotonic() + self._seconds:f}")

    def _write(self, name: str, text: str) -> None:
        files.write(self._path(name), text.encode(), 0o600)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)
