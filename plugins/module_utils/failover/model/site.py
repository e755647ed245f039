# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster as high availability sees it: hosts, guests, pools and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import BmcLook
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import Value

ENABLED, UP = "Enabled", "Up"
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

    def pool(self, name: str) -> Optional[HaPool]:
        """The pool of that name."""
        return next((pool for pool in self.pools if pool.name == name), None)
