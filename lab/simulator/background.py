# SPDX-License-Identifier: GPL-3.0-or-later
"""What a management server does on its own: looks at BMCs, Host HA and hosts that wait for maintenance."""

from __future__ import annotations

import logging
import threading
import time

from . import evacuation, ha_work, hosts
from .cloud import Cloud
from .commands import ha, oobm, system_vm

LOG = logging.getLogger(__name__)
MOMENT = 0.5  # seconds between two looks for answers


def run_once(cloud: Cloud) -> None:
    """One round."""
    oobm.poll(cloud)
    with cloud.lock:
        ha.tick(cloud)
        evacuation.tick(cloud)
        system_vm.tick(cloud)
        hosts.come_back(cloud)
    ha_work.tick(cloud)


def _round(cloud: Cloud) -> float:
    """Seconds between two rounds."""
    return cloud.settings.number("outofbandmanagement.background.task.execution.interval") or 4


def _hear(cloud: Cloud) -> None:
    with cloud.lock:
        ha.hear(cloud)


def start(cloud: Cloud) -> threading.Event:
    """Run rounds, as far apart as the setting says, until the event is set."""
    stop = threading.Event()

    def loop() -> None:
        last = time.monotonic()
        while not stop.wait(MOMENT):
            try:
                if time.monotonic() - last >= _round(cloud):
                    run_once(cloud)
                    last = time.monotonic()
                else:
                    _hear(cloud)
            except Exception:
                LOG.exception("a background round failed")

    threading.Thread(target=loop, daemon=True, name="background").start()
    return stop
