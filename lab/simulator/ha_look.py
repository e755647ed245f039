# SPDX-License-Identifier: GPL-3.0-or-later
"""What Host HA and VM HA see of a KVM host, and do to it (KVMHAProvider, KVMHostActivityChecker, KVMInvestigator)."""

from __future__ import annotations

from functools import partial
from typing import Any

from . import guest_life, guests
from . import power as bmc
from .cloud import Cloud
from .records import Record

Question = dict[str, Any]
# Pools in which agents look for activity. In another one they always find some: "Unsupported Storage"
# (LibvirtCheckVMActivityOnStoragePoolCommandWrapper, KVMStoragePool.isPoolSupportHA()).
WITH_HEARTBEAT = ("NetworkFilesystem", "SharedMountPoint")


def is_told(cloud: Cloud, host: Record) -> bool:
    """Whether an answer of the agent waits to be looked at."""
    return cloud.errands.is_answered((host.number, "health"))


def healthy(cloud: Cloud, host: Record) -> bool:
    """Whether the agent says so. While an answer is outstanding, what was known before."""
    if cloud.agents is None:
        return host["state"] == "Up"
    work = partial(_beats, cloud, host, _seconds(cloud, host, "health.check.timeout"))
    answer = cloud.errands.result((host.number, "health"), work)
    if answer is not None:
        host["ha_healthy"] = answer
    return host.get("ha_healthy", True)


def _seconds(cloud: Cloud, host: Record, name: str) -> float:
    """A setting of Host HA as it counts for the host."""
    return float(cloud.settings.get(f"kvm.ha.{name}", ("cluster", host["cluster"])) or 0)


def _beats(cloud: Cloud, host: Record, timeout: float) -> bool | None:
    try:
        answer = cloud.agents.ask(host, "CheckOnHostCommand", timeout)
    except guest_life.NOT_REACHED:
        return False
    return None if answer is None else bool(answer["result"])


def active(cloud: Cloud, host: Record) -> bool | None:
    """Whether the host writes its heartbeat, or its guests write to their volumes, as a neighbour sees it; None: it was
    asked and has not answered. A host without guests always passes, because there is no volume to look at; and so does
    one whose guests have none on a pool with heartbeats."""
    asked = _questions(cloud, host, host["ha"]["suspect"])
    if not asked:
        return True
    key = (host.number, "activity", host["ha"]["since"])
    limit = _seconds(cloud, host, "activity.check.timeout")
    return cloud.errands.result(key, partial(_all_active, cloud, neighbours(cloud, host), asked, limit))


def _questions(cloud: Cloud, host: Record, since: float) -> list[Question]:
    """What a neighbour is asked, for each pool with volumes of the host's guests and with heartbeats."""
    volumes: dict[int, list[str]] = {}
    for guest in guests.on_host(cloud, host):
        volume = guests.volume_of(cloud, guest)
        volumes.setdefault(volume["pool"], []).append(volume["path"])
    common = {"host": host["ipaddress"], "suspect_since": int(since)}
    pools = {number: cloud.table("storagepool").any(number) for number in volumes}
    looked_at = [number for number in volumes if pools[number]["type"] in WITH_HEARTBEAT]
    return [{**common, "pool": pools[number].uuid, "volumes": volumes[number]} for number in looked_at]


def neighbours(cloud: Cloud, host: Record) -> list[Record]:
    """The other hosts of the cluster that are Up."""
    rows = cloud.table("host").where(cluster=host["cluster"], hypervisor=host["hypervisor"], state="Up")
    return [row for row in rows if row is not host]


def _all_active(cloud: Cloud, others: list[Record], asked: list[Question], limit: float) -> bool:
    """Whether there is activity in each pool; the first one without decides."""
    return all(_active_in(cloud, others, question, limit) for question in asked)


def _active_in(cloud: Cloud, others: list[Record], question: Question, limit: float) -> bool:
    """The first neighbour that answers decides; a check that nobody answers has failed."""
    for other in others:
        try:
            answer = guest_life.ask(cloud, other, "CheckVMActivityOnStoragePoolCommand", limit, **question)
        except guest_life.NOT_REACHED:
            continue
        return bool(answer["result"])
    return False


def power(cloud: Cloud, host: Record, action: str) -> bool | None:
    """Reset the host, or turn it off, by its BMC; whether that worked, None: it goes on. Host HA has a limit of its
    own for it."""
    own = _seconds(cloud, host, "recover.timeout" if action == "RESET" else "fence.timeout")
    limit = min(own, cloud.settings.number("outofbandmanagement.action.timeout"))
    work = partial(bmc.act, cloud, dict(host["oobm"]), action, limit)
    return cloud.errands.result((host.number, action, host["ha"]["since"]), work)


# --- for VM HA


def guest_alive(cloud: Cloud, guest: Record, host: Record) -> bool | None:
    """What the first investigator that knows says: the host's agent, then the state of Host HA; None: nobody knows."""
    listed = _listed(cloud, host)
    if listed is not None:
        return guest["instancename"] in listed
    ha = host.get("ha") or {}
    off = any(cloud.table(level).find(host[level]).get("ha_off") for level in ("cluster", "zone"))
    if ha.get("enabled") and not off and ha["state"] not in ("Disabled", "Ineligible"):
        return ha["state"] != "Fenced"
    return True if host["state"] == "Up" else None


def _listed(cloud: Cloud, host: Record) -> list[str] | None:
    """The guests that run on a host; None: it does not answer."""
    if host["hypervisor"] != "KVM":
        running = [guest["instancename"] for guest in guests.on_host(cloud, host)]
        return running if host["state"] == "Up" else None
    try:
        answer = guest_life.ask(cloud, host, "HostVmStateReportCommand")
    except guest_life.NOT_REACHED:
        return None
    return list(answer.get("guests") or ()) if answer["result"] else None


def fenced_by_neighbours(cloud: Cloud, host: Record) -> bool:
    """KVMFencer: a neighbour finds that the host does not write any more."""
    with cloud.lock:
        others, asked = neighbours(cloud, host), _questions(cloud, host, cloud.clock.now())
    return bool(others) and bool(asked) and not _all_active(cloud, others, asked, guest_life.SHORT)
