# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.evpn import (
    evpn_problems,
    frr_config,
    is_foreign,
)


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"evpn_problems": evpn_problems, "frr_config": frr_config, "frr_config_is_foreign": is_foreign}
