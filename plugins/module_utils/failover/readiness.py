# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the checks of high availability over a cluster: findings, what follows if a host dies, and the time it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.bmc_look import JOINED, joined
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.checks import bmc, cluster, eligibility, guests
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import UNKNOWN, BmcSeen
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.consequence import Consequence
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import Value
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import HaHost, Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import Timing
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.registry import HA_CHECKS, Looked
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import all_cases
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS as PREFLIGHT_CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Finding, worst_first
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import Check

FILES = (eligibility, bmc, cluster, guests)  # importing a file declares its checks
CHECKS = dict(sorted(HA_CHECKS.items()))


@dataclass(frozen=True)
class Readiness:
    """All findings, worst first; for each host what follows if it dies now; the time of a failover by case, of the host
    with the most guests that come back and (`times`) of each host.
    """

    findings: tuple[Finding, ...]
    consequences: tuple[Consequence, ...]
    timing: Mapping[str, Timing]
    times: Mapping[str, Mapping[str, Timing]]

    @property
    def ready(self) -> bool:
        """Whether every host would be fenced and its guests restarted, as far as is declared."""
        return not any(finding.stops for finding in self.findings)


def readiness(site: Site, agent_keys: Mapping[str, Value]) -> Readiness:
    """Judge a cluster. `agent_keys` are the keys of agent.properties that its hosts are declared to have."""
    looked = Looked.at(replace(site, settings={**site.settings, **agent_keys}))
    found = [each.finding(problem) for each in CHECKS.values() for problem in each.function(looked)]
    found += joined(site.bmcs.findings, _ids(found, site)) if site.bmcs else ()
    times = {
        len(each.returns): all_cases(looked.site.settings, guests=len(each.returns)) for each in looked.consequences
    }
    most = times.get(max(times, default=0)) or all_cases(looked.site.settings, guests=1)
    by_host = {each.host: times[len(each.returns)] for each in looked.consequences}
    return Readiness(tuple(sorted(found, key=worst_first)), looked.consequences, most, by_host)


def _ids(found: Iterable[Finding], site: Site) -> dict[str, list[str]]:
    """The ids of the checks that name a host, by its name."""
    findings = list(found)
    return {host.name: [each.id for each in findings if host.name in each.hosts] for host in site.hosts}


def mapping_of(result: Readiness, site: Site) -> dict[str, Any]:
    """The result as a module returns it: nothing but dictionaries, lists and plain values."""
    ids = _ids(result.findings, site)
    rows = {
        each.host: {**_consequence(each), "failover": _moments(result.times[each.host])} for each in result.consequences
    }
    looks = site.bmcs.hosts if site.bmcs else {}
    hosts = {
        host.name: {**_host(host, looks.get(host.name)), **rows[host.name], "findings": ids[host.name]}
        for host in site.hosts
    }
    return {
        "ready": result.ready,
        "hosts": dict(sorted(hosts.items())),
        "findings": [{**_plain(asdict(each)), "stops": each.stops} for each in result.findings],
        "checks": {
            each.id: {"title": each.title, "severity": each.severity, "scope": each.scope, "area": each.area}
            for each in _checks(site)
        },
        "bmcs": {"at": site.bmcs.at, "missing": site.bmcs.missing} if site.bmcs else None,
        "timing": {name: timing_mapping(each) for name, each in result.timing.items()},
    }


def timing_mapping(timing: Timing) -> dict[str, Any]:
    """A timing as plain values, in whole seconds; the stages say when each of them ends. What never ends is null."""
    stages = [
        {**asdict(stage), "seconds": _seconds(stage.seconds), "ends_at": _seconds(timing.ends_at(index))}
        for index, stage in enumerate(timing.stages)
    ]
    return {
        "fenced_at": _seconds(timing.fenced_at),
        "guests_at": _seconds(timing.guests_at),
        "gives_up_at": _seconds(timing.gives_up_at),
        "stages": stages,
    }


def _seconds(value: Any) -> Any:
    finite = value is not None and value != float("inf")
    return round(value) if finite else None


def _checks(site: Site) -> list[Check]:
    """Those that ran: with a look also the pre-flight's."""
    theirs = [PREFLIGHT_CHECKS[name] for name in JOINED] if site.bmcs and site.bmcs.hosts else []
    return sorted([*CHECKS.values(), *theirs], key=lambda each: each.id)


def _host(host: HaHost, seen: Optional[BmcSeen]) -> dict[str, Any]:
    return {
        "state": host.state,
        "resource_state": host.resource_state,
        "oobm": f"{host.oobm_driver} {host.power_state}".strip() if host.oobm_enabled else "off",
        "privilege": host.privilege,
        "identity": seen.identity if seen else UNKNOWN,
        "whose": seen.whose if seen else "",
        "isolation": seen.isolation if seen else UNKNOWN,
        "ha_state": host.ha_state,
    }


def _consequence(consequence: Consequence) -> dict[str, Any]:
    return {
        "fenced": consequence.fenced,
        "because": consequence.because,
        "n_plus_1": consequence.room,
        "returns": [asdict(each) for each in consequence.returns],
        "stays": [asdict(each) for each in consequence.stays],
    }


def _moments(times: Mapping[str, Timing]) -> dict[str, Any]:
    """When a host is fenced and its guests are back, in seconds, by case."""
    return {
        case: {"fenced_at": _seconds(each.fenced_at), "guests_at": _seconds(each.guests_at)}
        for case, each in times.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value
