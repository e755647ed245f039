# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted, seen) -> what ipmitool must set in band, in an order that never leaves an account without a password."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.settings import (
    LONG_PASSWORD,
    NAME_SIZE,
    OFF,
    STATIC,
    Account,
    BmcState,
    WantedBmc,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

OPEN = "always available"
PRIVILEGES = {"operator": "3", "administrator": "4"}
FIRST_ACCOUNT = 2  # number 1 is the account without a name (IPMI 2.0, section 6.9)
NEVER_WITHOUT = "a BMC that answers everybody: suite 0 asks for no password"


def validate_wanted(wanted: WantedBmc) -> None:
    """Refuse what a BMC would cut, ignore or lock us out with. Raises InputError; no password is in a message."""
    for option in ("address", "netmask", "gateway"):
        _require_address(option, getattr(wanted, option))
    if wanted.address is not None and wanted.netmask is None:
        raise InputError("an address without its netmask", expected="netmask", next_step="declare oobm_netmask")
    if wanted.gateway and wanted.address and wanted.netmask:
        _require_gateway(wanted.address, wanted.netmask, wanted.gateway)
    if wanted.vlan is not None and not 0 <= wanted.vlan <= 4094:
        raise InputError("not a VLAN", expected="1 to 4094, or 0 for untagged", observed=str(wanted.vlan))
    if wanted.cipher_privileges is not None:
        _require_suites(wanted.cipher_privileges)
    if wanted.username is not None:
        _require_account(wanted.username, wanted.password)


def _require_address(option: str, value: Optional[str]) -> None:
    try:
        ipaddress.IPv4Address(value or "0.0.0.0")
    except ValueError:
        raise InputError(
            f"{option} is not an IPv4 address", expected="for example 198.51.100.11", observed=str(value)
        ) from None


def _require_gateway(address: str, netmask: str, gateway: str) -> None:
    try:
        subnet = ipaddress.ip_interface(f"{address}/{netmask}").network
    except ValueError:
        raise InputError("not a netmask", expected="for example 255.255.255.0", observed=netmask) from None
    if ipaddress.ip_address(gateway) not in subnet:
        raise InputError(
            "the BMC's gateway is outside of its subnet",
            expected=f"an address in {subnet}",
            observed=gateway,
            next_step="correct oobm_gateway or oobm_netmask",
        )


def _require_suites(privileges: str) -> None:
    if not re.fullmatch(r"[Xcuoa]{15}", privileges) or not re.search("[oa]", privileges):
        raise InputError(
            "not a list of cipher suite privileges",
            expected="15 letters of X, c, u, o and a, at least one of them o or a",
            observed=privileges,
            next_step="write it as `ipmitool lan print` shows Cipher Suite Priv Max",
        )


def _require_account(name: str, password: Optional[str]) -> None:
    if not re.fullmatch(r"[!-~]+", name) or len(name) > NAME_SIZE:
        raise InputError(
            "not the name of an account on a BMC",
            expected=f"1 to {NAME_SIZE} ASCII letters, digits or signs without blanks",
            observed=name or "nothing",
            next_step="correct oobm_username",
        )
    size = len((password or "").encode())
    if not 0 < size <= LONG_PASSWORD:
        raise InputError(
            "a password that IPMI cannot store",
            expected=f"1 to {LONG_PASSWORD} bytes (CloudStack's driver ipmitool: 16)",
            observed=f"{size} bytes",
            next_step="give the account a shorter password and declare that (oobm_password)",
        )


def find_account(wanted: WantedBmc, seen: BmcState) -> Optional[Account]:
    """The account of the declared name, if the BMC has it."""
    return next((each for each in seen.accounts if each.name == wanted.username), None)


def plan_bmc(wanted: WantedBmc, seen: BmcState, password_fits: Optional[bool]) -> Plan:
    """What must be set. `password_fits`: whether the BMC confirmed the password; None where it cannot tell, and then
    it is sent to a new account only, or always where that is wanted.

    The account comes first and the address last: a run that ends between them leaves a BMC that can be repaired over
    the address that it had.
    """
    return Plan.of([*_account(wanted, seen, password_fits), *_access(wanted, seen), *_lan(wanted, seen)])


def _change(what: str, before: Any, after: Any, *argv: str) -> Change:
    return Change("set", f"BMC {what}", before={what: before}, after={what: after}, data={"argv": argv})


