# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests start, stop and move: what is asked of their hosts, and what becomes of their rows (README.md, "Guests on KVM
hosts"). Hosts of the simulator plug-in do whatever they are asked.

These functions take the cloud's lock themselves, and give it back while a host is asked."""

from __future__ import annotations

import logging
from typing import Any

from . import guests, networks
from .allocation import Place, place_for
from .cloud import Cloud
from .errors import failed
from .records import Record

LOG = logging.getLogger(__name__)
LONG, SHORT = 300.0, 60.0  # seconds that the server waits for an answer
NOT_REACHED = (OSError, TimeoutError)


def ask(cloud: Cloud, host: Record, command: str, timeout: float = SHORT, /, **fields: Any) -> dict[str, Any]:
    """What the agent of a host answers. Raises OSError where it has none, TimeoutError where it says nothing."""
    if host["hypervisor"] != "KVM":
        return {"result": True}
    if cloud.agents is None:
        raise ConnectionError("no agent is connected")
    return cloud.agents.ask(host, command, timeout, **fields)


def _done(cloud: Cloud, host: Record, command: str, timeout: float = SHORT, /, **fields: Any) -> bool:
    """Whether the host did it."""
    try:
        answer = ask(cloud, host, command, timeout, **fields)
    except NOT_REACHED as error:
        LOG.warning("host %s and %s: %s", host["name"], command, error)
        return False
    if not answer["result"]:
        LOG.warning("host %s could not do %s: %s", host["name"], command, answer.get("details"))
    return bool(answer["result"])


# --- starting


def start(cloud: Cloud, guest: Record, wanted: Record | None = None, ha: bool = False) -> bool:
    """Start a guest on the first host that has a place for it and can; whether it runs. `wanted` and `ha` as in
    place_for."""
    avoid: set[int] = set()
    while True:
        with cloud.lock:
            place = place_for(cloud, guest, wanted, avoid, ha)
            if place is None:
                return False
            fresh = _settle(cloud, guest, place)
        if _start_on(cloud, guest, place):
            with cloud.lock:
                guests.set_state(cloud, guest, "Running", place.host)
            return True
        avoid.add(place.host.number)
        # It may run there although nobody heard so: elsewhere it is started only when that host says that it is not.
        cleaned = _done(cloud, place.host, "StopCommand", name=guest["instancename"], force=True)
        with cloud.lock:
            guests.set_state(cloud, guest, "Stopped")
            if fresh:
                guests.volume_of(cloud, guest).data.update(pool=None, state="Allocated")
        if not cleaned:
            return False


def _settle(cloud: Cloud, guest: Record, place: Place) -> bool:
    """Before a start: whether the volume was made for it."""
    guests.set_state(cloud, guest, "Starting", place.host)
    networks.implement(cloud, cloud.table("network").any(guest["network"]))
    volume = guests.volume_of(cloud, guest)
    fresh = volume["pool"] is None
    volume.data.update(pool=place.pool.number, state="Ready")
    return fresh


def _start_on(cloud: Cloud, guest: Record, place: Place) -> bool:
    """Copy the template to the volume, where that is not there yet, and start."""
    offering, template = guests.offering_of(cloud, guest), cloud.table("template").any(guest["template"])
    where = {"pool": place.pool.uuid, "volume": guests.volume_of(cloud, guest)["path"]}
    source = {"template": template.get("url"), "size": template.get("size") or 0}
    if not _done(cloud, place.host, "CopyCommand", LONG, **where, **source):
        return False
    about = {"name": guest["instancename"], "uuid": guest.uuid}
    size = {"vcpus": offering["cpunumber"], "memory_mib": offering["memory"]}
    return _done(cloud, place.host, "StartCommand", LONG, **about, **size, **where)


# --- stopping


def stop(cloud: Cloud, guest: Record, forced: bool = False) -> None:
    """Stop a guest. A host that does not say that it did leaves the guest Running, or (forced) Stopped in the database
    alone, as on the real server. Raises 530."""
    with cloud.lock:
        host = cloud.table("host").find(guest["host"])
        if host is None:
            guests.set_state(cloud, guest, "Stopped")
            return
        guests.set_state(cloud, guest, "Stopping", host)
    stopped = _done(cloud, host, "StopCommand", LONG, name=guest["instancename"], force=forced)
    with cloud.lock:
        if not stopped and not forced:
            guests.set_state(cloud, guest, "Running", host)
            raise failed(f"Unable to stop {guests.text(guest)}")
        guests.set_state(cloud, guest, "Stopped")


def reboot(cloud: Cloud, guest: Record) -> None:
    """Reset a guest. Raises 530."""
    host = cloud.table("host").find(guest["host"])
    if not _done(cloud, host, "RebootCommand", name=guest["instancename"]):
        raise failed("Failed to reboot Instance")


def expunge(cloud: Cloud, guest: Record) -> None:
    """Remove a stopped guest with its volume, by any host that has the pool."""
    with cloud.lock:
        volume = guests.volume_of(cloud, guest)
        pool = cloud.table("storagepool").find(volume["pool"])
        members = cloud.table("host").where(zone=guest["zone"], state="Up")
    for host in members if pool else ():
        if _done(cloud, host, "DeleteCommand", pool=pool.uuid, volume=volume["path"]):
            break
    with cloud.lock:
        guest["state"] = "Expunging"
        guest.removed = volume.removed = True


# --- moving


def migrate(cloud: Cloud, guest: Record, target: Record) -> None:
    """Move a guest: stop it here, start it there (the stand-ins cannot move memory). Raises 530."""
    with cloud.lock:
        source = cloud.table("host").find(guest["host"])
        guests.set_state(cloud, guest, "Migrating", target)
        place = Place(target, cloud.table("storagepool").any(guests.volume_of(cloud, guest)["pool"]))
    if not _done(cloud, source, "StopCommand", LONG, name=guest["instancename"], force=False):
        _not_moved(cloud, guest, source, "Running")
    if not _start_on(cloud, guest, place):
        back = Place(source, place.pool)
        cleaned = _done(cloud, target, "StopCommand", name=guest["instancename"], force=True)
        runs = cleaned and _start_on(cloud, guest, back)
        _not_moved(cloud, guest, source, "Running" if runs else "Stopped")
    with cloud.lock:
        guests.set_state(cloud, guest, "Running", target)


def _not_moved(cloud: Cloud, guest: Record, source: Record, state: str) -> None:
    with cloud.lock:
        guests.set_state(cloud, guest, state, source if state == "Running" else None)
        zone, pod = cloud.table("zone").find(source["zone"]), cloud.table("pod").find(source["pod"])
        where = f"from host {source['name']} in zone {zone['name']} and pod {pod['name']}"
        cloud.alert(*guests.ALERT_MIGRATE, f"Unable to migrate vm {guest['instancename']} {where}")
    raise failed(f"Failed to migrate domain [{guest['instancename']}].")
