# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines that a run ends with: the state of each host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

UNKNOWN = "not registered by this run, see the messages above"


def summarise(hosts: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """State (zone/pod/cluster, state and resource state, power state) -> the hosts that are in it.

    Reads what the roles host_registration and oobm found (`__host_registration_result`, `__oobm_result`).
    """
    found: dict[str, list[str]] = {}
    for name in hosts:
        found.setdefault(_state(variables[name]), []).append(name)
    return found


def _state(own: Mapping[str, Any]) -> str:
    host = (own.get("__host_registration_result") or {}).get("host") or {}
    power = ((own.get("__oobm_result") or {}).get("oobm") or {}).get("power_state") or host.get("power_state")
    if not host:
        return UNKNOWN
    cluster = "/".join(str(host.get(key) or "?") for key in ("zone", "pod", "cluster"))
    state = f"{host.get('state') or 'not registered'} and {host.get('resource_state') or 'unknown'}"
    return f"{cluster}, {state}, power {power or 'not configured'}"
