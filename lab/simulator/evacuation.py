# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that go into maintenance: their guests move away first (recorded/kvm-host-lifecycle.json, maintenance.json)."""

from __future__ import annotations

import logging
from functools import partial

from . import guest_life, guests, hosts
from .allocation import place_for
from .cloud import Cloud
from .errors import ApiError
from .records import Record

LOG = logging.getLogger(__name__)
PREPARING, STUCK = "PrepareForMaintenance", "ErrorInPrepareForMaintenance"


def tick(cloud: Cloud) -> None:
    """The next ping of a host ends its preparation, where nothing is left on it."""
    for host in cloud.table("host"):
        if host["resourcestate"] not in (PREPARING, STUCK):
            continue
        left = _left(cloud, host)
        if left:
            _move(cloud, host, left)
        elif cloud.clock.now() >= host.get("maintenance_from", 0):
            _enter(cloud, host)


def _left(cloud: Cloud, host: Record) -> list[Record]:
    """Guests that are on the host, or on their way from it."""
    leaving = cloud.table("virtualmachine").where(state="Migrating", lasthost=host.number)
    return [*guests.on_host(cloud, host), *leaving]


def _move(cloud: Cloud, host: Record, left: list[Record]) -> None:
    """Start to move what runs. A guest that can go nowhere is tried again in each round."""
    host["maintenance_from"] = until_ping(cloud)
    host["resourcestate"] = PREPARING
    for guest in left:
        if guest["state"] != "Running":
            continue
        place = place_for(cloud, guest, avoid={host.number})
        if place is None:
            host["resourcestate"] = STUCK
        else:
            guests.set_state(cloud, guest, "Migrating", host)
            cloud.errands.run(partial(_migrate, cloud, guest, place.host))


def _migrate(cloud: Cloud, guest: Record, target: Record) -> None:
    try:
        guest_life.migrate(cloud, guest, target)
    except ApiError as error:
        LOG.warning("%s", error.text)


def until_ping(cloud: Cloud) -> float:
    """When a host is heard of next: half of an interval from now."""
    return cloud.clock.now() + cloud.settings.number("ping.interval") / 2


def _enter(cloud: Cloud, host: Record) -> None:
    host["resourcestate"] = "Maintenance"
    about = f"name: {host['name']} (id:{host.number}), {hosts.place(cloud, host)}"
    cloud.alert(7, "ALERT.COMPUTE.HOST", f"Migration Complete for host {about}")
    cloud.event("MAINT.PREPARE", f"completed maintenance for host {host}", user="system")
