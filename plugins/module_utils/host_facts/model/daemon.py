# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A daemon, what it reads when it starts, and when that was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Moment:
    """One moment by both clocks, in seconds: `wall` since 1970 (it jumps when the time is set), `monotonic` since the
    boot (it never does)."""

    wall: float
    monotonic: float


@dataclass(frozen=True)
class UnitState:
    """A unit as systemd knows it. `started` is when its main process was started, its wall clock in whole seconds; None
    where it has none."""

    name: str
    load: str
    active: str
    unit_file: str
    reload_needed: bool
    started: Optional[Moment] = None


@dataclass(frozen=True)
class ReadFile:
    """A file that a daemon reads at its start. `changed` is its ctime: rename, a kept mtime and chmod cannot hide from
    it. None: not there.

    `self_written`: the daemon wrote it last, so it holds what the daemon runs with.
    """

    path: str
    changed: Optional[float]
    self_written: bool = False


@dataclass(frozen=True)
class DaemonGoal:
    """What shall be. `changed` are those files that this run has changed (in check mode: would change), whatever the
    clock says.

    `exclude` are units that must not be active beside the daemon. Without `start` a daemon that does not run is left
    so: it reads its files when it starts."""

    name: str
    changed: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    start: bool = True
    enabled: Optional[bool] = None
