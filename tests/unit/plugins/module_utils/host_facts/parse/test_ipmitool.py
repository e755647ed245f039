# SPDX-License-Identifier: GPL-3.0-or-later
"""What ipmitool says in band."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ipmitool import (
    parse_access_mode,
    parse_accounts,
    parse_guid,
    parse_lan,
    parse_lan_access,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

LAN = text("ipmitool/ipmitool-lan-print.txt")
# The capture is of a serial channel. These lines stand in ipmitool's source (lib/ipmi_channel.c) for a LAN.
LAN_CHANNEL = """Channel 0x1 info:
  Channel Medium Type   : 802.3 LAN
  Channel Protocol Type : IPMB-1.0
  Volatile(active) Settings
    Access Mode         : disabled
  Non-Volatile Settings
    Access Mode         : always available
"""


def test_lan_without_an_address():
    assert parse_lan(LAN) == {"address": None, "mac": None}


def test_lan_with_an_address():
    content = LAN.replace("0.0.0.0", "10.88.0.211", 1).replace("00:00:00:00:00:00", "D0:94:66:00:00:01", 1)
    found = parse_lan(content)
    assert found == {"address": "10.88.0.211", "mac": "d0:94:66:00:00:01"}
    assert "public" not in str(found)


def test_guid():
    content = "System GUID  : 44454C4C-3200-1046-8033-B2C04F39354A\nTimestamp    : 02/25/2006 01:47:47\n"
    assert parse_guid(content) == "44454c4c-3200-1046-8033-b2c04f39354a"


def test_access_mode():
    assert parse_access_mode(LAN_CHANNEL) == "disabled"
    assert parse_access_mode(text("ipmitool/ipmitool-channel-info.txt")) is None


@pytest.mark.parametrize(
    ("parse", "content"),
    [
        (parse_lan, ""),
        (parse_lan, "Channel 1 is not a LAN channel"),
        (parse_guid, text("ipmitool/ipmitool-mc-guid.txt")),
        (parse_guid, "System GUID  : 123"),
        (parse_access_mode, "Channel 0x1 info:\n"),
        (parse_access_mode, "  Channel Medium Type   : 802.3 LAN\n"),
    ],
)
def test_no_answer(parse, content):
    with pytest.raises(ParseError):
        parse(content)


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from([*LAN_CHANNEL.splitlines(True), "IP Address : x\n", "System GUID : -\n", ":"])).map(
            "".join
        ),
    )
)
def test_garbage_is_a_value_or_a_parse_error(content):
    for parse in (parse_lan, parse_guid, parse_access_mode):
        try:
            parse(content)
        except ParseError as error:
            assert "ipmitool" in str(error)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("", "", {}),
        ("Not Available", "3", {"lockout": 3}),
        ("Not Available", "0", {"lockout": 0}),
        (": 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", ": 3,17", {"cipher_suites": [3, 17]}),
        (": 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", ": None", {"cipher_suites": None}),
        (": aaaaaaaaaaaaaaa", ": Not Available", {"cipher_privileges": None}),
    ],
)
def test_what_a_login_over_lan_depends_on(old, new, changed):
    captured = {"cipher_suites": list(range(1, 16)), "cipher_privileges": "a" * 15, "lockout": None}
    assert parse_lan_access(LAN.replace(old, new)) == {**captured, **changed}


def test_accounts():
    found = parse_accounts(text("ipmitool/ipmitool-user-list-1.txt"))
    assert len(found) == 63
    assert found[2] == {"user_id": 3, "name": "oper", "privilege": "operator", "messaging": True}


@pytest.mark.parametrize("said", ["", "Get User Access command failed", "ID  Name\nnonsense"])
def test_accounts_that_cannot_be_understood(said):
    with pytest.raises(ParseError):
        parse_accounts(said)
