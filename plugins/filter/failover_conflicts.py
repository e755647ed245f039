# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.on_use import on_use


def failover_conflicts(names, hostvars):
    """What the clusters of these hosts declare differently although it counts for all of them."""
    found = []
    for name in names:
        variables = hostvars[name]
        found.append(
            {
                "cluster": variables["cloudstack_cluster"],
                "zone": variables["cloudstack_zone"],
                "api": variables.get("cloudstack_api_url") or "",
                "settings": variables["__failover_plan"]["declared"],
            }
        )
    return on_use("module_utils.failover.plan.settings", "conflicts")(found)


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"failover_conflicts": failover_conflicts}
