# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DEFAULT = "kvm_hosts"


def kvm_group(hostvars, groups, given=""):
    """The inventory's group of all hosts; see the documentation beside this file."""
    machines = groups.get("all") or []
    if given or not machines:
        return given or DEFAULT
    first = hostvars.get(machines[0]) or {}  # empty while the playbook is read
    return first.get("cloudstack_kvm_group") or DEFAULT


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"kvm_group": kvm_group}
