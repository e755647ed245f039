# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.on_use import on_use


class FilterModule:
    """Wiring."""

    def filters(self):
        return {
            "path_probes": on_use("plugin_utils.path_probes", "first_round"),
            "followup_path_probes": on_use("plugin_utils.path_probes", "second_round"),
        }
