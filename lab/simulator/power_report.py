# SPDX-License-Identifier: GPL-3.0-or-later
"""What agents tell of the guests that run on their hosts (VirtualMachinePowerStateSyncImpl; recorded/kvm-host-ha.json:
213 s after the reset of its host a guest was handled)."""

from __future__ import annotations

from collections.abc import Container

from . import guests, ha_work
from .cloud import Cloud
from .records import Record

GRACE = 2  # ping intervals for which a guest may be missing


def read(cloud: Cloud, host: Record, running: Container[str]) -> None:
    """A report of the host: names of the guests that run there. One that is missing for too long was stopped from
    outside."""
    now = cloud.clock.now()
    with cloud.lock:
        for guest in guests.on_host(cloud, host):
            if guest["state"] != "Running" or guest["instancename"] in running:
                guest["missing"] = None
                continue
            guest["missing"] = guest.get("missing") or now
            if now - guest["missing"] >= GRACE * cloud.settings.number("ping.interval"):
                _stopped_from_outside(cloud, guest, host)


def _stopped_from_outside(cloud: Cloud, guest: Record, host: Record) -> None:
    """One with HA is left to VM HA."""
    again = cloud.settings.get("ha.vm.restart.hostup") == "true"
    if again and (guest["haenable"] or cloud.settings.get("force.ha") == "true"):
        ha_work.schedule(cloud, guest, host)
        return
    guests.set_state(cloud, guest, "Stopped")
    name = f"{guest['name']}({guest['instancename']})"
    text = f"VM {name} state is sync-ed (Running -> Stopped) from out-of-context transition."
    cloud.alert(*guests.ALERT_SYNC, text)