def _lan(wanted: WantedBmc, seen: BmcState) -> Iterator[Change]:
    """In this order: most BMCs refuse an address while it comes from DHCP."""
    lan, base = seen.lan, ("lan", "set", str(seen.channel))
    if wanted.cipher_privileges is not None and wanted.cipher_privileges != lan.cipher_privileges[:15]:
        before, after = lan.cipher_privileges, wanted.cipher_privileges
        yield _change("cipher suites", before, after, *base, "cipher_privs", after)
    if wanted.address is not None and lan.source != STATIC:
        yield _change("address source", lan.source, STATIC, *base, "ipsrc", "static")
    rows = (("netmask", "netmask"), ("address", "ipaddr"), ("gateway", "defgw ipaddr"))
    for name, words in rows:
        value, now = getattr(wanted, name), getattr(lan, name)
        if value is not None and value != now:
            yield _change(name, now, value, *base, *words.split(), value or "0.0.0.0")
    if wanted.vlan is not None and wanted.vlan != lan.vlan:
        word = str(wanted.vlan) if wanted.vlan != OFF else "off"
        yield _change("VLAN", lan.vlan, wanted.vlan, *base, "vlan", "id", word)


def _access(wanted: WantedBmc, seen: BmcState) -> Iterator[Change]:
    if (seen.access_mode == OPEN) != wanted.access:
        word, after = ("on", OPEN) if wanted.access else ("off", "disabled")
        yield _change("access over LAN", seen.access_mode, after, "lan", "set", str(seen.channel), "access", word)


def _account(wanted: WantedBmc, seen: BmcState, password_fits: Optional[bool]) -> Iterator[Change]:
    """Name, password, privilege, and only then enabled."""
    if wanted.username is None:
        return
    known = find_account(wanted, seen)
    user_id = str(known.user_id if known else free_account(seen))
    if known is None:
        yield _change("account", "", wanted.username, "user", "set", "name", user_id, wanted.username)
    unproven = password_fits is None and (known is None or wanted.always_send_password)
    if password_fits is False or unproven:
        yield Change("set", "BMC password", secret=True, data={"password_of": int(user_id)})
    rights = {"privilege": wanted.privilege, "over LAN": True}
    has = {"privilege": known.privilege, "over LAN": known.messaging} if known else {}
    if rights != has:
        argv = ("channel", "setaccess", str(seen.channel), user_id, "ipmi=on")
        level = f"privilege={PRIVILEGES[wanted.privilege]}"
        yield Change("set", "BMC privilege", before=has, after=rights, data={"argv": (*argv, level)})
    # A BMC that does not say whether an account is enabled: one that has just been made is not.
    if known is None or known.enabled is False:
        yield _change("account enabled", False, True, "user", "enable", user_id)


def free_account(seen: BmcState) -> int:
    """The lowest number without a name; ipmitool leaves empty ones out of its list. Raises InputError."""
    taken = {each.user_id for each in seen.accounts if each.name}
    for number in range(FIRST_ACCOUNT, seen.max_accounts + 1):
        if number not in taken:
            return number
    raise InputError(
        "the BMC has no room for another account",
        expected=f"a free one of {seen.max_accounts}",
        observed=", ".join(each.name for each in seen.accounts if each.name),
        next_step="remove an account that nobody needs (ipmitool user set name ID ''), or declare an existing one",
    )


def warnings_about(wanted: WantedBmc, seen: BmcState) -> list[str]:
    """What is worth saying although nothing is wrong with the declared settings."""
    said = []
    privileges = wanted.cipher_privileges or seen.lan.cipher_privileges
    if 0 in seen.lan.cipher_suites and privileges[:1] not in ("", "X"):
        said.append(
            f"this is {NEVER_WITHOUT}. Next: set oobm_cipher_privileges to X{privileges[1:15]}, then look whether "
            "CloudStack still reads the power state"
        )
    if wanted.privilege == "operator" and wanted.username is not None:
        said.append(
            "CloudStack calls ipmitool without -L, which then asks for the privilege ADMINISTRATOR and is refused as an"
            " operator. Next: let outofbandmanagement.ipmitool.path name a wrapper that adds -L OPERATOR on each"
            " management server, or set oobm_privilege to administrator"
        )
    if seen.lan.lockout:
        said.append(
            f"the BMC locks an account after {seen.lan.lockout} bad passwords, and CloudStack asks every 4 s: with a"
            " wrong password stored there the account is locked within seconds"
        )
    return said
