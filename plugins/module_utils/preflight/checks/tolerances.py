# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers that are equal enough, and how the operator reads them."""

from __future__ import annotations

from collections.abc import Mapping


def near(values: Mapping[str, float], percent: float) -> dict[str, float]:
    """Each name's group, told by the smallest value in it. A group spans at most `percent` of its smallest value."""
    groups: dict[str, float] = {}
    smallest = None
    for name, value in sorted(values.items(), key=lambda item: (item[1], item[0])):
        if smallest is None or value > smallest * (1 + percent / 100):
            smallest = value
        groups[name] = smallest
    return groups


def gib(size_bytes: float) -> str:
    """Bytes as an operator reads them: 251.9 GiB."""
    return f"{size_bytes / (1 << 30):.1f} GiB"
