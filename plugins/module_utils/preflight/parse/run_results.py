# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which variables of a host hold what the role preflight found out in this run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODULES = {"ports": "port_check", "cpu_compare": "cpu_compare", "nfs": "nfs_export_check", "paths": "path_mtu"}


def results_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The result of each probe by its section of the profile; empty for what was not asked. Why a run of all probes failed is in each of them."""
    run = variables.get("__preflight_probes") or {}
    found = {section: run["probes"].get(module, {}) if "probes" in run else run for section, module in MODULES.items()}
    if "__preflight_paths" in variables:  # why there is no plan
        found["paths"] = variables["__preflight_paths"]
    return {**found, "clock": variables.get("__preflight_clock", {}), "paths_again": variables.get("__preflight_paths_again", {})}
