# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the checks of high availability over a cluster: findings, what follows if a host dies, and the time it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.checks import cluster, eligibility, guests
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.consequence import Consequence
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import Value
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.timing import Timing
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.registry import HA_CHECKS, Looked
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import all_cases
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Finding, worst_first

FILES = (eligibility, cluster, guests)  # importing a file declares its checks
CHECKS = dict(sorted(HA_CHECKS.items()))


@dataclass(frozen=True)
class Readiness:
    """All findings, worst first; for each host what follows if it dies now; the time of a failover by case."""

    findings: tuple[Finding, ...]
    consequences: tuple[Consequence, ...]
    timing: Mapping[str, Timing]

    @property
    def ready(self) -> bool:
        """Whether every host would be fenced and its guests restarted, as far as is declared."""
        return not any(finding.stops for finding in self.findings)


def readiness(site: Site, agent_keys: Mapping[str, Value]) -> Readiness:
    """Judge a cluster. `agent_keys` are the keys of agent.properties that its hosts are declared to have."""
    looked = Looked.at(site)
    found = [each.finding(problem) for each in CHECKS.values() for problem in each.function(looked)]
    most = max([len(each.returns) for each in looked.consequences], default=1)
    timing = all_cases({**site.settings, **agent_keys}, guests=most)
    return Readiness(tuple(sorted(found, key=worst_first)), looked.consequences, timing)


def mapping_of(result: Readiness, site: Site) -> dict[str, Any]:
    """The result as a module returns it: nothing but dictionaries, lists and plain values."""
    ids = {host.name: [each.id for each in result.findings if host.name in each.hosts] for host in site.hosts}
    consequence = {each.host: each for each in result.consequences}
    hosts = {host.name: _row(host, consequence[host.name], ids[host.name]) for host in site.hosts}
    return {
        "ready": result.ready,
        "hosts": dict(sorted(hosts.items())),
        "findings": [{**_plain(asdict(each)), "stops": each.stops} for each in result.findings],
        "checks": {
            each.id: {"title": each.title, "severity": each.severity, "scope": each.scope, "area": each.area}
            for each in CHECKS.values()
        },
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


def _row(host: Any, consequence: Consequence, ids: list[str]) -> dict[str, Any]:
    return {
        "state": host.state,
        "resource_state": host.resource_state,
        "oobm": f"{host.oobm_driver} {host.power_state}".strip() if host.oobm_enabled else "off",
        "privilege": host.privilege,
        "ha_state": host.ha_state,
        "fenced": consequence.fenced,
        "because": consequence.because,
        "n_plus_1": consequence.room,
        "returns": [asdict(each) for each in consequence.returns],
        "stays": [asdict(each) for each in consequence.stays],
        "findings": ids,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value
