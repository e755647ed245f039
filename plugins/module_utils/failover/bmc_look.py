# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The facts that the last pre-flight has kept -> what is known of the BMCs of the hosts that CloudStack has.

The checks are those of the pre-flight: what it finds wrong with a BMC decides a failover too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import (
    APART,
    FOREIGN,
    GUESTS,
    MANAGEMENT,
    OWN,
    SHARED,
    UNKNOWN,
    BmcLook,
    BmcSeen,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import HaHost, Site, elsewhere
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    FAILED,
    Finding,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import KeptFacts

# Checks of the pre-flight that decide a failover. BMC006 is HAV002 here; TIM001 because the age of a heartbeat is the
# difference of two hosts' clocks (F45).
LOGIN, IDENTITY, SHARING, ON_GUESTS, ON_MANAGEMENT = "BMC001", "BMC002", "BMC003", "BMC004", "BMC007"
TOO_LONG, NO_SUITE = "BMC008", "BMC009"
JOINED = (LOGIN, IDENTITY, SHARING, ON_GUESTS, ON_MANAGEMENT, TOO_LONG, NO_SUITE, "BMC010", "BMC011", "TIM001")
LONGEST = timedelta(days=7)  # BMCs are not changed every day; what is older proves nothing
RUN = "run ansible-playbook cloudstack.kvm.preflight"


def look_at(kept: Optional[KeptFacts], hosts: Sequence[HaHost], now: datetime) -> BmcLook:
    """What the kept facts say of these hosts; None: there are none. `now` has a time zone."""
    if kept is None:
        return BmcLook(missing="no pre-flight has left its facts in the report folder")
    if now - kept.created_at > LONGEST:
        return BmcLook(missing=f"the last pre-flight is of {kept.created_at:%Y-%m-%d}, older than {LONGEST.days} days")
    names = _names(kept.hosts, hosts)
    today = now.date().isoformat()
    found = assess(kept.hosts, kept.cluster, Policy(), today=today, only=JOINED).findings
    findings = tuple(_renamed(found, names))
    seen = {names[each.name]: _seen(each, names[each.name], findings) for each in kept.hosts if each.name in names}
    return BmcLook(kept.created_at.isoformat(timespec="seconds"), seen, findings)


def _names(profiles: Iterable[Profile], hosts: Iterable[HaHost]) -> dict[str, str]:
    """Inventory's name -> CloudStack's, by the address; else by the name itself."""
    by_address = {host.address: host.name for host in hosts if host.address}
    known = {host.name for host in hosts}
    found = {}
    for profile in profiles:
        name = by_address.get(str(profile.declared.get("address") or ""), profile.name)
        if name in known:
            found[profile.name] = name
    return found


def _renamed(findings: Iterable[Finding], names: Mapping[str, str]) -> Iterator[Finding]:
    """With CloudStack's names; hosts that it does not have in this cluster are left out."""
    for each in findings:
        hosts = tuple(names[name] for name in each.hosts if name in names)
        if hosts:
            yield replace(each, hosts=hosts, others=tuple(names.get(name, name) for name in each.others))


def _seen(profile: Profile, name: str, findings: Sequence[Finding]) -> BmcSeen:
    own = {each.id: each for each in reversed(findings) if name in each.hosts}  # of each check the worst
    identity, whose = _identity(profile, own)
    address = str(profile.declared.get("oobm_address") or "")
    return BmcSeen(identity, _isolation(profile, own), whose, _privilege(profile), address)


def _identity(profile: Profile, own: Mapping[str, Finding]) -> tuple[str, str]:
    found, sharing = own.get(IDENTITY), own.get(SHARING)
    if found and found.kind == FAILED:
        return FOREIGN, found.observed
    if sharing and sharing.severity == ERROR:
        return SHARED, sharing.observed
    proven = profile.declared.get("oobm_address") and not found
    return (OWN, "") if proven else (UNKNOWN, "")


def _isolation(profile: Profile, own: Mapping[str, Finding]) -> str:
    found = own.get(ON_GUESTS)
    if found and found.kind == FAILED:
        return GUESTS
    if ON_MANAGEMENT in own:
        return MANAGEMENT
    return UNKNOWN if found or not profile.declared.get("oobm_address") else APART


def _privilege(profile: Profile) -> Optional[str]:
    """Of CloudStack's account, as the BMC tells it in band."""
    username = profile.declared.get("oobm_username")
    for account in profile.get("bmc", "accounts") or ():
        if account.get("name") == username:
            return str(account.get("privilege")).upper() if account.get("messaging") else "NO ACCESS"
    return None


def with_look(site: Site, look: BmcLook) -> Site:
    """The site with it. CloudStack's account has the privilege that the BMC inside the host tells, unless that is known
    already or its BMC is not the one that CloudStack uses. Of a BMC at another address than the declared one nothing
    is known.
    """
    looks = dict(look.hosts)
    hosts = []
    for host in site.hosts:
        if elsewhere(host, looks.get(host.name, BmcSeen())):
            looks[host.name] = BmcSeen(address=looks[host.name].address)
        seen = looks.get(host.name, BmcSeen())
        told = seen.privilege if seen.identity != FOREIGN else None
        hosts.append(replace(host, privilege=host.privilege or told))
    return replace(site, hosts=tuple(hosts), bmcs=replace(look, hosts=looks))


def joined(findings: Iterable[Finding], told: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """The findings of the look without the hosts for which another check says the same. `told` has the ids of the
    checks of high availability by host.

    Without out-of-band management in CloudStack (HAV001) no login matters, and an account without the privilege
    (HAV003) is refused at the login too. Where no management server has tried it, CloudStack's power state tells.
    """
    for each in findings:
        left = each.hosts
        if each.id == LOGIN:
            left = tuple(name for name in left if each.stops and not {"HAV001", "HAV003"} & set(told.get(name, ())))
        if left:
            yield replace(each, hosts=left)


def explains_power(site: Site, host: str) -> bool:
    """Whether the look says why CloudStack gets no power state from this host's BMC."""
    findings = site.bmcs.findings if site.bmcs else ()
    causes = (LOGIN, TOO_LONG, NO_SUITE)
    return any(each.id in causes and host in each.hosts and each.kind == FAILED and each.stops for each in findings)
