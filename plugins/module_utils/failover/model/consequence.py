# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What follows if a host dies now, as values."""

from __future__ import annotations

from dataclasses import dataclass

# Why a guest does not come back.
REASONS = (
    "not fenced",
    "no HA",
    "VM HA off",
    "local storage",
    "pool",
    "disabled",
    "no host fits",
    "no capacity",
    "no other host",
)
NOT_FENCED, NO_HA, HA_OFF, LOCAL_STORAGE, POOL_DOWN, DISABLED, NOWHERE, NO_ROOM, ALONE = REASONS


@dataclass(frozen=True)
class Placement:
    """A guest that comes back, and a host that has room for it. CloudStack may choose another one."""

    guest: str
    host: str


@dataclass(frozen=True)
class Loss:
    """A guest that stays down: why, as one of the reasons above, and in words."""

    guest: str
    reason: str
    because: str


@dataclass(frozen=True)
class Consequence:
    """If this host dies now. `fenced`: whether Host HA would power it off; `because` says why not."""

    host: str
    fenced: bool
    because: str
    returns: tuple[Placement, ...] = ()
    stays: tuple[Loss, ...] = ()

    @property
    def room(self) -> bool:
        """Whether the other hosts have room for every guest that would be restarted (N+1)."""
        return not any(loss.reason in (NO_ROOM, ALONE) for loss in self.stays)
