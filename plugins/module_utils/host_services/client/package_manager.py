# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks and runs the host's package manager, apt-get or dnf, by its own program: Ansible's module apt needs python3-apt,
which a bare host lacks, and says so only in the check mode that an operator begins with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.model.package import Installed
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.parse import packages

Run = Callable[..., command.Answer]
LONGEST = 7200.0  # seconds for one call: a slow mirror and a slow machine together
PAUSE = 5.0  # seconds between two looks at a lock
_DPKG = ("dpkg-query", "-W", "-f", r"${Package}\t${db:Status-Abbrev}\t${Version}\t${Provides}\n")
_RPM = ("rpm", "-qa", "--qf", r"%{NAME}\t%{VERSION}-%{RELEASE}\t[%{PROVIDENAME},]\n")
# What a package asks is answered by its default, and a file that the operator changed stays as it is.
_QUIET = ("env", "DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical")
_KEEP_FILES = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")


class PackageManager:
    """The package manager of this host. `patience` in seconds: how long another one may hold the lock."""

    def __init__(self, patience: float, run: Run = command.run, clock: Optional[SystemClock] = None) -> None:
        self.patience = patience
        self._run = run
        self._clock = clock or SystemClock()

    def installed(self) -> list[Installed]:
        """What is installed. Raises CommandError where neither dpkg nor rpm is there."""
        for argv, parse in ((_DPKG, packages.parse_dpkg), (_RPM, packages.parse_rpm)):
            answer = self._run(argv, timeout=60.0)
            if answer.ok:
                return parse(answer.stdout)
        raise CommandError(
            "the installed packages could not be read", expected="dpkg-query or rpm", observed=answer.why()
        )

    def install(self, names: Sequence[str]) -> None:
        """Install these packages and what they need; what was interrupted before is finished first. Raises
        CommandError."""
        if not self._run(_DPKG, timeout=60.0).ok:
            self._must(("dnf", "-y", "-q", "install", *names))
            return
        # Always: a list of packages looks new to whoever asks for its age on a machine where there never was one.
        lists = self._patiently((*_QUIET, "apt-get", "-q", "update"))
        argv = (*self._apt_get(), "--no-install-recommends", "install", *names)
        answer = self._patiently(argv)
        if not answer.ok and packages.was_interrupted(_said(answer)):
            self._patiently((*_QUIET, "dpkg", "--force-confdef", "--force-confold", "--configure", "-a"))
            self._patiently((*self._apt_get(), "--fix-broken", "install"))
            answer = self._patiently(argv)
        self._require(answer, lists)

    def _apt_get(self) -> tuple[str, ...]:
        return (*_QUIET, "apt-get", "-q", "-y", *_KEEP_FILES)

    def _must(self, argv: Sequence[str]) -> None:
        self._require(self._patiently(argv), None)

    def _patiently(self, argv: Sequence[str]) -> command.Answer:
        """Run it, again while another package manager is at work: after boot unattended-upgrades holds the lock for
        minutes."""
        deadline = self._clock.monotonic() + self.patience
        while True:
            answer = self._run(argv, timeout=LONGEST)
            if answer.ok or not packages.lock_is_held(_said(answer)) or self._clock.monotonic() >= deadline:
                return answer
            self._clock.sleep(PAUSE)

    def _require(self, answer: command.Answer, lists: Optional[command.Answer]) -> None:
        if answer.ok:
            return
        argv = answer.argv[len(_QUIET) :] if answer.argv[: len(_QUIET)] == _QUIET else answer.argv
        reproduce = " ".join(argv)
        text = _said(answer)
        if packages.lock_is_held(text):
            raise CommandError(
                "another package manager is at work",
                expected=f"its lock within {self.patience:g} s",
                observed=f"still held by process {packages.lock_holder(text) or 'unknown'}",
                next_step=(
                    "let it end (unattended-upgrades after boot, or an operator's apt), then run again;"
                    " nothing was installed"
                ),
                reproduce="fuser -v /var/lib/dpkg/lock-frontend /var/lib/apt/lists/lock",
            )
        said = _complaints(answer) + (_complaints(lists) if lists else [])
        raise CommandError(
            "packages could not be installed",
            observed="; ".join(dict.fromkeys(said)) or answer.why(),
            next_step="mend the host's package sources or what the package manager complains of, then run again",
            reproduce=reproduce,
        )


def _said(answer: command.Answer) -> str:
    return f"{answer.problem}\n{answer.stderr}\n{answer.stdout}"


def _complaints(answer: command.Answer) -> list[str]:
    """apt's errors and warnings, else the last lines that were said."""
    lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(("E:", "W:", "Error:"))]
    return (marked or ([] if answer.ok else lines[-3:]))[:6]
