# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What dpkg, rpm and apt say."""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.model.package import Installed

_HELD = re.compile(
    r"could not get lock|unable to lock|unable to acquire the dpkg"
    r"|is another process using it|waiting for process with pid",
    re.IGNORECASE,
)
_INTERRUPTED = re.compile(r"dpkg --configure -a|fix-broken install|not fully installed", re.IGNORECASE)


def parse_dpkg(text: str) -> list[Installed]:
    """Lines of dpkg-query: name, abbreviated state, version and what it provides, parted by tabs. What dpkg has only
    half installed or removed is left out."""
    found = (line.split("\t") for line in text.splitlines())
    return [Installed(row[0], row[2], _provided(row[3])) for row in found if len(row) == 4 and row[1].startswith("ii ")]


def parse_rpm(text: str) -> list[Installed]:
    """Lines of rpm: name, version-release and what it provides, parted by tabs."""
    found = (line.split("\t") for line in text.splitlines())
    return [Installed(row[0], row[1], _provided(row[2])) for row in found if len(row) == 3]


def _provided(text: str) -> tuple[str, ...]:
    return tuple(part.split()[0] for part in text.split(",") if part.strip())


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
