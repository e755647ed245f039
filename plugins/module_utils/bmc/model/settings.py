# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The BMC's settings that decide whether CloudStack can use it: LAN, account, access."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

STATIC = "Static Address"  # ipmitool's word for the source of an address
OFF = 0  # VLAN id that stands for untagged
SHORT_PASSWORD, LONG_PASSWORD = 16, 20  # bytes: IPMI 1.5 and IPMI 2.0, section 22.30 Set User Password
NAME_SIZE = 16  # bytes, section 22.28 Set User Name


@dataclass(frozen=True)
class LanSettings:
    """A LAN channel as `ipmitool lan print` has it; empty where nothing is set. `vlan` is 0 for untagged.

    `cipher_suites` are the numbers that the BMC offers, `cipher_privileges` one letter for each entry (X: not to be
    used). `lockout` is the number of bad passwords after which the BMC locks an account, None where it does not say."""

    source: str
    address: str
    netmask: str
    gateway: str
    vlan: int
    cipher_suites: tuple[int, ...] = ()
    cipher_privileges: str = ""
    lockout: Optional[int] = None


@dataclass(frozen=True)
class Account:
    """An account on the LAN channel. `enabled` is None where the BMC does not say (IPMI before errata 5)."""

    user_id: int
    name: str
    privilege: str = ""
    messaging: bool = False
    enabled: Optional[bool] = None


@dataclass(frozen=True)
class BmcState:
    """What the host sees of its BMC. `access_mode` is ipmitool's word for the channel (always available, disabled);
    `max_accounts` is how many the BMC can hold."""

    channel: int
    lan: LanSettings
    access_mode: str
    accounts: tuple[Account, ...] = ()
    max_accounts: int = 0


@dataclass(frozen=True)
class WantedBmc:
    """What is declared; None leaves a setting alone. `new_password`: send it where nothing proves that it is set."""

    channel: Optional[int] = None
    address: Optional[str] = None
    netmask: Optional[str] = None
    gateway: Optional[str] = None
    vlan: Optional[int] = None
    access: bool = True
    cipher_privileges: Optional[str] = None
    username: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    privilege: str = "administrator"
    always_send_password: bool = False
