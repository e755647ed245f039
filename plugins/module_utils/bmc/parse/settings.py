# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ipmitool's texts about LAN, accounts and privileges into values. A field that is not understood raises ParseError."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.settings import OFF, Account, LanSettings
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import whole
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ipmitool import (
    cipher_privileges,
    cipher_suites,
    fields,
    lockout,
    parse_accounts,
)

NO_ADDRESS = "0.0.0.0"
USER_ACCESS = "ipmitool channel getaccess"


def parse_lan_settings(text: str) -> LanSettings:
    """`ipmitool lan print N` -> the settings that CloudStack's way to the BMC depends on. Raises ParseError.

    Nothing else is taken over: the SNMP community is a secret.
    """
    found = fields(text)
    for name in ("IP Address Source", "IP Address", "Subnet Mask"):
        if name not in found:
            raise ParseError("ipmitool lan print", f"no {name}", text=_without_community(text))
    return LanSettings(
        source=found["IP Address Source"],
        address=_address(found["IP Address"]),
        netmask=_address(found["Subnet Mask"]),
        gateway=_address(found.get("Default Gateway IP", NO_ADDRESS)),
        vlan=_vlan(found.get("802.1q VLAN ID", "Disabled")),
        cipher_suites=tuple(cipher_suites(found)),
        cipher_privileges=cipher_privileges(found),
        lockout=lockout(found),
    )


def _without_community(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("SNMP"))


def _address(text: str) -> str:
    return "" if text == NO_ADDRESS else text


def _vlan(text: str) -> int:
    """Disabled or a number."""
    if text == "Disabled":
        return OFF
    return whole(text, "ipmitool lan print")


def parse_users(text: str) -> tuple[Account, ...]:
    """`ipmitool user list N` -> accounts with id, name, privilege (lower case) and messaging. Raises ParseError."""
    return tuple(Account(**each) for each in parse_accounts(text))


def parse_user_access(text: str) -> tuple[Account, int]:
    """`ipmitool channel getaccess N ID` -> the account, and how many the BMC can hold. Raises ParseError."""
    found = fields(text)
    for name in ("Maximum User IDs", "User ID", "IPMI Messaging", "Privilege Level"):
        if name not in found:
            raise ParseError(USER_ACCESS, f"no {name}", text=text)
    enabled = {"enabled": True, "disabled": False}.get(found.get("Enable Status", ""))
    account = Account(
        user_id=whole(found["User ID"], USER_ACCESS),
        name=found.get("User Name", ""),
        privilege=found["Privilege Level"].lower(),
        messaging=found["IPMI Messaging"] == "enabled",
        enabled=enabled,
    )
    return account, whole(found["Maximum User IDs"], USER_ACCESS)


def parse_controller(text: str) -> dict[str, str]:
    """`ipmitool mc info` -> manufacturer and firmware, for a reader. Raises ParseError."""
    found = fields(text)
    if "Firmware Revision" not in found:
        raise ParseError("ipmitool mc info", "no Firmware Revision", text=text)
    return {"manufacturer": found.get("Manufacturer Name", ""), "firmware": found["Firmware Revision"]}
