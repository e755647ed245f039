# SPDX-License-Identifier: GPL-3.0-or-later
"""VM HA: guests of a dead host are stopped, and started elsewhere where they have HA (HighAvailabilityManagerImpl;
recorded/kvm-host-ha.json).

Work is tried when it is scheduled, and again after investigate.retry.interval or restart.retry.interval, counted in
ticks of 1.024 s, at the next look of the workers, who look each time.to.sleep: with the defaults every two minutes. The
real server reads these settings when it starts, here they count at once."""

from __future__ import annotations

from functools import partial

from . import guest_life, guests, ha_look, hosts
from .cloud import Cloud
from .records import Record

INVESTIGATE, RESTART = "investigate.retry.interval", "restart.retry.interval"
RETRIES, SLEEP, WORKERS = "vm.ha.migration.max.retries", "time.to.sleep", "ha.workers"
ALERT_HOST = (7, "ALERT.COMPUTE.HOST")


def take_down(cloud: Cloud, host: Record) -> None:
    """A host is dead: Down, and its guests are to be restarted. One that is Down already is left alone
    (HAAbstractHostProvider.fenceSubResources())."""
    if host["state"] == "Down":
        return
    hosts.set_state(cloud, host, "Down")
    if host["hypervisor"] == "KVM" and cloud.agents is not None:
        cloud.agents.drop(host)  # one that is back already would stay Down: now it connects again
    schedule_all(cloud, host)


def schedule_all(cloud: Cloud, host: Record) -> None:
    """Work for each guest of a host that is down (scheduleRestartForVmsOnHost())."""
    if not _on(cloud, host["zone"]):
        text = f"Unable to schedule restart for VMs on host {host}, VM high availability manager is disabled."
        cloud.alert(*ALERT_HOST, text)
        return
    place = hosts.place(cloud, host)
    cloud.alert(*ALERT_HOST, f"Host is down, name: {host['name']} (id:{host.number}), {place}")
    schedule_guests(cloud, host)


def schedule_guests(cloud: Cloud, host: Record) -> None:
    """Work for each guest of a host but those on its local storage, whose fate is tied to it."""
    for guest in guests.on_host(cloud, host):
        pool = cloud.table("storagepool").any(guests.volume_of(cloud, guest)["pool"])
        if pool is None or pool["scope"] != "HOST":
            schedule(cloud, guest, host)


def schedule(cloud: Cloud, guest: Record, host: Record) -> None:
    """Work for one guest, unless there is some; the workers wake up."""
    if not _on(cloud, guest["zone"]) or cloud.table("hawork").where(guest=guest.number):
        return
    now = cloud.clock.now()
    cloud.table("hawork").add(
        guest=guest.number, host=host.number, investigate=True, tries=0, due=_ticks(now),
        updated=guest["updated"], busy=False,
    )  # fmt: skip
    cloud.ha_look = now


def _on(cloud: Cloud, zone: int) -> bool:
    return cloud.settings.get("vm.ha.enabled", ("zone", zone)) == "true"


def _ticks(seconds: float) -> int:
    """HaWorkVO's clock: currentTimeMillis() >> 10."""
    return int(seconds * 1000) >> 10


def tick(cloud: Cloud) -> None:
    """Let the workers look as often as they would have since the last call. Takes the lock itself."""
    with cloud.lock:
        if not list(cloud.table("hawork")):
            return
        now, pause = cloud.clock.now(), max(cloud.settings.number(SLEEP), 1)
    while cloud.ha_look <= now:
        moment, cloud.ha_look = cloud.ha_look, cloud.ha_look + pause
        for _ in range(int(cloud.settings.number(WORKERS))):
            cloud.errands.run(partial(_worker, cloud, moment))


def _worker(cloud: Cloud, moment: float) -> None:
    """One worker takes what is due, until nothing is left."""
    while (work := _take(cloud, moment)) is not None:
        again = restart(cloud, work)
        with cloud.lock:
            work["tries"], work["busy"] = work["tries"] + 1, False
            if again is None or work["tries"] >= cloud.settings.number(RETRIES):
                work.removed = True
            else:
                work["due"] = _ticks(cloud.clock.now()) + int(cloud.settings.number(again))


def _take(cloud: Cloud, moment: float) -> Record | None:
    with cloud.lock:
        busy = cloud.table("hawork").where(busy=True)
        waiting = [work for work in cloud.table("hawork").where(busy=False) if work["due"] <= _ticks(moment)]
        if not waiting or len(busy) >= cloud.settings.number(WORKERS):
            return None
        waiting[0]["busy"] = True
        return waiting[0]


def restart(cloud: Cloud, work: Record) -> str | None:
    """One attempt (HighAvailabilityManagerImpl.restart()); the setting that says when to try again, None: it is
    done."""
    guest, host = cloud.table("virtualmachine").find(work["guest"]), cloud.table("host").any(work["host"])
    if guest is None or guest["updated"] != work["updated"]:
        return None  # somebody has stopped, moved or removed it meanwhile
    if work["investigate"]:
        alive = False if host.removed else ha_look.guest_alive(cloud, guest, host)
        if alive:
            return None if host["state"] == "Up" else INVESTIGATE
        if alive is None and not ha_look.fenced_by_neighbours(cloud, host):
            return _alerted(cloud, guest, host)
    if guest["state"] != "Stopped":
        with cloud.lock:
            guests.set_state(cloud, guest, "Stopped")
    work["investigate"] = False
    if not guest["haenable"] and cloud.settings.get("force.ha") != "true":
        return None
    again = None if guest_life.start(cloud, guest, ha=True) else _alerted(cloud, guest, host)
    work["updated"] = guest["updated"]
    return again


def _alerted(cloud: Cloud, guest: Record, host: Record) -> str:
    with cloud.lock:
        text = f"Unable to restart {guest['name']} which was running on host {host}, {hosts.place(cloud, host)}"
        cloud.alert(*guests.ALERT, text)
    return RESTART
