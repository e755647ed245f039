# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memory: is there enough for guests, and is what CloudStack counts really free?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.tolerances import gib, near
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    FAILED,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    odd_ones,
    split,
)


@check(
    "MEM001",
    "Less memory than host.reserved.mem.mb",
    area="memory",
    severity=BLOCKER,
    scope=HOST,
    prevents=("F40", "F05"),
    fix="add memory, or lower host.reserved.mem.mb in cloudstack_agent_properties",
    reproduce="grep MemTotal /proc/meminfo; grep host.reserved.mem.mb /etc/cloudstack/agent/agent.properties",
)
def enough(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """MemTotal must not be below the agent's reserve (host.reserved.mem.mb, 1024 MiB if not set; policy
    memory_reserved_bytes).

    cloudstack-setup-agent stops on such a host, exits 0, and addHost ends with its generic text minutes later
    (serviceConfig.py:501-520, F40). CloudStack offers to guests what is above the reserve.
    """
    total, reserve = host.require("memory", "total_bytes"), _reserve(host, policy)
    if total < reserve:
        yield Problem((host.name,), f"at least {gib(reserve)}", gib(total))


@check(
    "MEM002",
    "Memory differs between hosts",
    area="memory",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F54",),
    fix="give all hosts of the cluster the same memory, or declare the difference: "
    "preflight_policy.memory_difference_max_percent",
    reproduce="grep MemTotal /proc/meminfo; ls -d /sys/devices/system/node/node*",
)
def shape(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Memory size (within policy memory_difference_max_percent) and number of NUMA nodes are compared.

    The guests of one large host do not fit onto smaller ones: maintenance then stops guests or never ends (F54).
    CloudStack's documentation asks for homogeneous hosts in a cluster (kvm.rst:53-68) and checks nothing.
    """
    wanted = cluster.declared.get("memory.total_bytes")
    with_memory = [host for host in hosts if host.get("memory", "total_bytes")]
    small = {host.name for host in with_memory if list(enough(host, cluster, policy))}
    totals, unknowns = split([host for host in hosts if host.name not in small], "memory", "total_bytes")
    yield from unknowns
    nodes, unknowns = split([host for host in hosts if host.name in totals], "memory", "numa")
    yield from unknowns
    members = [host.name for host in hosts if host.member]
    # The declared size is grouped like a host's, under a name that no host has.
    groups = near({**totals, "": wanted} if wanted else totals, policy.memory_difference_max_percent)
    sizes = {name: gib(size) for name, size in groups.items()}
    declared = sizes.pop("", None)
    for problem in odd_ones(sizes, declared, members=members):
        yield replace(problem, observed=gib(totals[problem.hosts[0]])) if problem.kind == FAILED else problem
    yield from odd_ones({name: f"NUMA nodes: {len(parts)}" for name, parts in nodes.items()}, members=members)


@check(
    "MEM003",
    "Huge pages differ between hosts",
    area="memory",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F39", "F54"),
    fix="reserve the same huge pages on all hosts (vm.nr_hugepages, or hugepages= on the kernel's command line)",
    reproduce="grep . /sys/kernel/mm/hugepages/hugepages-*/nr_hugepages",
)
def hugepages(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Number and size of the reserved huge pages are compared.

    A guest that asks for huge pages starts and arrives only where they are. For all others they are memory that
    CloudStack counts as free and that is not (F39).
    """
    found, unknowns = split(hosts, "memory", "hugepages")
    yield from unknowns
    members = [host.name for host in hosts if host.member]
    yield from odd_ones({name: _pages(pools) for name, pools in found.items()}, members=members)


@check(
    "MEM004",
    "Memory that CloudStack would give away is in use",
    area="memory",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F39",),
    fix="stop what uses it, or set host.reserved.mem.mb in cloudstack_agent_properties (after the join: "
    "cloudstack-setup-agent removes host.* keys)",
    reproduce="grep -E 'MemTotal|MemAvailable|Huge' /proc/meminfo; ps -eo rss,comm --sort=-rss | head",
)
def taken(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """On a candidate, which runs no guests yet, no more memory may be in use than the agent keeps for the host.

    CloudStack gives MemTotal minus the reserve to guests. Storage daemons, ZFS, huge pages and the kernel itself on a
    large host use more than the 1 GiB of the default, and when guests use theirs the kernel kills a guest (F39). Not
    asked where LIB005 finds guests or MEM003 finds huge pages: these are the cause.
    """
    explained = {name for problem in hugepages(hosts, cluster, policy) for name in problem.hosts}
    candidates = [
        host for host in hosts if not host.member and host.name not in explained and not host.get("libvirt", "domains")
    ]
    totals, unknowns = split(candidates, "memory", "total_bytes")
    yield from unknowns
    free, unknowns = split([host for host in candidates if host.name in totals], "memory", "available_bytes")
    yield from unknowns
    for host in candidates:
        used, reserve = totals.get(host.name, 0) - free.get(host.name, 0), _reserve(host, policy)
        if host.name in free and reserve < used and reserve <= totals[host.name]:
            yield Problem(
                (host.name,),
                f"at most {gib(reserve)} in use before guests run (the reserve)",
                f"{gib(used)} of {gib(totals[host.name])}",
            )


def _reserve(host: Profile, policy: Policy) -> int:
    """Bytes that the agent keeps for the host."""
    value = str((host.get("agent", "properties") or {}).get("host.reserved.mem.mb") or "")
    return int(value) << 20 if value.isdigit() else policy.memory_reserved_bytes


def _pages(pools: Sequence[Sequence[tuple[str, int]]]) -> str:
    reserved = sorted((pool["size_bytes"], pool["total"]) for pool in map(dict, pools) if pool["total"])
    return ", ".join(f"{total} pages of {size >> 10} KiB ({gib(total * size)})" for size, total in reserved) or "none"
