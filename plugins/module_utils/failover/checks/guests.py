# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: which guests come back, and whether there is room for them."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.fencing import without_activity
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.consequence import (
    LOCAL_STORAGE,
    NO_HA,
    NO_ROOM,
    NOWHERE,
    POOL_DOWN,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.registry import Looked, ha_check
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    WARNING,
    Problem,
)

SHOWN = 5  # guests that a finding names
GUESTS = "cmk list virtualmachines hostid=ID listall=true filter=name,haenable,serviceofferingname"


def _losses(looked: Looked, reason: str, expected: str) -> Iterator[Problem]:
    for each in looked.consequences:
        lost = [loss for loss in each.stays if loss.reason == reason]
        if lost:
            names = ", ".join(loss.guest for loss in lost[:SHOWN])
            more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
            yield Problem((each.host,), expected, f"{names}{more} would stay down: {lost[0].because}")


@ha_check(
    "HAV012",
    "Guests are on local storage",
    severity=WARNING,
    fix="migrate their volumes to a shared pool (migrateVolume), or accept that they come back with their host",
    reproduce="cmk list volumes virtualmachineid=ID filter=name,storage,storagetype",
)
def local(looked: Looked) -> Iterator[Problem]:
    """No volume of a guest should be on local storage: such a guest is not restarted on another host, its fate is tied
    to its own (HighAvailabilityManagerImpl.scheduleRestartForVmsOnHost()).

    It may keep the host's other guests down too. The activity check asks for each pool with volumes of the host's
    guests, in no order that CloudStack shows, until one has no activity. No neighbour can be asked about local storage
    (StorageManagerImpl.sendToPool()); the check fails then, and makes the dead host Ineligible instead of fencing it.
    This is read from the source and was not tried on a real server.
    """
    yield from _losses(looked, LOCAL_STORAGE, "volumes on shared storage")


@ha_check(
    "HAV025",
    "No volume of a host's guests is on a pool with heartbeats",
    severity=INFO,
    prevents=("F63",),
    fix="try a drill of such a host; if it is not fenced, move a volume of a guest that is always there to a pool with"
    " heartbeats (migrateVolume)",
    reproduce="cmk list volumes hostid=ID listall=true filter=name,storage",
)
def activity(looked: Looked) -> Iterator[Problem]:
    """A guest of the host should have a volume on a pool with heartbeats (HAV011 has their types).

    Before a reset CloudStack asks the neighbours for activity in each pool that has volumes of the host's guests, and
    one pool without is enough. A pool of another type, such as Ceph RBD, always passes for active
    (LibvirtCheckVMActivityOnStoragePoolCommandWrapper: Unsupported Storage; KVMHostActivityChecker). So a host whose
    guests have none elsewhere may be like a host without guests (F63), which goes between Suspect and Degraded for
    ever, also where the cluster has an NFS pool beside. This is read from the source and was not tried on a real
    server.
    """
    same: dict[str, list[str]] = {}
    for host in looked.site.hosts:
        same.setdefault(without_activity(looked.site, host), []).append(host.name)
    for pools, hosts in same.items():
        if pools:
            yield Problem(
                tuple(hosts), "a guest with a volume on a pool with heartbeats", f"all volumes are on {pools}"
            )


@ha_check(
    "HAV015",
    "The other hosts have no room for the guests of this one",
    severity=ERROR,
    prevents=("F53",),
    fix="add a host or memory, stop or move guests, or take HA from those that may stay down",
    reproduce="cmk list hosts clusterid=ID details=capacity   # memoryallocatedbytes, cpuallocatedvalue",
)
def capacity(looked: Looked) -> Iterator[Problem]:
    """If the host dies now, its guests must fit on the others (N+1): CPU, memory and GPUs as the scheduler counts them,
    only hosts that are Up and Enabled, and only those that a guest may run on by its tags and affinity groups.

    A free sum is not enough: each guest needs one host with room for it.
    """
    yield from _losses(looked, NO_ROOM, "room for every guest on the other hosts")


@ha_check(
    "HAV016",
    "Guests have no HA",
    severity=WARNING,
    prevents=("F53",),
    fix="set the flag of those that are to come back (updateVirtualMachine haenable=true), and use an offering with"
    " offerha=true for new ones; that of an offering cannot be changed. force.ha=true restarts all guests",
    reproduce=GUESTS,
)
def without_ha(looked: Looked) -> Iterator[Problem]:
    """A guest should have HA (offerha of its offering): without it CloudStack stops the guest and leaves it so.

    A guest gets the flag from its offering when it is made, and can be given it later. Guests that need not come back
    may go without it; then this is as wanted.
    """
    yield from _losses(looked, NO_HA, "HA for every guest (offerha of its offering)")


@ha_check(
    "HAV020",
    "No other host may run a guest",
    severity=ERROR,
    fix="give a second host the tags of the offering, or change the affinity group",
    reproduce="cmk list hosts clusterid=ID filter=name,hosttags",
)
def nowhere(looked: Looked) -> Iterator[Problem]:
    """For each guest with HA there must be another host that has its host tags, that its affinity groups allow, and
    that has ha.tag where this is set.
    """
    yield from _losses(looked, NOWHERE, "another host that the guest may run on")


@ha_check(
    "HAV021",
    "A pool of guests cannot be used",
    severity=ERROR,
    prevents=("F43",),
    fix="end the maintenance of the pool (cancelStorageMaintenance), or repair it",
    reproduce="cmk list storagepools zoneid=ID filter=name,state",
)
def pools(looked: Looked) -> Iterator[Problem]:
    """The pools of running guests must be Up or Disabled: from one in maintenance no guest starts, and hosts write no
    heartbeats there.
    """
    yield from _losses(looked, POOL_DOWN, "pools in state Up")
