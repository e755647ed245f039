# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that take their time (an agent's answer, a power action), asked without the cloud's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

GRACE = 0.25  # seconds for which a caller waits for a question that is answered at once


class Inline:
    """Everything is done at once, in the caller's thread: for clouds whose hosts are not real."""

    def result(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What the work says; None: it goes on, ask again."""
        return work()

    def run(self, work: Callable[[], None]) -> None:
        """Do it."""
        work()


class Beside:
    """Each question has a thread; who asks again for a key gets the answer when it is there. A work that never says
    None says it once."""

    def __init__(self) -> None:
        self._running: dict[Hashable, tuple[threading.Thread, list[Any]]] = {}

    def result(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What the work says; None: it goes on, ask again with the same key."""
        if key not in self._running:
            box: list[Any] = []
            thread = threading.Thread(target=lambda: box.append(work()), daemon=True, name=f"errand-{key}")
            self._running[key] = (thread, box)
            thread.start()
        thread, box = self._running[key]
        thread.join(GRACE)
        if thread.is_alive():
            return None
        del self._running[key]
        return box[0] if box else False  # a thread that died has said nothing good

    def run(self, work: Callable[[], None]) -> None:
        """Do it beside."""
        threading.Thread(target=work, daemon=True, name="errand").start()
