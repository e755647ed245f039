# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.detect import network_backend


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"network_backend": network_backend}
