# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Redfish's answers (DMTF DSP0266) into values, read as CloudStack's RedfishClient reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.redfish import RedfishSystem
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

RESET_ACTION = "#ComputerSystem.Reset"
ALLOWED = "ResetType@Redfish.AllowableValues"


def parse_systems(text: str) -> tuple[str, int]:
    """/redfish/v1/Systems -> the path of the first system, and how many there are. Raises ParseError."""
    listed = _object("/redfish/v1/Systems", text).get("Members")
    members = listed if isinstance(listed, list) else []
    first = members[0] if members else None
    path = first.get("@odata.id") if isinstance(first, dict) else None
    if not isinstance(path, str) or not path.startswith("/"):
        raise ParseError("/redfish/v1/Systems", "no system in Members", text=text)
    return path, len(members)


def parse_system(path: str, count: int, text: str) -> RedfishSystem:
    """/redfish/v1/Systems/ID -> the system. Raises ParseError."""
    found = _object(path, text)
    if not isinstance(found.get("PowerState"), str):
        raise ParseError(path, "no PowerState", text=text)
    actions = found.get("Actions")
    action = actions.get(RESET_ACTION) if isinstance(actions, dict) else None
    allowed = action.get(ALLOWED) if isinstance(action, dict) else None
    return RedfishSystem(
        systems=count,
        system_id=path.rstrip("/").rpartition("/")[2],
        power_state=found["PowerState"],
        manufacturer=str(found.get("Manufacturer") or ""),
        uuid=str(found.get("UUID") or "").lower(),
        reset_types=tuple(map(str, allowed)) if isinstance(allowed, list) else None,
    )


def _object(source: str, text: str) -> Mapping[str, Any]:
    found = load_json(text, source)
    if not isinstance(found, dict):
        raise ParseError(source, "not an object", text=text)
    return found
