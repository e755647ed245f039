# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.addresses import networks_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.parse.machine_address import (
    host_addresses,
    management_addresses,
)


class FilterModule:
    """Wiring."""

    def filters(self):
        return {
            "host_addresses": host_addresses,
            "management_addresses": management_addresses,
            "networks_of": networks_of,
        }
