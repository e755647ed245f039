# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts in CloudStack: reading records, waiting for a state, and addHost with what has to be asked after an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    Client,
    NoAnswer,
    Unreachable,
    patiently,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.add_host_error import cause
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_answer import objects_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_error import advice
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, KvmError

INTERVAL = 3.0  # seconds between two looks at a record
ALERTS = 100  # newest alerts that are read
# The server waits for the agent itself and gives up between two looks: the agent may come right after (seen).
GENERIC = "Cannot find the server resources"
REFUSED_BEFORE = (0, 401, 432)  # codes: no answer, bad key, role without the call. addHost has not even begun

HOST_KNOWS = (
    "read /var/log/cloudstack/agent/{setup.log,agent.log,agent.out} and the journal on the host, or let the role"
    " host_registration do it: it names the cause (module host_join_evidence, filter join_diagnosis)"
)

HostRecord = dict[str, Any]


def read_record(client: Client, ip_address: str, full: bool = False) -> Optional[HostRecord]:
    """The record of this address over all zones; `full` adds what costs the server more: names of parents, tags,
    details."""
    records = client.list("listHosts", "host", type="Routing", details="min")
    record = next((record for record in records if record.get("ipaddress") == ip_address), None)
    if record is None or not full:
        return record
    return next(iter(client.list("listHosts", "host", id=record["id"], details="all")), record)


def wait_for(
    client: Client, ip_address: str, seconds: float, ready: Callable[[HostRecord], bool]
) -> Optional[HostRecord]:
    """The record as soon as it is `ready`, or as it is after `seconds`; None if there is none by then."""
    deadline = client.clock.monotonic() + seconds
    while True:
        record = patiently(client, lambda: read_record(client, ip_address))
        if (record and ready(record)) or client.clock.monotonic() >= deadline:
            return record
        client.clock.sleep(INTERVAL)


def is_up(record: Optional[HostRecord]) -> bool:
    """Whether the agent of this record is connected and accepted."""
    return record is not None and record.get("state") == "Up"


def wait_up(client: Client, ip_address: str, seconds: float) -> Optional[HostRecord]:
    """The record as soon as it is Up, or as it is after `seconds`; None if there is none by then."""
    return wait_for(client, ip_address, seconds, is_up)


def add_host(client: Client, params: dict[str, Any], ip_address: str, up_timeout: float) -> tuple[HostRecord, str]:
    """addHost, once. Returns the record, Up, and "" or the error text that CloudStack gave although the host came Up.

    An error is not a proof of failure: the record is read again, for up to `up_timeout` seconds where it may still
    come. Where no answer of CloudStack came (a proxy gave up, a connection broke), for as long as the call itself might
    have taken. Raises ApiError with `details["join"]`: error, code, seconds, record, alerts.
    """
    started = client.clock.monotonic()
    lost = False
    try:
        client.call("addHost", **params)
        text, code = "", 200
    except NoAnswer as error:  # the longest call of all: a proxy may have given up on it while it goes on
        text, code, lost = str(error), 0, True
    except ApiError as error:
        if error.code in REFUSED_BEFORE:
            raise
        text, code = cause(error.text), error.code
    seconds = client.clock.monotonic() - started
    patience = up_timeout if lost or _may_come(text, seconds) else 0
    if lost:
        patience = max(up_timeout, client.access.timeout - seconds)
    record = _record_after(client, ip_address, patience, up_timeout)
    if record and is_up(record):
        return record, text
    text = text or "CloudStack reported success, but the host is not Up"
    raise _failed(client, ip_address, text, code, seconds, record)


def _record_after(client: Client, ip_address: str, patience: float, up_timeout: float) -> Optional[HostRecord]:
    """The record after addHost: waited for, and given `up_timeout` seconds to become Up once it is there."""
    try:
        record = wait_up(client, ip_address, patience)
        return wait_up(client, ip_address, up_timeout) if record and not is_up(record) else record
    except (NoAnswer, Unreachable) as error:
        error.host = ip_address
        error.observed = f"{error.observed}; addHost was sent before, and the host may join meanwhile"
        raise


def _may_come(text: str, seconds: float) -> bool:
    """Success, or the generic error after a real wait (the same sentence comes at once for a wrong cluster)."""
    return (
        not text or (GENERIC in text and seconds > 30) or "is already in the database" in text or "host_details" in text
    )


def _failed(
    client: Client, ip_address: str, text: str, code: int, seconds: float, record: Optional[HostRecord]
) -> ApiError:
    error = ApiError(
        "the host did not join",
        code=code,
        text=text,
        host=ip_address,
        expected="a host that is Up",
        observed=f"{code} {text}" if code else text,
        next_step=advice(code) if code == 431 else HOST_KNOWS,
    )
    alerts = alerts_of(client, ip_address, record)
    error.details = {
        "join": {"error": text, "code": code, "seconds": round(seconds), "record": short(record), "alerts": alerts}
    }
    return error


def short(record: Optional[HostRecord]) -> Optional[HostRecord]:
    """What is worth telling of a record."""
    return record and {key: record.get(key) for key in ("id", "name", "state", "resourcestate", "zoneid", "clusterid")}


def alerts_of(client: Client, ip_address: str, record: Optional[HostRecord]) -> list[str]:
    """Alerts that may concern this host, newest first. The one for a missing network names no host at all."""
    try:
        listed = objects_of(client.call("listAlerts", page=1, pagesize=ALERTS), "alert")
    except KvmError:
        return []
    marks = [ip_address, "Incorrect Network setup on agent"] + (
        [f"name: {record['name']} ", str(record["id"])] if record else []
    )
    texts = [str(alert.get("description")) for alert in listed]
    return list(dict.fromkeys(text for text in texts if any(mark in text for mark in marks)))[:5]
