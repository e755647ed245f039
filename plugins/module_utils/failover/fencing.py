# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether Host HA would fence a host that dies now, and if not, what is in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import PROVIDERS, WITH_HEARTBEAT
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import FAILING
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import FOREIGN, SHARED, BmcSeen
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import (
    ENABLED,
    LOCAL,
    UP,
    HaHost,
    HaPool,
    Site,
    elsewhere,
)

PROVIDER = PROVIDERS["KVM"]
# CloudStack takes these names in any letter case, keeps the case, and later finds only this one (recorded on 4.22.1).
IPMITOOL, REDFISH = "ipmitool", "redfish"
DRIVERS = (IPMITOOL, REDFISH, "nestedcloudstack")
# The states that FAILING does not have: what it means, what to do.
RESTING = {
    "Fenced": (
        "it was powered off, and CloudStack does not watch it any more",
        "repair the host, power it on, cancelHostMaintenance, then run ansible-playbook cloudstack.kvm.enable_ha",
    ),
    "Ineligible": (
        "CloudStack does not watch it, and nothing that it shows says why",
        "look again after ten seconds; then see the management server's log for the host",
    ),
    "Disabled": (
        "Host HA is enabled for it, and CloudStack has not begun to watch it",
        "look again after ten seconds; enabling right after configuring is undone by CloudStack's next pass",
    ),
}


@dataclass(frozen=True)
class Obstacle:
    """What is in the way, with the id of the check that reports it. An empty `fix` is that of the check."""

    check: str
    expected: str
    observed: str
    fix: str = ""


def heartbeat_pools(site: Site) -> tuple[HaPool, ...]:
    """The pools that all hosts of the cluster share and on which agents write heartbeats, whatever their state."""
    return tuple(pool for pool in site.pools if pool.scope != LOCAL and pool.kind in WITH_HEARTBEAT)


def neighbours(site: Site, host: HaHost) -> tuple[HaHost, ...]:
    """The other hosts that can judge this one: Up and KVM. They need not have Host HA themselves."""
    return tuple(
        each for each in site.hosts if each.name != host.name and each.state == UP and each.hypervisor == "KVM"
    )


def obstacles(site: Site, host: HaHost) -> list[Obstacle]:
    """Everything that keeps the host from being fenced (KVMHAProvider.isEligible() and the HA manager); empty where
    nothing does. An HA state counts by itself only where nothing else explains it.
    """
    rules = (_state, _configured, _above, _maintenance, _oobm, _already_off, _identity, _alone, _storage)
    found = [each for each in (rule(site, host) for rule in rules) if each]
    state = None if found else _ha_state(site, host)
    return [state] if state else found


def _state(site: Site, host: HaHost) -> Optional[Obstacle]:
    # Down and powered off after fencing is told by the HA state.
    if host.state == UP or host.ha_state in ("Fenced", "Fencing", "Recovering", "Recovered"):
        return None
    return Obstacle("HAV022", "state Up", f"state {host.state}")


def _configured(site: Site, host: HaHost) -> Optional[Obstacle]:
    if host.ha_provider and host.ha_provider.lower() != PROVIDER:
        return Obstacle("HAV006", f"the provider {PROVIDER}", f"the provider {host.ha_provider}")
    if not host.ha_enabled:
        how = "configured, not enabled" if host.ha_provider else "never configured"
        return Obstacle("HAV005", "Host HA enabled", f"Host HA is {how}")
    return None


def _above(site: Site, host: HaHost) -> Optional[Obstacle]:
    if not (site.ha_off and host.ha_enabled):
        return None
    return Obstacle(
        "HAV007", "Host HA on for the zone and the cluster", f"it is off for the {' and the '.join(site.ha_off)}"
    )


def _maintenance(site: Site, host: HaHost) -> Optional[Obstacle]:
    if host.resource_state == ENABLED or host.ha_state == "Fenced":
        return None
    fix = "if the host is repaired: cancelHostAsDegraded" if host.resource_state == "Degraded" else ""
    return Obstacle("HAV009", f"resource state {ENABLED}", f"resource state {host.resource_state}", fix)


def _oobm(site: Site, host: HaHost) -> Optional[Obstacle]:
    if not host.oobm_driver:
        return Obstacle("HAV001", "out-of-band management configured and enabled", "it is not configured")
    if not host.oobm_enabled:
        return Obstacle("HAV001", "out-of-band management configured and enabled", "it is configured, and disabled")
    if site.oobm_off:
        return Obstacle(
            "HAV001",
            "out-of-band management on for the zone and the cluster",
            f"it is off for the {' and the '.join(site.oobm_off)}",
            "enableOutOfBandManagementForZone, or -ForCluster; then run ansible-playbook cloudstack.kvm.configure_oobm",
        )
    if host.oobm_driver not in DRIVERS:
        return Obstacle(
            "HAV002",
            f"one of the drivers {', '.join(DRIVERS)}, in this spelling",
            f"the driver {host.oobm_driver}: CloudStack accepts it, and every action fails",
            "set oobm_driver: ipmitool and run ansible-playbook cloudstack.kvm.configure_oobm",
        )
    if host.privilege is not None and host.privilege.upper() not in ("OPERATOR", "ADMINISTRATOR", "OEM"):
        return Obstacle(
            "HAV003", "privilege OPERATOR or ADMINISTRATOR: less may not power off", f"privilege {host.privilege}"
        )
    if host.power_state not in ("On", "Off"):
        return Obstacle("HAV004", "power state On", f"power state {host.power_state or 'not told'}")
    return None


