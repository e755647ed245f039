# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The time to failover as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

BEST, TYPICAL, WORST = "best", "typical", "worst"
CASES = (BEST, TYPICAL, WORST)
STAGES = (
    "detection",
    "activity checks",
    "degraded",
    "recovery",
    "recovery wait",
    "fencing",
    "restart of guests",
)
DETECTION, SERIES, DEGRADED, RECOVERY, WAIT, FENCING, RESTART = STAGES


@dataclass(frozen=True)
class Stage:
    """A part of the failover that begins where the one before it ends. `seconds` is how long it takes, `state` the HA
    state of the host at its end; `formula` says how it is computed, `source` where CloudStack does it.
    """

    name: str
    seconds: float
    state: str
    formula: str
    source: str


@dataclass(frozen=True)
class Timing:
    """Seconds from the death of a host. `case` is one of CASES.

    `guests_at` is when the last guest runs again; None where CloudStack gives up before the host is fenced:
    `gives_up_at` says when. `recovered_at` is when the reset was sent, None where there is none that succeeds.
    """

    case: str
    stages: tuple[Stage, ...]
    recovered_at: Optional[float]
    fenced_at: float
    guests_at: Optional[float]
    gives_up_at: Optional[float]

    def ends_at(self, index: int) -> float:
        """When the stage of this index ends."""
        return sum(stage.seconds for stage in self.stages[: index + 1])
