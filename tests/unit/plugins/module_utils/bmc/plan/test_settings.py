# SPDX-License-Identifier: GPL-3.0-or-later
"""What ipmitool is told, step by step, and what is refused before it is told anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.settings import (
    STATIC,
    Account,
    BmcState,
    LanSettings,
    WantedBmc,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.plan.settings import (
    plan_bmc,
    validate_wanted,
    warnings_about,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

PASSWORD = "planted-secret1"
LAN = LanSettings(STATIC, "198.51.100.11", "255.255.255.0", "198.51.100.1", 40, (0, 3, 17), "XaaXXXXXXXXXXXX")
ACCOUNT = Account(3, "cloudstack", "administrator", True, True)
SEEN = BmcState(1, LAN, "always available", (Account(1, ""), Account(2, "ADMIN"), ACCOUNT), 10)
WANTED = WantedBmc(
    address="198.51.100.11",
    netmask="255.255.255.0",
    gateway="198.51.100.1",
    vlan=40,
    username="cloudstack",
    password=PASSWORD,
)
FRESH = replace(SEEN, accounts=(Account(1, ""), Account(2, "ADMIN"), Account(3, "")))
SET = "set BMC "


def lan(**more):
    return replace(SEEN, lan=replace(LAN, **more))


def account(**more):
    return replace(SEEN, accounts=(replace(ACCOUNT, **more),))


@pytest.mark.parametrize(
    ("wanted", "seen", "fits", "expected"),
    [
        (WANTED, SEEN, True, []),
        (WANTED, SEEN, None, []),
        (WantedBmc(), SEEN, None, []),
        (WANTED, SEEN, False, ["password"]),
        (replace(WANTED, always_send_password=True), SEEN, None, ["password"]),
        (replace(WANTED, always_send_password=True), SEEN, True, []),
        (WANTED, FRESH, None, ["account", "password", "privilege", "account enabled"]),
        (WANTED, account(enabled=False), True, ["account enabled"]),
        (WANTED, account(enabled=None), True, []),
        (WANTED, account(privilege="operator"), True, ["privilege"]),
        (WANTED, account(messaging=False), True, ["privilege"]),
        (replace(WANTED, privilege="operator"), account(privilege="operator"), True, []),
        (WANTED, lan(source="DHCP Address"), True, ["address source"]),
        (WANTED, lan(address="", netmask="", gateway="", source="Unspecified", vlan=0), True,
         ["address source", "netmask", "address", "gateway", "VLAN"]),
        (replace(WANTED, vlan=0), SEEN, True, ["VLAN"]),
        (replace(WANTED, gateway=""), SEEN, True, ["gateway"]),
        (WANTED, replace(SEEN, access_mode="disabled"), True, ["access over LAN"]),
        (replace(WANTED, access=False), SEEN, True, ["access over LAN"]),
        (replace(WANTED, cipher_privileges="XXXaXXXXXXXXXXX"), SEEN, True, ["cipher suites"]),
        (replace(WANTED, cipher_privileges="XaaXXXXXXXXXXXX"), lan(cipher_privileges="XaaXXXXXXXXXXXXX"), True, []),
    ],
)  # fmt: skip
def test_plan(wanted, seen, fits, expected):
    plan = plan_bmc(wanted, seen, fits)
    assert plan.summary() == [SET + each for each in expected]
    assert PASSWORD not in str(plan.diff())
    assert PASSWORD not in str([change.data for change in plan])


@pytest.mark.parametrize(
    ("wanted", "seen", "argv"),
    [
        (replace(WANTED, vlan=0), SEEN, "lan set 1 vlan id off"),
        (replace(WANTED, vlan=7), SEEN, "lan set 1 vlan id 7"),
        (replace(WANTED, gateway=""), SEEN, "lan set 1 defgw ipaddr 0.0.0.0"),
        (replace(WANTED, gateway="198.51.100.2"), replace(SEEN, channel=2), "lan set 2 defgw ipaddr 198.51.100.2"),
        (WANTED, account(privilege="user"), "channel setaccess 1 3 ipmi=on privilege=4"),
        (
            replace(WANTED, privilege="operator"),
            account(privilege="user"),
            "channel setaccess 1 3 ipmi=on privilege=3",
        ),
    ],
)
def test_words(wanted, seen, argv):
    [change] = plan_bmc(wanted, seen, True)
    assert " ".join(change.data["argv"]) == argv


def test_the_first_free_number_is_taken_also_where_the_list_leaves_empty_ones_out():
    for accounts in (FRESH.accounts, (Account(1, ""), Account(2, "ADMIN"), Account(4, "other"))):
        first = plan_bmc(WANTED, replace(SEEN, accounts=accounts), None).changes[0]
        assert first.data["argv"] == ("user", "set", "name", "3", "cloudstack")


def test_no_room():
    full = replace(SEEN, accounts=tuple(Account(n, f"u{n}") for n in range(1, 5)), max_accounts=4)
    with pytest.raises(InputError, match="no room for another account.*u2, u3, u4"):
        plan_bmc(WANTED, full, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "198.51.100.300"}, "address is not an IPv4 address"),
        ({"address": "bmc1.example"}, "address is not an IPv4 address"),
        ({"netmask": None}, "without its netmask"),
        ({"netmask": "255.0.255.0"}, "not a netmask"),
        ({"gateway": "203.0.113.1"}, "outside of its subnet"),
        ({"vlan": 4095}, "not a VLAN"),
        ({"cipher_privileges": "aaa"}, "15 letters"),
        ({"cipher_privileges": "X" * 15}, "at least one of them o or a"),
        ({"username": "seventeen-letters"}, "not the name of an account"),
        ({"username": "two words"}, "not the name of an account"),
        ({"username": ""}, "not the name of an account"),
        ({"password": "planted-secret-of-21b"}, "Observed: 21 bytes"),
        ({"password": "planted-sécrét-äöüß"}, "Observed: 25 bytes"),
        ({"password": ""}, "Observed: 0 bytes"),
        ({"password": None}, "Observed: 0 bytes"),
    ],
)
def test_refused(change, words):
    with pytest.raises(InputError) as caught:
        validate_wanted(replace(WANTED, **change))
    assert words in str(caught.value)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("password", ["sixteen-letters1", "twenty-letters-long1"])
def test_accepted(password):
    validate_wanted(replace(WANTED, password=password))


@pytest.mark.parametrize(
    ("wanted", "seen", "words"),
    [
        (WANTED, SEEN, []),
        (WANTED, lan(cipher_privileges="aaaXXXXXXXXXXXX"), ["suite 0"]),
        (replace(WANTED, cipher_privileges="XaaXXXXXXXXXXXX"), lan(cipher_privileges="a" * 15), []),
        (WANTED, lan(cipher_suites=(3, 17), cipher_privileges="a" * 15), []),
        (replace(WANTED, privilege="operator"), SEEN, ["without -L"]),
        (WANTED, lan(lockout=3), ["after 3 bad passwords"]),
        (WANTED, lan(lockout=0), []),
    ],
)
def test_warnings(wanted, seen, words):
    said = warnings_about(wanted, seen)
    assert len(said) == len(words)
    for text, word in zip(said, words):
        assert word in text
