# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that take their time (an agent's answer, a power action), asked without the cloud's lock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import Any

LOG = logging.getLogger(__name__)
GRACE = 0.25  # seconds for which a caller waits for a question that is answered at once


class Inline:
    """Everything is done at once, in the caller's thread: for clouds whose hosts are not real."""

    def result(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What the work says; None: it goes on, ask again."""
        return work()

    def is_answered(self, key: Hashable) -> bool:
        """Whether an answer waits for who asked: never."""
        return False

    def run(self, work: Callable[[], None]) -> None:
        """Do it."""
        work()


class Beside:
    """Each question has a thread; who asks again for a key gets the answer when it is there."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._running: dict[Hashable, tuple[threading.Thread, list[Any]]] = {}

    def result(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What the work says, False where it failed; None: it goes on, ask again with the same key."""
        if key not in self._running:
            box: list[Any] = []
            thread = threading.Thread(target=_logged, args=(lambda: box.append(work()),), daemon=True, name="errand")
            self._running[key] = (thread, box)
            thread.start()
        thread, box = self._running[key]
        thread.join(self._grace)
        if thread.is_alive():
            return None
        del self._running[key]
        return box[0] if box else False

    def is_answered(self, key: Hashable) -> bool:
        """Whether an answer waits for who asked."""
        return key in self._running and not self._running[key][0].is_alive()

    def run(self, work: Callable[[], None]) -> None:
        """Do it beside."""
        threading.Thread(target=_logged, args=(work,), daemon=True, name="errand").start()


def _logged(work: Callable[[], None]) -> None:
    """A defect of the simulator: whoever asked must not wait for ever."""
    try:
        work()
    except Exception:
        LOG.exception("an errand failed")
