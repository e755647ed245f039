# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All checks: importing an area declares its checks. A new area is one more name here."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks import (
    access,
    addressing,
    agent,
    agent_settings,
    agent_values,
    block_storage,
    bmc,
    cabling,
    certificates,
    cloud,
    cpu,
    duplicates,
    facts,
    filtering,
    label_devices,
    latency,
    libvirt,
    memory,
    mtu,
    multicast,
    network,
    paths,
    reachability,
    routing,
    storage,
    system,
    timing,
    vxlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CHECKS as _CHECKS

AREAS = (
    *(facts, cpu, memory, system, libvirt),
    *(network, label_devices, cabling, addressing, routing, duplicates, reachability, filtering, mtu, vxlan, multicast),
    *(paths, latency, timing),
    *(storage, block_storage, agent, agent_settings, agent_values, certificates, access, bmc, cloud),
)
CHECKS = dict(sorted(_CHECKS.items()))
# What cloudstack.kvm.path_check runs: the paths, and the facts that may explain them.
_EXPLAINING = ("facts", "cabling", "duplicates", "mtu", "paths", "latency")
PATH_CHECKS = tuple(
    each.id for each in CHECKS.values() if each.area in _EXPLAINING or each.id in ("NET005", "NET007", "NET023")
)
