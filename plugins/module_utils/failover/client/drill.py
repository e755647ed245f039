# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A drill while it goes on: watching CloudStack until the end, and bringing the host back afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client import host_ha, host_states
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Client, patiently
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import read_record
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import HaHost
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import plan_host_ha, provider_for
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_state import plan_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import BACK, WATCHED, Drill, Seen
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan import host_return
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timeline import add, add_gap, ended

INTERVAL = 1.0  # seconds between two looks: an activity check is over after one or two
# Seconds after which a BMC that was told to power the host on is told again.
POWER_AGAIN = 60.0


def watch(client: Client, file: DrillFile) -> Drill:
    """Look at host and guest until there is nothing more to wait for; each change is on the disk at once. Raises
    ApiError where CloudStack does not answer for minutes.
    """
    drill = file.need()
    last = drill.seen[-1].at if drill.seen else 0.0
    while True:
        seen = _look_patiently(client, drill)
        now = seen.at
        changed = add(add_gap(drill, last, now), seen)
        if ended(changed, now):
            changed = replace(changed, stage=WATCHED)
        if changed is not drill:
            file.save(changed)
        drill, last = changed, now
        if drill.stage == WATCHED:
            return drill
        client.clock.sleep(INTERVAL)


def _look_patiently(client: Client, drill: Drill) -> Seen:
    return patiently(client, lambda: look(client, drill))


def look(client: Client, drill: Drill) -> Seen:
    """Host and guest as CloudStack shows them now."""
    host = read_record(client, drill.address) or {}
    guest: dict[str, Any] = {}
    if drill.canary is not None:
        listed = client.list("listVirtualMachines", "virtualmachine", id=drill.canary.id, listall="true")
        guest = listed[0] if listed else {}
    return Seen(
        at=round(client.clock.now().timestamp() - drill.failed_at, 1),
        state=str(host.get("state") or ""),
        resource_state=str(host.get("resourcestate") or ""),
        ha_state=str((host.get("hostha") or {}).get("hastate") or ""),
        power=str((host.get("outofbandmanagement") or {}).get("powerstate") or ""),
        guest_state=str(guest.get("state") or ""),
        guest_host=str(guest.get("hostname") or ""),
        guest_updated=str(guest.get("lastupdated") or ""),
    )


def bring_back(client: Client, file: DrillFile, seconds: float) -> Drill:
    """Until the host is Up, Enabled and Available, as it was before. Raises ApiError after so many seconds."""
    drill = file.need()
    begun = client.clock.monotonic()
    waiting_since, powered_at = begun, begun - POWER_AGAIN
    while True:
        now = client.clock.monotonic()
        host = _host_patiently(client, drill)
        step = host_return.next_step(drill, host, now - waiting_since)
        if step == host_return.DONE:
            drill = replace(drill, stage=BACK)
            file.save(drill)
            return drill
        if now - begun >= seconds:
            raise host_return.not_back(host, seconds)
        if step == host_return.POWER_ON:
            waiting_since = now
            if now - powered_at >= POWER_AGAIN:
                _power(client, host, step)
                powered_at = now
        elif step == host_return.RESET:
            drill = replace(drill, was_reset=True)
            file.save(drill)  # before it is sent: it is not sent twice
            _power(client, host, step)
            waiting_since = now
        else:
            _carry_out(client, step, host, max(seconds - (now - begun), 1.0))
        client.clock.sleep(INTERVAL)


def _host_patiently(client: Client, drill: Drill) -> HaHost:
    return patiently(client, lambda: _host(client, drill))


def _host(client: Client, drill: Drill) -> HaHost:
    host: Optional[HaHost] = host_ha.read_ha_host(client, drill.address)
    if host is None:
        raise ApiError(
            "the host of the drill is gone",
            host=drill.host,
            expected=f"the host {drill.address} in CloudStack",
            observed="CloudStack has none of this address",
            next_step="see who removed it (listEvents), and add it again",
        )
    return host


def _power(client: Client, host: HaHost, action: str) -> None:
    """Through CloudStack, which has the account of the BMC. One that refuses now is told again later."""
    try:
        client.job("issueOutOfBandManagementPowerAction", hostid=host.id, action=action)
    except ApiError as error:
        if not error.code:
            raise


def _carry_out(client: Client, step: str, host: HaHost, seconds: float) -> None:
    if step == host_return.ENABLE:
        record = read_record(client, host.address) or {}
        host_states.carry_out(client, plan_state("enabled", host.address, record), host.address, seconds)
    elif step == host_return.HOST_HA:
        provider = provider_for(host)
        plan = plan_host_ha(True, provider, host)
        host_ha.carry_out(client, plan, True, provider, host, seconds)
