# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a drill has left behind, as far as a report needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class PastDrill:
    """A drill that has ended. `finished` is ISO 8601 with a time zone, `verdict` passed or failed, `seconds` from the
    failure to its last event that was waited for, None where the drill has none.
    """

    host: str
    failure: str
    finished: str
    verdict: str
    seconds: Optional[float] = None
