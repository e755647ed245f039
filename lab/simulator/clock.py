# SPDX-License-Identifier: GPL-3.0-or-later
"""Time comes in as an argument, so that tests need not wait."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """The real clock. `now` in seconds since 1970; `sleep` waits."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def utc(self) -> datetime:
        """Now, with its time zone."""
        return datetime.fromtimestamp(self.now(), timezone.utc)

    def stamp(self) -> str:
        """Now as the API writes it: 2026-11-21T11:07:06+0000."""
        return self.utc().strftime("%Y-%m-%dT%H:%M:%S%z")
