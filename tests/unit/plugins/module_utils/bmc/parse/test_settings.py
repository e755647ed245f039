# SPDX-License-Identifier: GPL-3.0-or-later
"""ipmitool's texts, of the captured host (ipmi_sim) and as machines of several vendors print them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.settings import Account, LanSettings
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.parse.settings import (
    parse_controller,
    parse_lan_settings,
    parse_user_access,
    parse_users,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

CAPTURED = Path(__file__).parents[5] / "fixtures" / "ipmitool"
# A Supermicro board: the privilege letters go by the number of the suite, the list does not hold suite 0.
SUPERMICRO = """Set in Progress         : Set Complete
IP Address Source       : DHCP Address
IP Address              : 10.20.30.40
Subnet Mask             : 255.255.255.0
MAC Address             : 0c:c4:7a:00:00:01
SNMP Community String   : s3cret-community
Default Gateway IP      : 10.20.30.1
802.1q VLAN ID          : Disabled
802.1q VLAN Priority    : 0
RMCP+ Cipher Suites     : 1,2,3,6,7,8,11,12
Cipher Suite Priv Max   : XaaaXXaaaXXaaXX
                        :     X=Cipher Suite Unused
Bad Password Threshold  : 3
Invalid password disable: yes
"""
# An iDRAC: suite 0 is offered, the VLAN is set.
DELL = """Set in Progress         : Set Complete
IP Address Source       : Static Address
IP Address              : 192.168.0.120
Subnet Mask             : 255.255.255.128
Default Gateway IP      : 0.0.0.0
802.1q VLAN ID          : 40
RMCP+ Cipher Suites     : 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14
Cipher Suite Priv Max   : Xaaaaaaaaaaaaaa
Bad Password Threshold  : Not Available
"""
USERS = """ID  Name	     Callin  Link Auth	IPMI Msg   Channel Priv Limit
1                    false   false      true       NO ACCESS
2   root             true    true       true       ADMINISTRATOR
3   cloud stack      true    false      true       OPERATOR
4   sixteen_letters_ true    false      false      USER
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SUPERMICRO,
            LanSettings(
                "DHCP Address",
                "10.20.30.40",
                "255.255.255.0",
                "10.20.30.1",
                0,
                (1, 2, 3, 6, 7, 8, 11, 12),
                "XaaaXXaaaXXaaXX",
                3,
            ),
        ),
        (
            DELL,
            LanSettings(
                "Static Address",
                "192.168.0.120",
                "255.255.255.128",
                "",
                40,
                tuple(range(15)),
                "Xaaaaaaaaaaaaaa",
                None,
            ),
        ),
    ],
)
def test_lan(text, expected):
    assert parse_lan_settings(text) == expected


def test_captured_lan():
    lan = parse_lan_settings((CAPTURED / "ipmitool-lan-print-1.txt").read_text())
    assert (lan.source, lan.address, lan.netmask, lan.gateway, lan.vlan) == ("Unspecified", "", "", "", 0)
    assert (lan.cipher_suites, lan.cipher_privileges, lan.lockout) == (tuple(range(1, 16)), "a" * 15, None)


def test_the_community_is_in_no_message():
    with pytest.raises(ParseError) as caught:
        parse_lan_settings(SUPERMICRO.replace("Subnet Mask  ", "Netmask  "))
    assert "no Subnet Mask" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_users():
    assert parse_users(USERS) == (
        Account(1, "", "no access", True),
        Account(2, "root", "administrator", True),
        Account(3, "cloud stack", "operator", True),
        Account(4, "sixteen_letters_", "user", False),
    )


def test_captured_users():
    users = parse_users((CAPTURED / "ipmitool-user-list-1.txt").read_text())
    assert [each.name for each in users if each.name] == ["ADMIN", "oper"]
    assert len(users) == 63


def test_captured_access():
    account, most = parse_user_access((CAPTURED / "ipmitool-channel-getaccess-1-2.txt").read_text())
    assert (account, most) == (Account(2, "ADMIN", "administrator", True, None), 63)


@pytest.mark.parametrize(("word", "expected"), [("enabled", True), ("disabled", False), ("unknown", None)])
def test_enabled(word, expected):
    text = (CAPTURED / "ipmitool-channel-getaccess-1-2.txt").read_text()
    account, _ = parse_user_access(text.replace("Enable Status        : unknown", f"Enable Status        : {word}"))
    assert account.enabled is expected


def test_controller():
    text = (CAPTURED / "ipmitool-mc-info.txt").read_text()
    assert parse_controller(text) == {"manufacturer": "MontaVista Software, Inc.", "firmware": "9.08"}


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_lan_settings, "Invalid channel: 3\n"),
        (parse_lan_settings, DELL.replace(": 40", ": forty")),
        (parse_users, ""),
        (parse_users, "Get User Access command failed (channel 1, user 1)\n"),
        (parse_users, USERS + "5   x                maybe\n"),
        (parse_user_access, "Get User Access (channel 9) failed: Invalid data field in request\n"),
        (parse_controller, "Could not open device at /dev/ipmi0\n"),
    ],
)
def test_not_understood(parse, text):
    with pytest.raises(ParseError):
        parse(text)
