# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A failure on a host, and what is there of it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TABLE = "cloudstack_kvm_ha_drill"  # of nftables
UNIT = "cloudstack-kvm-ha-drill"  # begins the names of the timers
AGENT = "cloudstack-agent.service"
# Gone after a reboot, as all that a failure leaves.
RULES = "/run/cloudstack-kvm-ha-drill.nft"
SCRIPT = "/run/cloudstack-kvm-ha-drill.sh"  # undoes it


@dataclass(frozen=True)
class FailureState:
    """What of a failure is on the host now, and what decides how one is begun. `pools` are the devices by which the
    host reaches the NFS servers that it has mounted, by address; `management` is the device of its address. `missing`
    are tools that are not installed.
    """

    has_table: bool = False
    is_masked: bool = False
    is_agent_active: bool = False
    has_timer: bool = False
    in_container: bool = False
    can_freeze: bool = False
    has_crash_kernel: bool = False
    has_watchdog: bool = False
    management: str = ""
    pools: Mapping[str, str] = field(default_factory=dict)
    boot_id: str = ""
    missing: tuple[str, ...] = ()
