# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.summary import summarise
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges


def lines(hosts, variables):
    """Hosts in the same state share a line."""
    return [f"{ranges(names)}: {state}" for state, names in summarise(hosts, variables).items()]


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"join_summary": lines}
