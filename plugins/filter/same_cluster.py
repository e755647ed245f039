# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.same_cluster import find_first, find_members


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"same_cluster": find_members, "first_of_cluster": find_first}
