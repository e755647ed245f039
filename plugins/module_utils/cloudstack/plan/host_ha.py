# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted, host) -> plan for host HA, and what each of its states means to an operator.

Which hosts are eligible: KVMHAProvider.java:49-57. States and their order: HAConfig.java:64-145.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import (
    AVAILABLE,
    DISABLED,
    FENCED,
    INELIGIBLE,
    PROVIDERS,
    WITH_HEARTBEAT,
    HaHost,
    Reason,
    Scope,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

POWERED = ("On", "Off")  # power states that only a BMC that answers can have
MAINTENANCE = ("Maintenance", "PrepareForMaintenance", "ErrorInMaintenance", "ErrorInPrepareForMaintenance")
OOBM_PLAYBOOK = "ansible-playbook cloudstack.kvm.configure_oobm"
ENABLE = "ansible-playbook cloudstack.kvm.enable_ha"
LOG = "/var/log/cloudstack/management/management-server.log"

# The states that CloudStack goes through by itself once a health check has failed: what it means, what to do.
FAILING = {
    "Suspect": (
        "its health check fails: neither the agent nor a neighbour that reads its heartbeat finds it alive; CloudStack"
        " collects activity checks now (kvm.ha.activity.check.interval, .max.attempts)",
        "look at the host (systemctl status cloudstack-agent, the management network, the mount of primary storage);"
        " once it answers, the state is Available again",
    ),
    "Checking": (
        "its health check fails, and a neighbour looks right now whether its guests still write to their disks",
        "wait for the outcome; meanwhile look at the host (systemctl status cloudstack-agent)",
    ),
    "Degraded": (
        "its health check fails, but too few activity checks failed (kvm.ha.activity.check.failure.ratio) to"
        " recover it: its guests seem to write. A host without guests always passes for active and is never fenced",
        "repair the agent or the management network of the host; if the host is really dead, power it off and declare"
        " it as degraded (declareHostAsDegraded), so that its guests start elsewhere",
    ),
    "Recovering": (
        "CloudStack resets it through its BMC now",
        "keep away from the host; if this lasts, the BMC does not carry out the reset: see the power state and " + LOG,
    ),
    "Recovered": (
        "CloudStack has reset it through its BMC and waits for it (kvm.ha.recover.wait.period)",
        "wait until the host has started and its agent is connected; find out why it failed",
    ),
    "Fencing": (
        "CloudStack powers it off through its BMC; its guests do not start elsewhere before that has worked",
        "if this lasts, the BMC does not answer or refuses (Redfish refuses a host that is off already): make sure that"
        " the host is off, then declare it as degraded (declareHostAsDegraded)",
    ),
}  # fmt: skip


def provider_for(host: HaHost) -> str:
    """The provider of the host's hypervisor; empty where CloudStack has none."""
    return PROVIDERS.get(host.hypervisor, "")


def plan_host_ha(enabled: bool, provider: str, host: HaHost) -> Plan:
    """What makes host HA of this host as wanted.

    A host that was fenced and is back is switched off and on, and not waited for until its first good health check
    leads out of that state.
    """
    if not enabled:
        return Plan.of([_switch(host, False) if host.enabled else None])
    back = host.enabled and host.ha_state == FENCED and host.state == "Up" and host.resource_state == "Enabled"
    configure = None if host.provider.lower() == provider.lower() else _configure(host, provider)
    off = _switch(host, False) if back else None
    on = _switch(host, True) if back or not host.enabled else None
    return Plan.of([configure, off, on])


def _configure(host: HaHost, provider: str) -> Change:
    return Change(
        "configure",
        f"host HA of {host.address}",
        before={"provider": host.provider},
        after={"provider": provider},
        data={
            "command": "configureHAForHost",
            "params": {"hostid": host.id or None, "provider": provider},
            "is_async": True,
        },
    )


def _switch(host: HaHost, enabled: bool) -> Change:
    verb = "enable" if enabled else "disable"
    return Change(
        verb,
        f"host HA of {host.address}",
        before={"enabled": not enabled},
        after={"enabled": enabled},
        data={"command": f"{verb}HAForHost", "params": {"hostid": host.id or None}, "is_async": True},
    )


def plan_scope(scope: Scope, scope_id: Optional[str], enabled: bool) -> Plan:
    """What makes the switch of a zone or cluster as wanted."""
    if scope.ha == enabled:
        return Plan()
    verb = "enable" if enabled else "disable"
    change = Change(
        verb,
        f"host HA of {scope.kind} {scope.name}",
        before={"enabled": scope.ha},
        after={"enabled": enabled},
        data={
            "command": f"{verb}HAFor{scope.kind.capitalize()}",
            "params": {f"{scope.kind}id": scope_id},
            "is_async": True,
        },
    )
    return Plan.of([change])


def find_obstacles(host: HaHost) -> list[Reason]:
    """What keeps the state from being Available, the nearest cause first; empty where nothing of it is seen."""
    if not provider_for(host):
        return [
            Reason(
                f"hypervisor {host.hypervisor or 'unknown'}, for which CloudStack has no provider of host HA",
                "leave host HA off for this host: CloudStack has it for KVM only",
            )
        ]
    power = _oobm_obstacles(host) if provider_for(host) == PROVIDERS["KVM"] else ()
    return [*_switches(host), *power, *_service_obstacles(host)]


def _switches(host: HaHost) -> Iterator[Reason]:
    for scope in host.scopes:
        if not scope.ha:
            yield Reason(
                f"host HA is off for the {scope.kind} {scope.name}",
                f"switch it on there (module ha_scope, or enableHAFor{scope.kind.capitalize()}), then run again",
            )


def _oobm_obstacles(host: HaHost) -> Iterator[Reason]:
    """Host HA resets and powers off through the BMC, so that it needs out-of-band management that works."""
    if not host.oobm_driver:
        yield Reason(
            "out-of-band management is not configured, and HA resets and fences through the BMC",
            f"declare the BMC (oobm_address) and run {OOBM_PLAYBOOK}",
        )
        return
    if not host.oobm_enabled:
        yield Reason("out-of-band management is disabled for the host", f"run {OOBM_PLAYBOOK}")
        return
    for scope in host.scopes:
        if not scope.oobm:
            yield Reason(
                f"out-of-band management is off for the {scope.kind} {scope.name}",
                f"switch it on there (enableOutOfBandManagementFor{scope.kind.capitalize()}), then run again",
            )
    if host.power_state not in (*POWERED, DISABLED):  # Disabled: until the first look at the BMC
        yield _no_power_state(host)


def _no_power_state(host: HaHost) -> Reason:
    return Reason(
        f"power state {host.power_state}: the BMC does not answer CloudStack, so that the host could not be fenced",
        f"repair the way from the management servers to the BMC or its account, run {OOBM_PLAYBOOK}, then run again",
    )


def _service_obstacles(host: HaHost) -> Iterator[Reason]:
    if host.resource_state in MAINTENANCE:
        yield Reason(
            f"the host is in maintenance (resource state {host.resource_state})",
            "take it out of maintenance (module host, state enabled), then run again",
        )
    elif host.resource_state == "Disabled":
        yield Reason("the host is disabled", "enable it (module host, state enabled), then run again")
    elif host.resource_state == "Degraded":
        yield Reason(
            "the host is declared as degraded",
            "repair it and take the declaration back (module host, state enabled), then run again",
        )
    if host.state != "Up":
        yield Reason(
            f"the host is {host.state or 'in no state'}, not Up",
            "bring its agent back (systemctl status cloudstack-agent), then run again",
        )
    if provider_for(host) == PROVIDERS["KVM"] and not host.neighbours:
        yield Reason(
            f"no other host of the cluster {host.cluster.name} is Up, and only a neighbour can say whether this one is"
            " dead",
            "add a second host to the cluster, or bring one back, then run again",
        )


def find_limits(host: HaHost) -> list[Reason]:
    """What host HA will not do although its state is Available."""
    return [*_storage_limits(host), *_guest_limits(host), *_power_limits(host)]


def _storage_limits(host: HaHost) -> Iterator[Reason]:
    if provider_for(host) != PROVIDERS["KVM"]:
        return
    usable = [name for name, kind, state in host.pools if kind in WITH_HEARTBEAT and state == "Up"]
    if usable:
        return
    seen = ", ".join(f"{name} ({kind}, {state})" for name, kind, state in host.pools) or "none that is shared"
    yield Reason(
        f"no primary storage with a heartbeat is Up for the cluster {host.cluster.name}; observed: {seen}. Neighbours"
        " cannot tell a dead host from one that cannot be reached",
        f"add primary storage of a type with a heartbeat ({', '.join(WITH_HEARTBEAT[:2])}) to the cluster",
    )


def _guest_limits(host: HaHost) -> Iterator[Reason]:
    for scope in host.scopes:
        if not scope.guests:
            yield Reason(
                f"the {scope.kind} {scope.name} is disabled (allocation state): guests of a dead host find no other"
                " host",
                f"enable the {scope.kind} (module {scope.kind}, allocation_state Enabled)",
            )


def _power_limits(host: HaHost) -> Iterator[Reason]:
    if provider_for(host) != PROVIDERS["KVM"] or not host.enabled:
        return
    if host.power_state not in POWERED and host.oobm_enabled:
        yield _no_power_state(host)
    if host.oobm_driver == "redfish":
        yield Reason(
            "the BMC is used through redfish, whose OFF is a shutdown that a hung system ignores, and that fails for a"
            " host that is off already",
            "use the driver ipmitool where the BMC has IPMI over LAN (oobm_driver)",
        )


def explain(host: HaHost) -> Reason:
    """What the present state of host HA means, with the thing that is missing."""
    if host.ha_state == AVAILABLE and host.enabled:
        return Reason("host HA watches the host", "nothing")
    if host.ha_state in FAILING:
        return Reason(*FAILING[host.ha_state])
    if host.ha_state == FENCED:
        return _fenced(host)
    obstacles = find_obstacles(host)
    if not host.enabled:
        return Reason(
            "host HA is not enabled for the host" + ("" if host.provider else ", and has no provider"),
            f"run {ENABLE}",
        )
    if obstacles:
        return Reason("; ".join(each.observed for each in obstacles), "; ".join(each.next_step for each in obstacles))
    return _unexplained(host)


def _fenced(host: HaHost) -> Reason:
    seen = (
        "CloudStack has powered the host off through its BMC and put it into maintenance, because it did not recover;"
        f" the host is {host.state} and {host.resource_state} now"
    )
    return Reason(
        seen,
        "find out why it failed, power it on, wait until it is Up, take it out of maintenance (module host, state"
        f" enabled), then run {ENABLE}, which switches HA off and on: CloudStack does not do so by itself",
    )


def _unexplained(host: HaHost) -> Reason:
    if host.ha_state == INELIGIBLE:
        return Reason(
            "CloudStack finds the host not eligible, and nothing that it shows says why: a check that ends in an error"
            " has the same effect",
            f"look for the host in {LOG} (KVMHAProvider), then run again",
        )
    if host.ha_state == DISABLED:
        return Reason(
            "enabled, but the management server has not taken it up yet, which it does in each round of"
            " outofbandmanagement.background.task.execution.interval (4 s)",
            f"run again; if it stays so, see {LOG} (HAManagerImpl) of the management server that owns the host",
        )
    return Reason(f"the state {host.ha_state or '(none)'}, which this collection does not know", f"see {LOG}")


def ha_result(host: HaHost) -> dict[str, Any]:
    """The documented keys."""
    meaning = explain(host)
    return {
        "enabled": host.enabled,
        "state": host.ha_state,
        "provider": host.provider,
        "power_state": host.power_state,
        "meaning": meaning.observed,
        "next_step": meaning.next_step,
        "limits": [f"{each.observed}. Next: {each.next_step}" for each in find_limits(host)],
    }


def info_result(host: HaHost) -> dict[str, Any]:
    """The documented keys of host_ha_info."""
    return {
        "ip_address": host.address,
        "name": host.name,
        "zone": host.zone.name,
        "cluster": host.cluster.name,
        "host_state": host.state,
        "resource_state": host.resource_state,
        **ha_result(host),
        "obstacles": [f"{each.observed}. Next: {each.next_step}" for each in find_obstacles(host)],
    }


def scope_result(scope: Scope) -> dict[str, Any]:
    """The documented keys of ha_scope."""
    return {"kind": scope.kind, "name": scope.name, "enabled": scope.ha}


def refuse(host: HaHost) -> InputError:
    """The error for a host for which enabling could not lead to Available. Nothing was changed."""
    obstacles = find_obstacles(host)
    return InputError(
        "host HA cannot be enabled",
        host=host.address,
        expected="a host that CloudStack finds eligible",
        observed="; ".join(each.observed for each in obstacles),
        next_step="; ".join(each.next_step for each in obstacles),
    )


def not_available(host: HaHost, seconds: float, undone: int = 0) -> ApiError:
    """The error for a state other than Available at the end of the wait. `undone`: how often enabling did not last."""
    meaning = explain(host)
    observed, next_step = f"state {host.ha_state}: {meaning.observed}", meaning.next_step
    if undone and not host.enabled:
        observed = f"enabled {undone} times, and each time switched off again"
        next_step = (
            "see who does it (listEvents type=HA.RESOURCE.DISABLE; another program, or the management server itself,"
            f" see {LOG}), then run again"
        )
    return ApiError(
        "host HA is not Available",
        host=host.address,
        expected=f"state Available within {seconds:.0f} s",
        observed=observed,
        next_step=next_step,
        reproduce=f"listHostHAResources hostid={host.id}",
    )
