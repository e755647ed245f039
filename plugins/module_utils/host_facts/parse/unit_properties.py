# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`systemctl show UNIT... -p Id,Names,...` into properties by every name of a unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import whole
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.daemon import Moment, UnitState

SOURCE = "systemctl show"
# Which units are which time service; chronyd and ntpd are the names of Enterprise Linux, or aliases.
TIME_SERVICES = {
    "chrony.service": "chrony",
    "chronyd.service": "chrony",
    "systemd-timesyncd.service": "systemd-timesyncd",
    "ntp.service": "ntp",
    "ntpd.service": "ntp",
    "ntpsec.service": "ntp",
}


def parse_unit_properties(text: str) -> dict[str, dict[str, str]]:
    """Unit -> property -> value, under its id and its aliases. Raises ParseError."""
    found: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            values = {}
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise ParseError(SOURCE, "no property", line=number, text=line)
        values[key] = value
        if key in ("Id", "Names"):
            found.update(dict.fromkeys(value.split(), values))
    return found


def parse_units(text: str, asked: Iterable[str]) -> dict[str, dict[str, str]]:
    """unit -> load, active, sub, unit_file (LoadState, ActiveState, SubState, UnitFileState).

    The keys are the names that were asked for: chronyd.service may be an alias of chrony.service, whose Id would be
    told. Raises ParseError where there is not one unit: systemctl also ends with 0 when it did not ask at all, as in a
    chroot."""
    wanted = {"load": "LoadState", "active": "ActiveState", "sub": "SubState", "unit_file": "UnitFileState"}
    units = parse_unit_properties(text)
    if not units:
        raise ParseError(SOURCE, "no unit", text=text)
    return {name: {short: units[name].get(key, "") for short, key in wanted.items()} for name in asked if name in units}


def running_time_services(text: str) -> str:
    """chrony, systemd-timesyncd, ntp or none; several are joined with a comma. Raises ParseError."""
    units = parse_unit_properties(text)
    if not units:
        raise ParseError(SOURCE, "no unit at all", text=text)
    running = {
        service
        for unit, service in TIME_SERVICES.items()
        if units.get(unit, {}).get("ActiveState") in ("active", "reloading")
    }
    return ", ".join(sorted(running)) or "none"


def parse_unit_list(text: str) -> list[str]:
    """`systemctl list-units --plain --no-legend` -> names of units, sorted."""
    return sorted(line.split()[0] for line in text.splitlines() if line.strip())


def agent_unit(text: str, name: str) -> dict[str, Any]:
    """active and enabled as systemd calls them, not-found for a unit that is not there, and restarts. Raises
    ParseError."""
    values = parse_unit_properties(text).get(name)
    if values is None or "ActiveState" not in values:
        raise ParseError(SOURCE, f"no state of {name}", text=text)
    if values.get("LoadState") == "not-found":
        return {"active": "not-found", "enabled": "not-found", "restarts": 0}
    restarts = values.get("NRestarts", "")
    number = int(restarts) if restarts.isascii() and restarts.isdecimal() and len(restarts) < 16 else None
    return {"active": values["ActiveState"], "enabled": values.get("UnitFileState", ""), "restarts": number}


def unit_state(values: Mapping[str, str]) -> UnitState:
    """The properties of one unit -> UnitState. Raises ParseError."""
    return UnitState(
        name=values.get("Id", ""),
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        unit_file=values.get("UnitFileState", ""),
        reload_needed=values.get("NeedDaemonReload") == "yes",
        started=_started(values),
    )


def _started(values: Mapping[str, str]) -> Optional[Moment]:
    """When the main process was started; systemd was asked with TZ=UTC. A unit without one (a socket, or never started)
    has no time."""
    text, monotonic = values.get("ExecMainStartTimestamp", ""), values.get("ExecMainStartTimestampMonotonic", "")
    if text in ("", "n/a") or monotonic in ("", "0"):
        return None
    # Not strptime: the name of the weekday is that of the locale.
    found = re.fullmatch(r"(?:\S+ )?(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) UTC", text)
    if not found or not monotonic.isdecimal():
        raise ParseError(SOURCE, "not a time", text=f"{text} {monotonic}")
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        stamp = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except ValueError as error:  # the 13th month
        raise ParseError(SOURCE, f"not a time: {error}", text=text) from None
    return Moment(stamp, whole(monotonic, SOURCE) / 1_000_000)
