# SPDX-License-Identifier: GPL-3.0-or-later
"""A healthy cluster as high availability sees it, and edits of it: rows of tests/fixtures/failover/staged.yml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.bmc_look import look_at, with_look
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.site import usable
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import declared_settings, read_agent_keys
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import SETTINGS, full
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Guest, HaHost, HaPool, Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import Readiness, readiness
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import KeptFacts

from tests import cluster_profiles
from tests.yaml_files import read_yaml

GIB = 2**30
ROWS = read_yaml(Path(__file__).parent / "fixtures" / "failover" / "staged.yml")
NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
# In the pre-flight's healthy cluster the BMCs are on the management network, as in the lab.
OWN_NETWORK = {
    f"host{number}": {"declared.oobm_address": f"203.0.113.{number}", "facts.bmc.address": f"203.0.113.{number}"}
    for number in (1, 2, 3)
}
MEMORY = ("memory", "memory_used")  # the rows have GiB


def healthy() -> Site:
    """Three hosts with Host HA Available, two guests each, one NFS pool, the settings of the profile fast."""
    hosts = tuple(_host(f"host{number}") for number in (1, 2, 3))
    guests = tuple(_guest(f"vm{number + 1}", f"host{number // 2 + 1}") for number in range(6))
    declared = full(declared_settings("fast", {}))
    settings = {name: value for name, value in declared.items() if name in SETTINGS}
    return Site("zone1", "cluster1", hosts=hosts, guests=guests, pools=(HaPool("primary"),), settings=settings)


def _host(name: str) -> HaHost:
    return HaHost(
        name,
        oobm_enabled=True,
        oobm_driver="ipmitool",
        oobm_address=f"203.0.113.{name[4:]}",
        oobm_port="623",
        power_state="On",
        ha_enabled=True,
        ha_state="Available",
        ha_provider="kvmhaprovider",
        cpu=32000,
        cpu_used=8000,
        memory=64 * GIB,
        memory_used=16 * GIB,
    )


def _guest(name: str, host: str) -> Guest:
    return Guest(name, host, ha=True, offering="large", cpu=4000, memory=8 * GIB, pools=("primary",))


def edited(row: Mapping[str, Any]) -> Site:
    """The healthy cluster with what a row changes. `stored` are settings as CloudStack stores them, as texts."""
    site = healthy()
    hosts = _changed(site.hosts, row.get("hosts", {}), _host)
    guests = _changed(site.guests, row.get("guests", {}), lambda name: _guest(name, ""))
    pools = _changed(site.pools, row.get("pools", {}), HaPool)
    stored, invalid = usable({name: {"value": text} for name, text in row.get("stored", {}).items()})
    kept = {name: value for name, value in site.settings.items() if name not in invalid}
    settings = {**kept, **stored, **row.get("settings", {})}
    return replace(
        site,
        hosts=tuple(each for each in hosts if each.name not in row.get("drop_hosts", ())),
        guests=tuple(each for each in guests if each.name not in row.get("drop_guests", ())),
        pools=tuple(pools),
        settings={name: value for name, value in settings.items() if value is not None},
        invalid=invalid,
        **{name: tuple(value) if isinstance(value, list) else value for name, value in row.get("site", {}).items()},
    )


def judged(row: Mapping[str, Any]) -> tuple[Site, Readiness]:
    """What the checks say of it. `bmc` edits what the last pre-flight has kept (tests/cluster_profiles.py), `agent` is
    declared of agent.properties, and `age` is the pre-flight's in days.
    """
    site = edited(row)
    if "bmc" in row:
        seen = cluster_profiles.healthy(members=3, candidates=0).edit(OWN_NETWORK).edit(row["bmc"] or {})
        kept = KeptFacts("run", NOW - timedelta(days=row.get("age", 0)), tuple(seen.profiles()), seen.intent())
        site = with_look(_as_declared(site, seen.profiles(), row), look_at(kept, site.hosts, NOW))
    return site, readiness(site, read_agent_keys(row.get("agent", {})))


def _as_declared(site: Site, profiles: Iterable[Profile], row: Mapping[str, Any]) -> Site:
    """With the BMCs in CloudStack that the inventory declares, unless the row says otherwise."""
    addresses = {each.name: each.declared.get("oobm_address") for each in profiles}
    own = {name: change["oobm_address"] for name, change in row.get("hosts", {}).items() if "oobm_address" in change}
    configured = {**addresses, **own}
    return replace(site, hosts=tuple(replace(each, oobm_address=configured.get(each.name, "")) for each in site.hosts))


def _changed(values: Any, changes: Mapping[str, Any], make: Any) -> list[Any]:
    named = {each.name: each for each in values}
    for name, change in changes.items():
        if change is None:
            named.pop(name)
        else:
            named[name] = replace(named.get(name) or make(name), **_read(change))
    return list(named.values())


def _read(change: Mapping[str, Any]) -> dict[str, Any]:
    read = {}
    for key, value in change.items():
        value = value * GIB if key in MEMORY else value
        read[key] = (
            tuple(tuple(each) if isinstance(each, list) else each for each in value)
            if isinstance(value, list)
            else value
        )
    return read


def hundred() -> tuple[Site, Readiness]:
    """A hundred hosts, three of which are not well: for the report."""
    hosts = {f"host{number}": {} for number in range(1, 101)}
    guests = {f"vm{number}": {"host": f"host{(number - 1) // 2 + 1}"} for number in range(1, 201)}
    hosts["host17"] = {"power_state": "Unknown", "oobm_driver": "redfish"}
    hosts["host30"] = {"ha_enabled": False, "ha_provider": "", "ha_state": "Disabled"}
    guests["vm127"]["ha"] = False  # on host64
    return judged({"hosts": hosts, "guests": guests})
