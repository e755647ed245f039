# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Host HA through the API: reading it with what it depends on, and switching it until it is as it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Client, patiently
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import read_record
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import (
    AVAILABLE,
    DISABLED,
    FENCED,
    HaHost,
    Scope,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.host_ha import ha_host
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import (
    find_obstacles,
    not_available,
    plan_host_ha,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

# The server's first pass over a host that was just configured switches HA off again, silently (seen; F62). One more
# enabling has always been enough; what still undoes it is something else.
TRIES = 3
Entry = dict[str, Any]


def read_ha_host(client: Client, ip_address: str) -> Optional[HaHost]:
    """The host of this address; None if CloudStack has none."""
    record = read_record(client, ip_address)
    if record is None:
        return None
    return _with_surroundings(client, [record], {"zoneid": record["zoneid"]})[0]


def read_ha_hosts(client: Client, **within: str) -> list[HaHost]:
    """All hosts of a zone or cluster (zoneid, clusterid), or of all zones, by address."""
    records = client.list("listHosts", "host", type="Routing", details="min", **within)
    zone = {name: value for name, value in within.items() if name == "zoneid"}
    return sorted(_with_surroundings(client, records, zone), key=lambda host: host.address)


def _with_surroundings(client: Client, records: list[Entry], zone: dict[str, Any]) -> list[HaHost]:
    """These hosts with their zones, clusters, neighbours and pools."""
    hosts = client.list("listHosts", "host", type="Routing", details="min", **zone)
    pools = client.list("listStoragePools", "storagepool", **zone)
    zones = {each["id"]: each for each in client.list("listZones", "zone")}
    clusters = {each["id"]: each for each in client.list("listClusters", "cluster", **zone)}
    return [
        ha_host(each, zones.get(each.get("zoneid"), {}), clusters.get(each.get("clusterid"), {}), hosts, pools)
        for each in records
    ]


def carry_out(client: Client, plan: Plan, enabled: bool, provider: str, host: HaHost, seconds: float) -> HaHost:
    """Apply the plan and wait until host HA is as wanted; returns the host as it is then. Raises ApiError."""

    def replan() -> Plan:
        return plan_host_ha(enabled, provider, _now(client, host))

    apply_calls(client, plan, replan)
    tries = 1 if plan else 0
    host = _wait_available(client, host, seconds, tries) if enabled else _wait_disabled(client, host, seconds)
    return read_ha_host(client, host.address) or host


def _now(client: Client, host: HaHost) -> HaHost:
    """The host with what listHosts says of it now."""
    records = patiently(client, lambda: client.list("listHosts", "host", id=host.id, details="min"))
    if not records:
        raise ApiError(
            "the host is gone",
            host=host.address,
            expected="the host that the run began with",
            observed=f"CloudStack has no host {host.id} any more",
            next_step="see who removed it, then run again",
        )
    now = ha_host(records[0], {}, {}, (), ())
    return replace(
        now, neighbours=host.neighbours, zone=host.zone, cluster=host.cluster, pools=host.pools, address=host.address
    )


def _wait_available(client: Client, host: HaHost, seconds: float, tries: int) -> HaHost:
    """Until the state is Available. HA that was switched off again meanwhile is enabled again, at most TRIES times in
    all; `tries` are those that were made before."""
    end = client.clock.monotonic() + seconds
    while True:
        host = _now(client, host)
        if host.enabled and host.ha_state == AVAILABLE:
            return host
        if client.clock.monotonic() >= end or _is_final(host) or (not host.enabled and tries >= TRIES):
            raise not_available(read_ha_host(client, host.address) or host, seconds, tries)
        if not host.enabled:
            client.job("enableHAForHost", hostid=host.id)
            tries += 1
        client.clock.sleep(client.access.poll_interval)


def _is_final(host: HaHost) -> bool:
    """Whether waiting leads nowhere: fenced, or something that CloudStack does not mend by itself is in the way."""
    return host.ha_state == FENCED or (host.enabled and bool(find_obstacles(host)))


def _wait_disabled(client: Client, host: HaHost, seconds: float) -> HaHost:
    """Until it is off and CloudStack does nothing to the host any more: the job may end while a reset still runs."""
    end = client.clock.monotonic() + seconds
    while True:
        host = _now(client, host)
        if not host.enabled and host.ha_state == DISABLED:
            return host
        if client.clock.monotonic() >= end:
            raise ApiError(
                "host HA is not off",
                host=host.address,
                expected=f"state Disabled within {seconds:.0f} s",
                observed=f"state {host.ha_state}, {'enabled' if host.enabled else 'not enabled'}",
                next_step="do not begin work on the host or its BMC; see who enables it (listEvents), then run again",
            )
        client.clock.sleep(client.access.poll_interval)


def wait_scope(
    client: Client, scope: Scope, scope_id: str, enabled: bool, seconds: float, look: Callable[[], Scope]
) -> None:
    """Until `look` finds the switch of a zone or cluster as wanted and, where it is off, no host there is watched.

    The job that switches it off says success=false although it worked (seen), so that only reading back tells. Raises
    ApiError.
    """
    end = client.clock.monotonic() + seconds
    while True:
        done = patiently(client, look).ha == enabled
        watched = [] if enabled else patiently(client, lambda: _watched(client, {f"{scope.kind}id": scope_id}))
        if done and not watched:
            return
        if client.clock.monotonic() >= end:
            raise _not_switched(scope, enabled, seconds, watched)
        client.clock.sleep(client.access.poll_interval)


def _watched(client: Client, within: dict[str, str]) -> list[str]:
    """Names of the hosts to which CloudStack may do something."""
    records = client.list("listHosts", "host", type="Routing", details="min", **within)
    return sorted(
        str(each.get("name")) for each in records if (each.get("hostha") or {}).get("hastate", DISABLED) != DISABLED
    )


def _not_switched(scope: Scope, enabled: bool, seconds: float, watched: list[str]) -> ApiError:
    word = "on" if enabled else "off"
    return ApiError(
        f"host HA of the {scope.kind} {scope.name} is not {word}",
        expected=f"{word} within {seconds:.0f} s" + ("" if enabled else ", and no host that CloudStack watches"),
        observed=f"still watched: {', '.join(watched)}" if watched else f"CloudStack does not show it as {word}",
        next_step=("" if enabled else "do not begin the work; ") + "see who switches it (listEvents), then run again",
    )
