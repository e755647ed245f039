# SPDX-License-Identifier: GPL-3.0-or-later
"""One labctl at a time where two would get in each other's way: molecule scenarios and BMCs call it side by side."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path("/run/lock")  # not in the lab's own run folder, which `down` removes


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Wait until nobody else holds the lock of that name, and hold it."""
    with (FOLDER / f"cslab-{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
