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
    INFO,
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

DEFAULT_OVERCOMMIT_RATIO = 50  # percent; the kernel's own


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
    fix="decide whether guests of this cluster use huge pages: if not, free them on this host (vm.nr_hugepages=0, or "
    "take hugepages= off the kernel's command line); if they do, plan the pages on all hosts, and add their size to "
    "host.reserved.mem.mb in cloudstack_agent_properties as far as CloudStack must not give it to other guests",
    reproduce="grep . /sys/kernel/mm/hugepages/hugepages-*/nr_hugepages",
)
def hugepages(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Number and size of the huge pages that the kernel keeps apart are compared.

    A guest that asks for huge pages starts and arrives only where they are. For all others they are memory that
    CloudStack counts as free and that is not: the agent reports MemTotal, huge pages included (F39, issue 11120).
    Where all hosts have the same, MEM004 judges whether the agent knows of them.
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
    """On a candidate, which runs no guests yet, no more memory may be in use than the agent keeps for the host; on a
    member the huge pages alone may not be more than that.

    CloudStack gives MemTotal minus the reserve to guests. Storage daemons, ZFS, huge pages and the kernel itself on a
    large host use more than the 1 GiB of the default, and when guests use theirs the kernel kills a guest (F39). Huge
    pages are never free for anything else, so they are named as the cause where they are more than the reserve
    (issue 11120). Not asked where LIB005 finds guests or MEM003 finds other huge pages than on the rest: these are the
    cause.
    """
    explained = {name for problem in hugepages(hosts, cluster, policy) for name in problem.hosts}
    asked = [host for host in hosts if host.name not in explained and (host.member or _no_guests(host))]
    by_pages = list(_hugepages_over_reserve(asked, policy))
    yield from by_pages
    told = {problem.hosts[0] for problem in by_pages}
    candidates = [host for host in asked if not host.member and host.name not in told]
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


def _no_guests(host: Profile) -> bool:
    return not host.get("libvirt", "domains")


def _hugepages_over_reserve(hosts: Sequence[Profile], policy: Policy) -> Iterator[Problem]:
    """Hosts on which the agent offers huge pages as ordinary memory."""
    for host in hosts:
        kept, reserve, total = _huge_bytes(host), _reserve(host, policy), host.get("memory", "total_bytes") or 0
        if kept and reserve < kept and reserve <= total:
            wanted = max(-(-kept >> 20), 0) + (policy.memory_reserved_bytes >> 20)
            fix = (
                f"set host.reserved.mem.mb: {wanted} in cloudstack_agent_properties (the huge pages, and what the host "
                "itself needs; after the join, cloudstack-setup-agent removes host.* keys); or free the pages "
                "(vm.nr_hugepages, hugepages= on the kernel's command line) if no guest uses them"
            )
            yield Problem(
                (host.name,),
                f"huge pages within the {gib(reserve)} that the agent keeps back (host.reserved.mem.mb)",
                f"huge pages take {gib(kept)} of {gib(total)}, and CloudStack would give them to guests as free memory",
                fix=fix,
            )


def _huge_bytes(host: Profile) -> int:
    """Bytes in huge pages of all sizes, 0 where they are not known (MEM003 says so)."""
    pools = host.get("memory", "hugepages") or ()
    return sum(pool["size_bytes"] * (pool["total"] or 0) for pool in pools)


@check(
    "MEM006",
    "The kernel does not let guests use the memory that CloudStack gives them",
    area="memory",
    severity=WARNING,
    scope=HOST,
    prevents=("F39", "F40"),
    unknown=INFO,
    fix="set vm.overcommit_memory to 0 (kvm_host_sysctl or /etc/sysctl.d), as every distribution ships it",
    reproduce="sysctl vm.overcommit_memory vm.overcommit_ratio; grep Commit /proc/meminfo",
)
def strict_overcommit(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """vm.overcommit_memory must not be 2.

    With 2 the kernel promises no more than swap plus vm.overcommit_ratio (50) percent of RAM, without huge pages, to
    all programs together (Documentation/mm/overcommit-accounting). QEMU asks for a guest's whole memory when it starts,
    the agent offers MemTotal minus its reserve, so from half of the host's memory on guests do not start: "Cannot
    allocate memory". No fault where the ratio covers what the agent offers.
    """
    if str(host.require("sysctl", "vm.overcommit_memory")) != "2":
        return
    total, swap = host.require("memory", "total_bytes"), host.get("memory", "swap_total_bytes") or 0
    ratio = int(host.get("sysctl", "vm.overcommit_ratio") or DEFAULT_OVERCOMMIT_RATIO)
    limit = (total - _huge_bytes(host)) * ratio // 100 + swap
    offered = total - _reserve(host, policy)
    if limit < offered:
        observed = f"vm.overcommit_memory=2, vm.overcommit_ratio={ratio}: {gib(limit)} at most"
        yield Problem((host.name,), f"{gib(offered)} for guests, as the agent offers", observed)


@check(
    "MEM008",
    "More memory is promised than the host has",
    area="memory",
    severity=WARNING,
    scope=HOST,
    prevents=("F39",),
    fix="add swap of at least that size (or zswap), or lower host.overcommit.mem.mb in cloudstack_agent_properties",
    reproduce="grep overcommit /etc/cloudstack/agent/agent.properties; swapon --show; cat /sys/kernel/mm/ksm/run",
)
def promised(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """host.overcommit.mem.mb must be backed by swap.

    The agent adds it to the RAM that it reports (KVMHostInfo, "if host uses ZSWAP, KSM and other memory compressing
    technologies"). When guests use what they were given and nothing can be swapped out, the kernel kills one (F39).
    Merging of equal pages (KSM) saves memory only as long as guests hold the same data, so it does not count. Where a
    reserve stands beside the overcommit AGT012 says so first.
    """
    settings = host.get("agent", "properties") or {}
    value = str(settings.get("host.overcommit.mem.mb") or "0").strip()
    extra = int(value) << 20 if value.isdigit() else 0
    if extra and str(settings.get("host.reserved.mem.mb") or "").strip() == "0":
        swap = host.require("memory", "swap_total_bytes")
        if swap < extra:
            ksm = host.get("memory", "ksm", "run")
            state = {"1": "KSM runs", "0": "KSM is off"}.get(str(ksm), "KSM is not known")
            observed = f"{gib(extra)} promised beyond the RAM, {gib(swap)} of swap; {state}"
            yield Problem((host.name,), f"{gib(extra)} of swap behind host.overcommit.mem.mb={value}", observed)


@check(
    "MEM010",
    "KSM or swap differs between hosts",
    area="memory",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F39",),
    fix="give all hosts the same: ksmtuned or ksm.service on or off, swap or none, one vm.swappiness",
    reproduce="cat /sys/kernel/mm/ksm/run; swapon --show; sysctl vm.swappiness",
)
def spare_memory(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Whether KSM merges pages, whether there is swap, and vm.swappiness are compared.

    A guest that ran well on one host is slow, or is killed, on another when memory runs short. Only told: nothing
    breaks before that, and a host may be meant to differ.
    """
    members = [host.name for host in hosts if host.member]
    known = [host for host in hosts if host.get("memory", "ksm") is not None]
    ksm = {host.name: f"KSM {'on' if str(host.get('memory', 'ksm', 'run')) == '1' else 'off'}" for host in known}
    yield from odd_ones(ksm, members=members)
    with_swap = [host for host in hosts if host.get("memory", "swap_total_bytes") is not None]
    swap = {host.name: "swap" if host.get("memory", "swap_total_bytes") else "no swap" for host in with_swap}
    yield from odd_ones(swap, members=members)
    eager = {
        host.name: host.get("sysctl", "vm.swappiness") for host in with_swap if host.get("sysctl", "vm.swappiness")
    }
    yield from odd_ones({name: f"vm.swappiness={value}" for name, value in eager.items()}, members=members)


def _reserve(host: Profile, policy: Policy) -> int:
    """Bytes that the agent keeps for the host."""
    value = str((host.get("agent", "properties") or {}).get("host.reserved.mem.mb") or "").strip()
    return int(value) << 20 if value.isdigit() else policy.memory_reserved_bytes


def _pages(pools: Sequence[Sequence[tuple[str, int]]]) -> str:
    reserved = sorted((pool["size_bytes"], pool["total"]) for pool in map(dict, pools) if pool["total"])
    return ", ".join(f"{total} pages of {size >> 10} KiB ({gib(total * size)})" for size, total in reserved) or "none"
