# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts join at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LOOKED = "__host_registration_result"  # what the role host_registration registers when it has looked for the host


def join_waves(hosts: Sequence[str], variables: Mapping[str, Mapping[str, Any]], size: int) -> list[list[str]]:
    """The hosts that CloudStack does not have Up, in groups of at most `size`, in the order of the input."""
    waiting = [host for host in hosts if _joins(variables[host].get(LOOKED) or {})]
    return [waiting[first : first + max(1, size)] for first in range(0, len(waiting), max(1, size))]


def _joins(looked: Mapping[str, Any]) -> bool:
    return bool(looked) and (bool(looked.get("planned")) or (looked.get("host") or {}).get("state") != "Up")
