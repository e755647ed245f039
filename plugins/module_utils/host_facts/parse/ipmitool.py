# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ipmitool says of a BMC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import whole

LAN_MEDIUM = "802.3 LAN"
_FIELD = re.compile(r"[ ]*([^:]+?)[ ]*: ?(.*)")
# lib/ipmi_user.c, dump_user_access: the name is the only column that may be empty or hold blanks.
_USER = re.compile(r"(\d+)\s+(.*?)\s*\b(?:true|false)\s+(?:true|false)\s+(true|false)\s+(\S.*)")
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


def parse_lan_access(text: str) -> dict[str, Any]:
    """`ipmitool lan print` -> cipher_suites (numbers that the BMC offers), cipher_privileges (a letter for each, X: not
    to be used) and lockout (bad passwords until an account is locked, 0 for never); None for what the BMC keeps
    to itself. Raises ParseError.
    """
    found = fields(text)
    return {
        "cipher_suites": cipher_suites(found) or None,
        "cipher_privileges": cipher_privileges(found) or None,
        "lockout": lockout(found),
    }


def cipher_suites(found: Mapping[str, str]) -> list[int]:
    """A list of numbers; a BMC that keeps none to itself says None or Not Available."""
    text = found.get("RMCP+ Cipher Suites", "")
    if not re.fullmatch(r"\d+(,\d+)*", text):
        return []
    return [whole(each, "ipmitool lan print") for each in text.split(",")]


def cipher_privileges(found: Mapping[str, str]) -> str:
    """The letters, empty where the BMC has none."""
    text = found.get("Cipher Suite Priv Max", "")
    return text if re.fullmatch(r"[XcuoaO]{15,16}", text) else ""


def lockout(found: Mapping[str, str]) -> Optional[int]:
    """Bad passwords until an account is locked; 0 is IPMI's word for never."""
    threshold = found.get("Bad Password Threshold", "")
    return whole(threshold, "ipmitool lan print") if threshold.isdigit() else None


def parse_accounts(text: str) -> list[dict[str, Any]]:
    """`ipmitool user list N` -> user_id, name (may be empty), privilege (lower case) and messaging (whether it may use
    IPMI over this channel) of each account. Raises ParseError.
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].startswith("ID"):
        raise ParseError("ipmitool user list", "no heading", text=text)
    return [_account(number, line) for number, line in enumerate(lines[1:], start=2)]


def _account(number: int, line: str) -> dict[str, Any]:
    match = _USER.fullmatch(line)
    if not match:
        raise ParseError("ipmitool user list", "not an account", line=number, text=line)
    return {
        "user_id": whole(match[1], "ipmitool user list", number),
        "name": match[2],
        "privilege": match[4].lower(),
        "messaging": match[3] == "true",
    }


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
