# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""VLAN (or VNI) ranges in one spelling: CloudStack merges ranges that overlap and shows them in an order of its own."""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

RANGE = re.compile(r"^(\d+)(?:-(\d+))?$")


def vlan_ranges(text: Optional[str]) -> tuple[tuple[int, int], ...]:
    """Sorted, merged (first, last) pairs of "100-199,300". Raises InputError: the server's own text for a bad range
    gives no reason."""
    pairs = sorted(_pair(part.strip()) for part in (text or "").split(",") if part.strip())
    merged: list[tuple[int, int]] = []
    for first, last in pairs:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _pair(part: str) -> tuple[int, int]:
    match = RANGE.match(part)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise InputError(
            "not a range of VLANs",
            expected="ranges such as 100-199 or 100-199,300-309, the lower number first",
            observed=part,
            next_step="correct the option vlan",
        )
    return first, last
