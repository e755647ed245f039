# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.on_use import on_use


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"explain_time_sources": on_use("module_utils.diagnosis.time_sources", "explain_time_sources")}
