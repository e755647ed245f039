# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine as its BMC describes it over Redfish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class RedfishSystem:
    """The system that CloudStack takes: the first of `systems`. `reset_types` are what the BMC can do to its power;
    None where it does not say."""

    systems: int
    system_id: str
    power_state: str
    manufacturer: str
    uuid: str
    reset_types: Optional[tuple[str, ...]] = None
