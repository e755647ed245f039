# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.on_use import on_use


class FilterModule:
    """Wiring."""

    def filters(self):
        return {
            "evpn_files": on_use("module_utils.host_network.plan.evpn_on_host", "evpn_files"),
            "evpn_on_host": on_use("module_utils.host_network.plan.evpn_on_host", "evpn_on_host"),
            "evpn_problems": on_use("module_utils.host_network.plan.evpn", "evpn_problems"),
            "evpn_settings": on_use("module_utils.host_network.plan.evpn_on_host", "evpn_settings"),
            "frr_config": on_use("module_utils.host_network.plan.evpn", "frr_config"),
            "frr_config_is_foreign": on_use("module_utils.host_network.plan.evpn", "is_foreign"),
        }
