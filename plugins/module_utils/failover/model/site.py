# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster as high availability sees it: hosts, guests, pools and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import BmcLook, BmcSeen
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import Value

ENABLED, DISABLED, UP = "Enabled", "Disabled", "Up"
LOCAL = "HOST"  # the scope of local storage
STRICT_APART, STRICT_TOGETHER = "host anti-affinity", "host affinity"


@dataclass(frozen=True)
class HaHost:
    """A host. CPU is in MHz and memory in bytes, both as the scheduler counts them (with overprovisioning); `privilege`
    is that of CloudStack's account on the BMC, None where it was not asked.
    """

    name: str
    id: str = ""
    address: str = ""
    state: str = UP
    resource_state: str = ENABLED
    hypervisor: str = "KVM"
    oobm_enabled: bool = False
    oobm_driver: str = ""
    oobm_address: str = ""
    oobm_port: str = ""
    power_state: str = ""
    ha_enabled: bool = False
    ha_state: str = "Disabled"
    ha_provider: str = ""
    cpu: int = 0
    cpu_used: int = 0
    memory: int = 0
    memory_used: int = 0
    gpus: int = 0
    gpus_used: int = 0
    tags: tuple[str, ...] = ()
    privilege: Optional[str] = None

    @property
    def usable(self) -> bool:
        """Whether a guest can be started on it."""
        return self.state == UP and self.resource_state == ENABLED


def elsewhere(host: HaHost, seen: BmcSeen) -> bool:
    """Whether CloudStack has another address of the BMC than the one at which the pre-flight has looked."""
    return bool(seen.address and host.oobm_address) and seen.address.lower() != host.oobm_address.lower()


@dataclass(frozen=True)
class Guest:
    """A guest on a host. `pools` are the names of the pools of its volumes; `groups` are (name, type) of its affinity
    groups; `system` is a router or a system VM, which CloudStack restarts whatever its offering says.
    """

    name: str
    host: str
    ha: bool = False
    offering: str = ""
    cpu: int = 0
    memory: int = 0
    gpus: int = 0
    tags: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    system: bool = False


@dataclass(frozen=True)
class HaPool:
    """A storage pool. `kind` and `scope` are CloudStack's words: NetworkFilesystem, RBD ...; HOST, CLUSTER, ZONE."""

    name: str
    kind: str = "NetworkFilesystem"
    scope: str = "CLUSTER"
    state: str = UP

    @property
    def in_use(self) -> bool:
        """Whether hosts have it, and guests start from it. One that is Disabled takes no new volume, and no more
        (DeploymentPlanningManagerImpl.findSuitablePoolsForVolumes() leaves out what is in maintenance).
        """
        return self.state in (UP, DISABLED)


@dataclass(frozen=True)
class Site:
    """A cluster. `settings` has what CloudStack answered; a name that is missing was not answered. `invalid` has the
    texts of settings that cannot be used, and what they should be: CloudStack stores any number. `oobm_off` and
    `ha_off` name the zone or cluster for which it is off. `bmcs` is what the pre-flight knows of the BMCs, None where
    nobody asked for it.
    """

    zone: str
    name: str
    zone_allocation_state: str = ENABLED
    cluster_allocation_state: str = ENABLED
    pod_allocation_state: str = ENABLED
    hosts: tuple[HaHost, ...] = ()
    guests: tuple[Guest, ...] = ()
    pools: tuple[HaPool, ...] = ()
    settings: Mapping[str, Value] = field(default_factory=dict)
    invalid: Mapping[str, str] = field(default_factory=dict)
    oobm_off: tuple[str, ...] = ()
    ha_off: tuple[str, ...] = ()
    bmcs: Optional[BmcLook] = None

    def on(self, host: str) -> tuple[Guest, ...]:
        """The guests of a host."""
        return tuple(guest for guest in self.guests if guest.host == host)

    @property
    def disabled(self) -> str:
        """What of the zone, the pod and the cluster takes no guest; empty if all of them do."""
        states = {
            f"zone {self.zone}": self.zone_allocation_state,
            "pod of the cluster": self.pod_allocation_state,
            f"cluster {self.name}": self.cluster_allocation_state,
        }
        return ", ".join(f"{name} is {state}" for name, state in states.items() if state != ENABLED)

    def pool(self, name: str) -> Optional[HaPool]:
        """The pool of that name."""
        return next((pool for pool in self.pools if pool.name == name), None)
