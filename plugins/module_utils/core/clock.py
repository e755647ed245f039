# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock, so that everything above can be given another one."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class SystemClock:
    """The machine's clock. `monotonic` and `sleep` are for waiting, `now` is for naming a moment."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Seconds since some moment; never jumps when the time is set."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
