# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ipmitool says of a BMC."""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

LAN_MEDIUM = "802.3 LAN"
_FIELD = re.compile(r"[ ]*([^:]+?)[ ]*: ?(.*)")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def parse_lan(text: str) -> dict[str, Optional[str]]:
    """`ipmitool lan print` -> address and mac of the BMC, None where nothing is set. Raises ParseError.

    Nothing else is taken over: the SNMP community is a secret.
    """
    found = fields(text)
    if "IP Address" not in found:
        raise ParseError("ipmitool lan print", "no IP Address", text=text)
    address, mac = found["IP Address"], found.get("MAC Address", "").lower()
    return {"address": address if address.strip("0.") else None, "mac": mac if mac.strip("0:") else None}


def parse_guid(text: str) -> str:
    """`ipmitool mc guid` -> the system GUID in lower case. Raises ParseError."""
    guid = fields(text).get("System GUID", "").lower()
    if not _GUID.fullmatch(guid):
        raise ParseError("ipmitool mc guid", "no System GUID", text=text)
    return guid


def parse_access_mode(text: str) -> Optional[str]:
    """`ipmitool channel info N` -> how a LAN channel may be used now (always available, disabled ...), None for a
    channel of another kind.

    Raises ParseError.
    """
    found = fields(text)
    medium = found.get("Channel Medium Type")
    if medium is None or (medium == LAN_MEDIUM and "Access Mode" not in found):
        raise ParseError("ipmitool channel info", "no medium or no access mode", text=text)
    return found["Access Mode"] if medium == LAN_MEDIUM else None


def fields(text: str) -> dict[str, str]:
    """The first value of each field: of an access mode in use and a stored one, the one in use comes first."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        match = _FIELD.fullmatch(line.rstrip())
        if match:
            found.setdefault(match[1], match[2].strip())
    return found