def _already_off(site: Site, host: HaHost) -> Optional[Obstacle]:
    """Redfish refuses OFF on a machine that is off (issue 13376, F51): it is sent again for ever."""
    if (host.oobm_driver, host.ha_state, host.power_state) != (REDFISH, "Fencing", "Off"):
        return None
    return Obstacle(
        "HAV002",
        "a driver whose power-off succeeds on a machine that is off",
        "the driver redfish, power state Off, and HA state Fencing: the BMC refuses to power off what is off already,"
        " and the guests stay down",
        "make sure that the host is off, then declareHostAsDegraded; afterwards set oobm_driver: ipmitool",
    )


def _identity(site: Site, host: HaHost) -> Optional[Obstacle]:
    """Fencing would power off another machine, and the host would run on."""
    if not host.oobm_enabled:
        return None
    seen = _seen(site, host)
    if seen.identity in (FOREIGN, SHARED):
        check = "BMC002" if seen.identity == FOREIGN else "BMC003"
        return Obstacle(check, "the BMC inside the host, and its alone", f"the BMC is {seen.identity}: {seen.whose}")
    if elsewhere(host, seen):
        return Obstacle("HAV027", f"the declared BMC {seen.address}", f"CloudStack uses the BMC {host.oobm_address}")
    twins = _same_bmc(site, host)
    if twins:
        names = ", ".join(sorted([host.name, *twins]))
        return Obstacle("HAV026", "a BMC of its own for each host", f"{names} have the BMC {_bmc(host)[0]}")
    if (host.state, host.ha_state, host.power_state) == (UP, "Available", "Off"):
        return Obstacle("HAV028", "power state On", "power state Off, while the host is Up and HA state Available")
    return None


def _seen(site: Site, host: HaHost) -> BmcSeen:
    return (site.bmcs.hosts.get(host.name) if site.bmcs else None) or BmcSeen()


def _same_bmc(site: Site, host: HaHost) -> list[str]:
    """The other hosts for which CloudStack uses the same BMC, unless something else is known to be the cause of it: a
    host among them that has another machine's BMC, or another address than declared.
    """
    same = [each for each in site.hosts if _bmc(each) and _bmc(each) == _bmc(host)]
    looks = [(each, _seen(site, each)) for each in same]
    explained = any(seen.identity in (FOREIGN, SHARED) or elsewhere(each, seen) for each, seen in looks)
    return [] if explained else [each.name for each in same if each.name != host.name]


def _bmc(host: HaHost) -> tuple[str, ...]:
    """What tells one BMC from another; empty where nothing does. With nestedcloudstack the port is the id of the guest;
    with redfish CloudStack does not use it (RedfishClient.java).
    """
    if not host.oobm_address:
        return ()
    return (host.oobm_address.lower(), "" if host.oobm_driver == REDFISH else host.oobm_port)


def _alone(site: Site, host: HaHost) -> Optional[Obstacle]:
    if neighbours(site, host):
        return None
    others = [f"{each.name} is {each.state}" for each in site.hosts if each.name != host.name]
    return Obstacle(
        "HAV008",
        "another KVM host of the cluster in state Up, which judges this one",
        ", ".join(others) or "it is the only host of the cluster",
    )


def _storage(site: Site, host: HaHost) -> Optional[Obstacle]:
    pools = heartbeat_pools(site)
    if any(pool.in_use for pool in pools):
        return None
    if pools:
        used = any(pool.name in guest.pools for pool in pools for guest in site.guests)
        states = ", ".join(f"{pool.name} is {pool.state}" for pool in pools)
        fix = "end its maintenance (cancelStorageMaintenance), or add another NFS or SharedMountPoint pool"
        return Obstacle("HAV021" if used else "HAV011", "a pool with heartbeats that is Up", states, fix)
    kinds = ", ".join(sorted({f"{pool.kind} ({pool.scope})" for pool in site.pools})) or "no pool"
    return Obstacle("HAV011", f"a shared pool with heartbeats ({', '.join(WITH_HEARTBEAT)})", kinds)


def without_activity(site: Site, host: HaHost) -> str:
    """The pools with volumes of the host's guests, if none of them has heartbeats: a pool without always answers that
    there is activity (LibvirtCheckVMActivityOnStoragePoolCommandWrapper, KVMHostActivityChecker). Empty where all is
    well, not known, or said by another rule.
    """
    pools = {pool.name for pool in heartbeat_pools(site)}
    guests = site.on(host.name)
    if not any(pool.in_use for pool in heartbeat_pools(site)):
        return ""  # HAV011's
    if any(not guest.pools or pools & set(guest.pools) for guest in guests):
        return ""
    used = [pool for pool in (site.pool(name) for guest in guests for name in guest.pools) if pool]
    if all(pool.scope == LOCAL for pool in used):
        return ""  # no guest, or HAV012's
    return ", ".join(sorted({f"{pool.name} ({pool.kind})" for pool in used}))


def _ha_state(site: Site, host: HaHost) -> Optional[Obstacle]:
    if host.ha_state == "Available":
        return None
    enabled = [each for each in site.hosts if each.ha_enabled]
    if all(each.ha_state == "Disabled" for each in enabled):
        # CloudStack shows Disabled then, and haenable stays true (recorded, ha.json).
        return Obstacle(
            "HAV007",
            "HA state Available",
            "HA state Disabled on every host that has Host HA enabled: it is off for the cluster or the zone",
        )
    unknown = ("a state that CloudStack 4.22 does not have", "compare the version of the server with docs/support.md")
    meaning, fix = {**FAILING, **RESTING}.get(host.ha_state, unknown)
    return Obstacle("HAV010", "HA state Available", f"HA state {host.ha_state or 'not told'}: {meaning}", fix)
