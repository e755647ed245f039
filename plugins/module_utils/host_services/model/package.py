# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A package as the package manager has it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


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
