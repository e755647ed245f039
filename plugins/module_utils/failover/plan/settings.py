# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must change so that the declared settings hold, each where CloudStack reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import read_value
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import (
    CLUSTER,
    GLOBAL,
    SETTINGS,
    ZONE,
    Setting,
    Value,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import CASES
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import timing_mapping
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import all_cases

Record = Mapping[str, Any]


def plan_settings(current: Mapping[str, Record], *, wanted: Mapping[str, Value], zone: Record, cluster: Record) -> Plan:
    """The calls that make the settings `wanted`, and no others. `current` are the records of listConfigurations by
    name; `zone` and `cluster` have id and name. Raises InputError for a setting that the server does not have.
    """
    missing = [name for name in wanted if name not in current]
    if missing:
        raise InputError(
            "this CloudStack does not have all settings of a failover",
            expected="those of CloudStack 4.22",
            observed=f"not there: {', '.join(missing)}",
            next_step="compare the version of the management server with docs/support.md",
        )
    places = {ZONE: zone, CLUSTER: cluster}
    return Plan.of(
        _change(name, SETTINGS[name], current[name], value, places.get(SETTINGS[name].counts))
        for name, value in sorted(wanted.items())
    )


def _change(name: str, setting: Setting, record: Record, wanted: Value, place: Any) -> Any:
    if _same(name, record.get("value"), wanted):
        return None
    scope = {f"{setting.counts}id": place["id"]} if place else {}
    where = f"{setting.counts} {place['name']}" if place else GLOBAL
    call = {
        "command": "updateConfiguration",
        "params": {"name": name, "value": as_text(wanted), **scope},
        "is_async": False,
    }
    before, after = record.get("value"), as_text(wanted)
    return Change("update", f"setting {name} ({where})", before={"value": before}, after={"value": after}, data=call)


def _same(name: str, text: Any, wanted: Value) -> bool:
    """CloudStack keeps numbers and booleans as they were typed; one that cannot be used is always another."""
    try:
        return read_value(name, text) == wanted
    except InputError:
        return False


def as_text(value: Value) -> str:
    """The value as CloudStack writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings_result(values: Mapping[str, Value]) -> dict[str, Value]:
    """What the module returns of the settings: those of CloudStack, without the keys of agents."""
    return {name: value for name, value in values.items() if name in SETTINGS}


def conflicts(declared: Sequence[Mapping[str, Any]]) -> list[str]:
    """What clusters declare differently although it counts for all of them, in words. `declared` has `cluster`, `zone`,
    `api` (which CloudStack) and `settings`, the declared values by name, of each cluster.
    """
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for each in declared:
        for name, value in each["settings"].items():
            counts = SETTINGS[name].counts
            if counts != CLUSTER:
                place = (name, str(each["api"]), str(each["zone"]) if counts == ZONE else "")
                found.setdefault(place, {}).setdefault(as_text(value), []).append(str(each["cluster"]))
    return [_conflict(place[0], values) for place, values in sorted(found.items()) if len(values) > 1]


def _conflict(name: str, values: Mapping[str, Sequence[str]]) -> str:
    said = ", ".join(f"{value} for {' and '.join(clusters)}" for value, clusters in sorted(values.items()))
    where = "the whole zone" if SETTINGS[name].counts == ZONE else "all clusters of this CloudStack"
    return (
        f"{name} counts for {where}. Expected: one value. Observed: {said}. Nothing was changed. Next: declare one"
        " value of it in failover_settings of all of them, or one failover_profile."
    )


def needs_restart(plan: Plan) -> list[str]:
    """The changed settings that are read only when the management servers start."""
    names = [change.data["params"]["name"] for change in plan]
    return [name for name in names if SETTINGS[name].restart]


def summary(times: Mapping[str, Any]) -> list[str]:
    """A line for each case: when a host is fenced and its guests are back, before and after. `times` is what
    timing_result returned."""
    before, after = times["before"], times["after"]
    return [f"{case}: {_told(before[case])} -> {_told(after[case])}" for case in CASES]


def _told(timing: Mapping[str, Any]) -> str:
    fenced, back, gives_up = (timing[key] for key in ("fenced_at", "guests_at", "gives_up_at"))
    if fenced is None:
        return "never fenced"
    if back is None:
        return f"fenced after {fenced} s, guests never back (given up after {gives_up} s)"
    return f"fenced after {fenced} s, guests back after {back} s"


def timing_result(before: Mapping[str, Value], after: Mapping[str, Value], guests: int) -> dict[str, Any]:
    """The time to failover by case, before and after."""
    return {
        when: {name: timing_mapping(each) for name, each in all_cases(values, guests=guests).items()}
        for when, values in (("before", before), ("after", after))
    }
