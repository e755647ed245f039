# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Host HA of one host, and everything around it that decides whether it works."""

from __future__ import annotations

from dataclasses import dataclass

AVAILABLE, DISABLED, INELIGIBLE, FENCED = "Available", "Disabled", "Ineligible", "Fenced"
STATES = (
    DISABLED, AVAILABLE, INELIGIBLE, "Suspect", "Degraded", "Checking", "Recovering", "Recovered", "Fencing", FENCED,
)  # fmt: skip
# What listHostHAProviders names for each hypervisor; CloudStack compares names without regard to letter case, and keeps
# the spelling that it was given.
PROVIDERS = {"KVM": "kvmhaprovider", "LXC": "kvmhaprovider", "Simulator": "simulatorhaprovider"}
# Types of primary storage on which agents write a heartbeat that neighbours can read.
WITH_HEARTBEAT = ("NetworkFilesystem", "SharedMountPoint", "StorPool", "Linstor", "PowerFlex")


@dataclass(frozen=True)
class Scope:
    """The zone or the cluster of a host. `ha`: whether host HA is on for it, `oobm`: out-of-band management, `guests`:
    whether it takes guests (allocation state Enabled)."""

    kind: str  # "zone" or "cluster"
    name: str = ""
    ha: bool = True
    oobm: bool = True
    guests: bool = True


@dataclass(frozen=True)
class HaHost:
    """One host as CloudStack shows it. `neighbours`: how many other hosts of its cluster are Up and of its kind.
    `pools`: (name, type, state) of primary storage that the whole cluster mounts."""

    address: str
    hypervisor: str = "KVM"
    state: str = "Up"
    resource_state: str = "Enabled"
    enabled: bool = False
    ha_state: str = DISABLED
    provider: str = ""
    oobm_driver: str = ""
    oobm_enabled: bool = False
    power_state: str = "Disabled"
    neighbours: int = 0
    zone: Scope = Scope("zone")
    cluster: Scope = Scope("cluster")
    pools: tuple[tuple[str, str, str], ...] = ()
    id: str = ""
    name: str = ""

    @property
    def scopes(self) -> tuple[Scope, Scope]:
        return self.zone, self.cluster


@dataclass(frozen=True)
class Reason:
    """Why host HA does not work, or not as one thinks: what was seen, and what to do."""

    observed: str
    next_step: str
