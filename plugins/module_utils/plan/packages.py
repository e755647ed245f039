# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted packages, what the package manager has) -> what must be installed, and what its refusals mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.plan import Change, Plan

# A name, and behind = (dpkg) or - (rpm) a version, in which * stands for anything. Never an option of the package manager.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(=[A-Za-z0-9.+:~*-]+)?\*?")
_HELD = re.compile(r"could not get lock|unable to lock|unable to acquire the dpkg|is another process using it|waiting for process with pid", re.IGNORECASE)
_INTERRUPTED = re.compile(r"dpkg --configure -a|fix-broken install|not fully installed", re.IGNORECASE)


@dataclass(frozen=True)
class Installed:
    """A package that is installed completely. `provides` are the other names that it answers to."""

    name: str
    version: str
    provides: tuple[str, ...] = ()

    def satisfies(self, wanted: str) -> bool:
        """Whether it is what was asked for: name, name=version* as apt writes it, name-version* as dnf does."""
        if wanted in (self.name, *self.provides):
            return True
        return any(fnmatchcase(f"{self.name}{sign}{self.version}", wanted) for sign in "=-")


def parse_dpkg(text: str) -> list[Installed]:
    """Lines of dpkg-query: name, abbreviated state, version and what it provides, parted by tabs. What dpkg has only half
    installed or removed is left out."""
    found = (line.split("\t") for line in text.splitlines())
    return [Installed(row[0], row[2], _provided(row[3])) for row in found if len(row) == 4 and row[1].startswith("ii ")]


def parse_rpm(text: str) -> list[Installed]:
    """Lines of rpm: name, version-release and what it provides, parted by tabs."""
    found = (line.split("\t") for line in text.splitlines())
    return [Installed(row[0], row[1], _provided(row[2])) for row in found if len(row) == 3]


def _provided(text: str) -> tuple[str, ...]:
    return tuple(part.split()[0] for part in text.split(",") if part.strip())


def plan_packages(names: Sequence[str], installed: Iterable[Installed]) -> Plan:
    """One change for each package that is missing, or is there in another version. Raises InputError for what is not a name."""
    for name in names:
        if not NAME.fullmatch(name):
            raise InputError("this is not the name of a package", expected="a name such as chrony or cloudstack-agent=4.22.1.0*", observed=name)
    there = list(installed)
    versions = {package.name: package.version for package in there}
    missing = [name for name in dict.fromkeys(names) if not any(package.satisfies(name) for package in there)]
    return Plan.of(Change("install", name, before=_before(name, versions), after=name) for name in missing)


def _before(wanted: str, versions: Mapping[str, str]) -> str:
    name = wanted.partition("=")[0]
    return f"{name}={versions[name]}" if name in versions else ""


def lock_is_held(text: str) -> bool:
    """Whether the package manager was refused only because another one is at work."""
    return _HELD.search(text) is not None


def was_interrupted(text: str) -> bool:
    """Whether dpkg was cut off in the middle of an installation, which it wants to finish first."""
    return _INTERRUPTED.search(text) is not None


def lock_holder(text: str) -> Optional[str]:
    """Who holds the lock, as apt names it: 1234 (unattended-upgr)."""
    found = re.search(r"held by process (\d+(?: \([^)]*\))?)", text)
    return found[1] if found else None
