# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a check of high availability is declared: one pure function over a cluster, decorated.

The declaration is that of the pre-flight, and so are problems and findings; what the checks see is another thing: no
facts of hosts, but what CloudStack says of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.consequences import consequences
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.fencing import Obstacle, obstacles
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.consequence import Consequence
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, Check

AREA = "high availability"


@dataclass(frozen=True)
class Looked:
    """A cluster, and what is worked out once for all checks: what stands in the way of fencing, by host, and what
    follows if a host dies.
    """

    site: Site
    obstacles: dict[str, list[Obstacle]]
    consequences: tuple[Consequence, ...]

    @classmethod
    def at(cls, site: Site) -> Looked:
        """Work it out."""
        return cls(site, {host.name: obstacles(site, host) for host in site.hosts}, consequences(site))


Function = Callable[[Looked], Iterable[Problem]]
HA_CHECKS: dict[str, Check] = {}


def ha_check(
    id: str,  # noqa: A002 - the word of every report
    title: str,
    *,
    severity: str,
    fix: str,
    reproduce: str,
    prevents: Sequence[str] = (),
) -> Callable[[Function], Function]:
    """Declare the decorated function as a check. Raises ValueError for an id used twice."""

    def declare(function: Function) -> Function:
        if id in HA_CHECKS:
            raise ValueError(f"check {id} is declared twice")
        HA_CHECKS[id] = Check(
            id, title, AREA, severity, CLUSTER, tuple(prevents), fix, reproduce, function, unknown=severity
        )
        return function

    return declare


def told(looked: Looked, check: str) -> Iterator[Problem]:
    """The problems of a check that reports an obstacle: hosts with the same text are one problem."""
    same: dict[Obstacle, list[str]] = {}
    for host in sorted(looked.obstacles):
        for each in looked.obstacles[host]:
            if each.check == check:
                same.setdefault(each, []).append(host)
    for each, hosts in same.items():
        yield Problem(tuple(hosts), each.expected, each.observed, fix=each.fix)
