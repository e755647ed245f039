# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(desired, current) -> plan for out-of-band management of one host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

VERIFIED = ("On", "Off")  # power states that only a BMC that answers can have
SHOWN = ("driver", "address", "port", "username")
IPMI_PASSWORD = 16  # bytes. CloudStack takes more, BMCs keep 16, and from then on every action fails
# A name or an address: CloudStack itself stores anything, "not an address;" included.
ADDRESS = re.compile(r"^(?!-)[A-Za-z0-9._:-]+$")
# Recorded: "Redfish host address '127.0.0.1:9443' is not a valid IPv4/IPv6 address nor a valid domain name."
ADDRESS_WITH_PORT = re.compile(r"^[^:]+:[0-9]+$")


@dataclass(frozen=True)
class Bmc:
    """How CloudStack reaches the BMC. CloudStack keeps the port as text."""

    driver: str
    address: str
    port: str
    username: str
    password: str = field(repr=False)
    enabled: bool = True
    always_send_password: bool = False


def validate_bmc(bmc: Bmc, host: str) -> None:
    """Refuse what CloudStack would store and fail on later. Raises InputError; the password itself is in no message."""
    size = len(bmc.password.encode())
    if bmc.driver == "ipmitool" and size > IPMI_PASSWORD:
        raise InputError(
            "the password is too long for IPMI",
            host=host,
            expected=f"at most {IPMI_PASSWORD} bytes",
            observed=f"{size} bytes",
            next_step="give the BMC a shorter password and declare that (oobm_password)",
        )
    if bmc.driver == "nestedcloudstack":  # here address is the URL of an API and port the UUID of a VM
        return
    if not ADDRESS.match(bmc.address):
        raise InputError(
            "not the address of a BMC",
            host=host,
            expected="an IP address or a name, without port",
            observed=bmc.address or "nothing",
            next_step="correct oobm_address",
        )
    if bmc.driver == "redfish" and ADDRESS_WITH_PORT.match(bmc.address):
        raise InputError(
            "CloudStack's driver redfish takes no port",
            host=host,
            expected="an IP address or a name; CloudStack asks at port 443, or 80 with redfish.use.https false",
            observed=bmc.address,
            next_step="take the port out of oobm_address; a BMC at another port needs the driver ipmitool",
        )
    if not (bmc.port.isdigit() and 0 < int(bmc.port) < 65536):
        raise InputError(
            "not a port",
            host=host,
            expected="a number from 1 to 65535",
            observed=bmc.port or "nothing",
            next_step="correct oobm_port",
        )


def plan_oobm(wanted: Bmc, host_id: Optional[str], current: Mapping[str, Any], target: str) -> Plan:
    """What makes CloudStack use this BMC. `current` is the field outofbandmanagement of the host's record.

    CloudStack shows only the first character of the password. So the configuration is also sent again where nothing
    proves that it works: then a corrected password takes effect although it cannot be compared.
    """
    return Plan.of([_configure(wanted, host_id, current, target), _enable(wanted, host_id, current, target)])


def needs_verification(wanted: Bmc, plan: Plan, current: Mapping[str, Any]) -> bool:
    """Whether the BMC must be asked now: after a change, or where its power state is not known."""
    return wanted.enabled and (bool(plan) or current.get("powerstate") not in VERIFIED)


def _configure(wanted: Bmc, host_id: Optional[str], current: Mapping[str, Any], target: str) -> Optional[Change]:
    after = {key: getattr(wanted, key) for key in SHOWN}
    before = {key: str(current.get(key) or "") for key in SHOWN}
    unverified = wanted.enabled and current.get("powerstate") not in VERIFIED
    if (
        before == after
        and not unverified
        and not wanted.always_send_password
        and _password_may_be(wanted.password, current)
    ):
        return None
    data = {
        "command": "configureOutOfBandManagement",
        "params": {"hostid": host_id, **after, "password": wanted.password},
        "is_async": False,
    }
    return Change(
        "configure",
        target,
        before={**before, "password": "(as stored)"},
        after={**after, "password": "(as declared)"},
        data=data,
    )


def _enable(wanted: Bmc, host_id: Optional[str], current: Mapping[str, Any], target: str) -> Optional[Change]:
    if bool(current.get("enabled")) == wanted.enabled:
        return None
    action = "enable" if wanted.enabled else "disable"
    return Change(
        action,
        target,
        before={"enabled": not wanted.enabled},
        after={"enabled": wanted.enabled},
        data=switch(host_id, wanted.enabled),
    )


def switch(host_id: Optional[str], enabled: bool) -> dict[str, Any]:
    """The call that enables or disables out-of-band management of a host."""
    verb = "enable" if enabled else "disable"
    return {"command": f"{verb}OutOfBandManagementForHost", "params": {"hostid": host_id}, "is_async": True}


def _password_may_be(password: str, current: Mapping[str, Any]) -> bool:
    """The stored password is shown as its first character and ****."""
    shown = str(current.get("password") or "")
    return bool(shown) and shown[:1] == password[:1]


def oobm_result(bmc: Bmc, power: Optional[str]) -> dict[str, Any]:
    """The documented keys. `power` is the power state as CloudStack last heard it."""
    return {
        **{key: getattr(bmc, key) for key in SHOWN},
        "enabled": bmc.enabled,
        "power_state": power if bmc.enabled else "Disabled",
    }


def explain_bmc_error(text: str) -> tuple[str, str]:
    """What the words of ipmitool or of the driver redfish mean: (observed, next step)."""
    known = {
        "RAKP 2 HMAC is invalid": ("the BMC refuses the password", "correct oobm_password, then run again"),
        "unauthorized name": ("the BMC does not know the account", "correct oobm_username, then run again"),
        "driver is not available": (
            "CloudStack has no such driver under this spelling",
            "set oobm_driver to ipmitool, redfish or nestedcloudstack",
        ),
        "is disabled for the host's": (
            "out-of-band management is disabled for the zone or the cluster",
            "enable it there, then run again",
        ),
        "Set Session Privilege Level": (
            "the BMC refuses the account the privilege ADMINISTRATOR, which ipmitool asks for",
            "give the account ADMINISTRATOR on the LAN channel (oobm_privilege, with oobm_in_band)",
        ),
        "PKIX path": (
            "the management server does not trust the BMC's certificate",
            "give the BMC a certificate that it trusts, or set redfish.ignore.ssl to true",
        ),
        "/redfish/v1/Systems": (
            "the BMC does not answer the management server over Redfish",
            "check that it has Redfish at port 443 (the module redfish_check), and the setting redfish.use.https",
        ),
        "HTTP error code: 401": ("the BMC refuses account or password", "correct oobm_username and oobm_password"),
        "Unable to establish": (
            "the BMC does not answer the management server",
            "check oobm_address and oobm_port, and the way from the management servers to the BMC",
        ),
    }
    for mark, meaning in known.items():
        if mark in text:
            return meaning
    return "the power state cannot be read", "see the text of CloudStack, and try ipmitool on the management server"
