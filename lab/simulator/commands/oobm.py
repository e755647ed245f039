# SPDX-License-Identifier: GPL-3.0-or-later
"""Out-of-band management (recorded/oobm.json, kvm-host-oobm.json)."""

from __future__ import annotations

from collections.abc import Callable

from .. import ipmi
from ..cloud import Cloud
from ..errors import ApiError, bad_parameter, failed
from ..hosts import oobm_view
from ..power import ipmitool
from ..records import Record
from ..registry import Arguments, Work, command, switch

DRIVERS = ("ipmitool", "redfish", "nestedcloudstack")
NOT_CONFIGURED = (
    "Out-of-band management is not configured for the host. Please configure the host before enabling/disabling it."
)
ABORT = "Aborting Operation."


def answer(row: Record, **more: object) -> dict:
    """The answer of the calls that concern one host."""
    return {"outofbandmanagement": {"hostid": row.uuid, **oobm_view(row), **more}}


@command("configureOutOfBandManagement")
def configure(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("host", given["hostid"])
    for key in ("driver", "address", "port", "username", "password"):
        if not str(given[key]).strip():
            raise bad_parameter(f"Invalid value provided for API arg: {key}")
    if given["driver"].lower() not in DRIVERS:
        raise failed("Out-of-band management driver is not available. Please provide a valid driver name.")
    old = row.get("oobm") or {"enabled": False, "powerstate": "Disabled"}
    row["oobm"] = {**old, **{key: given[key] for key in ("driver", "address", "port", "username", "password")}}
    return answer(row, description=f"Out-of-band management successfully configured for {row}.", status=True)


def _switch(cloud: Cloud, given: Arguments, on: bool) -> Work:
    row = cloud.get("host", given["hostid"])

    def work() -> dict:
        if not row.get("oobm"):
            raise failed(NOT_CONFIGURED)
        row["oobm"]["enabled"] = on
        row["oobm"]["powerstate"] = "Disabled"  # until the next poll
        return {"outofbandmanagement": {"hostid": row.uuid, "enabled": on, "status": True}}

    return Work(work, ("Host", row.uuid))


switch("OutOfBandManagementForHost", _switch)


def _switch_group(table: str) -> Callable[[Cloud, Arguments, bool], Work]:
    def handler(cloud: Cloud, given: Arguments, on: bool) -> Work:
        row = cloud.get(table, given[f"{table}id"])

        def work() -> dict:
            row["oobm_off"] = not on
            row["details"] = {**(row.get("details") or {}), "outOfBandManagementEnabled": str(on).lower()}
            for host in cloud.table("host").where(**{table: row.number}) if not on else ():
                if host.get("oobm"):
                    host["oobm"]["powerstate"] = "Disabled"
            return {"outofbandmanagement": {"enabled": on, "status": True}}

        return Work(work, (table.capitalize(), None))

    return handler


switch("OutOfBandManagementForCluster", _switch_group("cluster"))
switch("OutOfBandManagementForZone", _switch_group("zone"))


def _check_enabled(cloud: Cloud, row: Record) -> dict:
    """The host's configuration, if it is in force at all three levels."""
    if level := off_above(cloud, row):
        raise failed(f"Out-of-band management is disabled for the host's {level}. {ABORT}")
    if not row.get("oobm") or not row["oobm"]["enabled"]:
        raise failed(f"Out-of-band management is disabled or not configured for the host. {ABORT}")
    if row["oobm"]["driver"] not in DRIVERS:
        raise failed(
            "Configured out-of-band management driver is not available. Aborting any out-of-band management action."
        )
    return row["oobm"]


@command("issueOutOfBandManagementPowerAction", "timeout")
def power(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["hostid"])
    action = given["action"]

    def work() -> dict:
        with cloud.lock:
            if action not in ipmi.ACTIONS:
                raise ApiError(
                    530,
                    "No enum constant "
                    f"org.apache.cloudstack.outofbandmanagement.OutOfBandManagement.PowerOperation.{action}",
                )
            oobm = dict(_check_enabled(cloud, row))
            before = oobm["powerstate"]
        timeout = given.get("timeout", cloud.settings.number("outofbandmanagement.action.timeout"))
        if timeout <= 0:
            raise ApiError(530, "Command failed due to Internal Server Error")
        result = ipmitool(cloud, oobm, ["chassis", "power", ipmi.ACTIONS[action]], timeout)
        with cloud.lock:
            if action == "STATUS":
                row["oobm"]["powerstate"] = result.power if result.ok else "Unknown"
            _check_result(cloud, row, action, result)
            shown = row["oobm"]["powerstate"] if action == "STATUS" else before
            fields = {**answer(row)["outofbandmanagement"], "powerstate": shown}
            return {"outofbandmanagement": {**fields, "action": action, "description": result.stdout, "status": True}}

    return Work(work, ("Host", row.uuid), unlocked=True)


def _check_result(cloud: Cloud, row: Record, action: str, result: ipmi.Result) -> None:
    if result.stdout is None:
        raise ApiError(
            530,
            'Cannot invoke "String.trim()" because the return value of'
            ' "org.apache.cloudstack.outofbandmanagement.driver.OutOfBandManagementDriverResponse.getResult()" is null',
        )
    if result.ok:
        return
    begin = f"Out-of-band Management action [{action}] on {row} failed"
    if result.authentication_failed:
        _auth_alert(cloud, row)
        raise failed(f"{begin} due to authentication error: {result.stderr}. Please check configured credentials.")
    raise failed(f"{begin} with error: {result.stderr}")


def _auth_alert(cloud: Cloud, row: Record) -> None:
    """At most once a day for each host."""
    if cloud.clock.now() - row.get("oobm_alerted", -86400.0) >= 86400:
        row["oobm_alerted"] = cloud.clock.now()
        zone, cluster = cloud.table("zone").find(row["zone"]), cloud.table("cluster").find(row["cluster"])
        cloud.alert(
            29,
            "ALERT.OOBM.AUTHERROR",
            f"Out-of-band management auth-error detected for {row} in cluster [{cluster}] and zone [{zone}].",
        )


@command("changeOutOfBandManagementPassword", "password")
def change_password(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["hostid"])

    def work() -> dict:
        with cloud.lock:
            oobm = dict(_check_enabled(cloud, row))
        timeout = cloud.settings.number("outofbandmanagement.action.timeout")
        users = ipmitool(cloud, oobm, ["user", "list"], timeout)
        number = next(
            (line.split()[0] for line in (users.stdout or "").splitlines() if line.split()[1:2] == [oobm["username"]]),
            None,
        )
        if number is None:
            # as the real one: the whole command line, with the password in clear
            shown = f"/usr/bin/ipmitool -I lanplus -R 1 -v -H {oobm['address']} -p {oobm['port']} -U {oobm['username']} -P {oobm['password']} user list"  # noqa: E501
            reason = f"Failed to find IPMI user [{oobm['username']}] to change password. Command [{shown}], error [{users.stderr}]."  # noqa: E501
            raise failed(f"Failed to change out-of-band management password for {row} due to driver error: {reason}")
        new = given.get("password") or "".join(oobm["password"][::-1])
        done = ipmitool(cloud, oobm, ["user", "set", "password", number, new], timeout)
        if not done.ok:
            raise failed(f"Failed to change out-of-band management password for {row}: {done.stderr}")
        with cloud.lock:
            row["oobm"]["password"] = new
        return {"outofbandmanagement": {"hostid": row.uuid, "status": True}}

    return Work(work, ("Host", row.uuid), unlocked=True)


def off_above(cloud: Cloud, row: Record) -> str:
    """The level above the host at which out-of-band management is off: zone, cluster or nothing."""
    return next((table for table in ("zone", "cluster") if cloud.table(table).find(row[table]).get("oobm_off")), "")


def poll(cloud: Cloud) -> None:
    """The background look at every enabled host."""
    with cloud.lock:
        known = [row for row in cloud.table("host") if row.get("oobm") and row["oobm"]["enabled"]]
        for row in known:
            if off_above(cloud, row):
                row["oobm"]["powerstate"] = "Disabled"
        enabled = [(row, dict(row["oobm"])) for row in known if not off_above(cloud, row)]
        enabled = [(row, oobm) for row, oobm in enabled if oobm["driver"] == "ipmitool"]
    for row, oobm in enabled:
        result = ipmitool(
            cloud, oobm, ["chassis", "power", "status"], cloud.settings.number("outofbandmanagement.action.timeout")
        )
        with cloud.lock:
            if row.get("oobm") and row["oobm"]["enabled"]:
                row["oobm"]["powerstate"] = result.power if result.ok else "Unknown"
                if result.authentication_failed:
                    _auth_alert(cloud, row)
