# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the paths between the hosts, as probed with packets of the required size, and the part of the fabric at
fault.

The faults are found once for all of them (path_result.py). Where the facts of a host show the cause already, the check
of these facts reports it, and those here are silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    DEAD,
    DUPLICATE,
    FILTERED,
    FRAGMENTED,
    MTU,
    NOT_ASKED,
    ONE_WAY,
    SUBNET,
    UNPLUGGED,
    Element,
    Fault,
    PathResults,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    kinds_of,
    label_bridges,
    labels,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_problems import faults_of, problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import (
    AssessedCluster,
    says_nothing,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import FactUnavailable, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    check,
    fact_unavailable,
    show,
)

ALSO = {UNPLUGGED: "no host is there at all", ONE_WAY: "it is a one-way drop", FILTERED: "only ICMP is filtered"}
# The second one is what preflight/parse/profiles.py says of a task that was left out.
NOT_TOLD, NOT_PROBED = "no host was told to", "was not probed"


@check(
    "PTH001",
    "A packet of the declared MTU does not arrive",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    fix="raise the MTU there; what a network must carry is mtu in network_bridge_config",
    reproduce="ping -M do -s <MTU - 28> -c 3 -I <bridge> <address of the other host>",
)
def large_packets(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """A packet as large as the bridges of a label are declared to carry passes between all hosts on it, unfragmented.

    A switch port, a bond leg or a VLAN with a smaller MTU drops large packets silently: ping works, storage and guests'
    downloads hang (F21). A host whose own layers are too small is the subject of MTU001 to MTU003.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, MTU):
        size = fault.evidence[0].size
        passes = f", {fault.mtu} do" if fault.mtu else ""
        observed = _observed(paths, fault, f": {size} bytes do not pass{wording.direction_text(fault)}{passes}")
        needed = f"MTU {size} or more is needed (switches count the Ethernet header and tags on top: 22 bytes)"
        fix = f"{wording.where_to_look(fault, paths.at)}; {needed}"
        yield problem(paths, fault, f"{size} bytes to pass", observed, fix)


@check(
    "PTH002",
    "Packets arrive in fragments",
    area="paths",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F21",),
    fix="raise the MTU there, or find the router that fragments what must not be fragmented",
    reproduce="ping -M do -s <MTU - 28> -c 3 -I <bridge> <address of the other host>; "
    "tcpdump -ni <bridge> 'ip[6:2] & 0x3fff != 0'",
)
def fragments(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """Packets of the required size are not fragmented.

    Fragments arrive, slowly, until one of them is lost or a firewall drops those that have no port number. What forbids
    fragments (TCP) does not pass at all. A host whose own layers are too small is the subject of MTU001 to MTU003.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, FRAGMENTED):
        size = fault.evidence[0].size
        observed = _observed(paths, fault, f": {size} bytes arrive in fragments{wording.direction_text(fault)}")
        yield problem(
            paths, fault, f"{size} bytes to pass in one piece", observed, wording.where_to_look(fault, paths.at)
        )


@check(
    "PTH003",
    "A host is not on the network of a label",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F14",),
    fix="look at the VLAN of the switch port and at the cable; correct network_bridge_config (port, address)",
    reproduce="arping -c 3 -I <bridge> <address of the other host>; ip neigh show dev <bridge>",
)
def on_the_network(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """Every host with an address on a label's bridge answers the others there.

    Where not even ARP is answered, the switch port is in another VLAN, the link is down, or the bridge has the wrong
    port. CloudStack looks for a bridge of that name and nothing more (F14). A link without carrier is the subject of
    NET011, another subnet that of NET007.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, UNPLUGGED, SUBNET):
        why = "gets no answer, not even to ARP: wrong VLAN, or a link that is down"
        why = "is in another subnet or lacks its address" if fault.kinds[0] == SUBNET else why
        observed = _observed(paths, fault, f" {why}{_or_else(fault)}")
        yield problem(paths, fault, "an answer on the network", observed, wording.where_to_look(fault, paths.at))


@check(
    "PTH004",
    "Packets pass in one direction only",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F14",),
    fix="look for a filter, for an asymmetric VLAN, and for a fibre or transceiver of which one half is broken",
    reproduce="tcpdump -ni <bridge> icmp  # on the other host, while this one pings it",
)
def both_ways(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """What a host sends gets there, and so does the answer.

    The hosts hear each other's echo requests: one that is heard and whose answer does not arrive proves that only one
    direction works. To CloudStack such a host looks dead from one side and well from the other.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, ONE_WAY):
        observed = _observed(paths, fault, f": nothing passes{wording.direction_text(fault)}{_or_else(fault)}")
        yield problem(paths, fault, "packets to pass both ways", observed, wording.where_to_look(fault, paths.at))


@check(
    "PTH005",
    "A host is unreachable on all its networks",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    fix="look at the host's console, then run the check again",
    reproduce="ping -c 3 <address of the host>",
)
def alive(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """A host that gave no results and that no other host reaches on any network is off, hangs, or has lost all its
    links.

    The paths to it cannot be verified. A host that Ansible could not reach from the beginning is the subject of FCT001.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, DEAD):
        observed = _observed(paths, fault, ": no results, and no answer to any host")
        yield problem(paths, fault, "an answer", observed, wording.where_to_look(fault, paths.at))


@check(
    "PTH006",
    "Duplicate address outside the inventory",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F09",),
    fix="find the other device by its MAC address in the switches' tables, and give it another address",
    reproduce="arping -D -c 3 -I <bridge> <address>",
)
def no_duplicate_outside(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """One device answers ARP for the address of a host: the host.

    Traffic goes to whichever of the two answered last, so connections to the host break at times that look random. An
    address that two hosts of the cluster have is the subject of NET008; this one finds machines that the inventory does
    not know.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, DUPLICATE):
        element, address = fault.suspects[0], fault.evidence[0].address
        own = paths.at[element.host, element.network].mac
        others = _foreign_macs(paths, element)
        where = f"{address} of {element.host} on {element.network}"
        observed = f"{show(others)} for {where}; seen by {fault.failed_pairs} of {fault.tested_pairs} hosts"
        yield problem(paths, fault, f"{own or 'one MAC address'} alone to answer", observed, "")


def _foreign_macs(paths: PathResults, element: Element) -> list[str]:
    """The MAC addresses other than its own that answered for the host's address."""
    own = {paths.at[element.host, element.network].mac, ""}
    found: set[str] = set()
    for outcome in paths.outcomes:
        if (outcome.probe.peer, outcome.probe.network) == (element.host, element.network):
            found.update((outcome.neighbour, *outcome.neighbours))
    return sorted(found - own)


@check(
    "PTH007",
    "ICMP is filtered: the path cannot be verified",
    area="paths",
    severity=WARNING,
    scope=CLUSTER,
    fix="allow ICMP echo between the hosts (in every firewall between them, the host's own included), "
    "then run the check again",
    reproduce="ping -c 3 -I <bridge> <address of the other host>",
)
def echo_allowed(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """ICMP echo passes between the hosts. Where it is filtered and other packets pass, the path's MTU and loss are
    unknown.

    It is an info where other packets were seen to pass, a warning where it may be a path that is dead in one direction.
    """
    paths = cluster.paths
    for fault in faults_of(hosts, cluster, FILTERED):
        severity = INFO if fault.kinds == (FILTERED,) else WARNING
        observed = _observed(
            paths, fault, f": unknown, echo is not answered although other packets pass{_or_else(fault)}"
        )
        yield problem(paths, fault, "ICMP echo to be answered", observed, "", kind=UNKNOWN, severity=severity)


@check(
    "PTH008",
    "Paths were not tested",
    area="paths",
    severity=WARNING,
    scope=CLUSTER,
    fix="read the message; for the whole cluster run ansible-playbook cloudstack.kvm.path_check",
    reproduce="ansible-playbook -i INVENTORY cloudstack.kvm.path_check",
)
def everything_tested(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """Every host tested its paths to the others, on every label on which it has an address.

    A run without a path check (preflight_path_check) is an info; one in which the hosts could not be asked is a
    warning.
    """
    paths = cluster.paths
    shared = Counter(network for _host, network in paths.at)
    with_peers = {host for host, network in paths.at if shared[network] > 1}
    told = [host for host in hosts if host.name in with_peers]
    if told and not paths.outcomes:
        why = _why(told)
        severity = INFO if why in (NOT_TOLD, NOT_PROBED) else None
        names = tuple(host.name for host in told)
        yield Problem(names, "the paths to be tested", f"unknown: {why}", severity=severity, kind=UNKNOWN)
        return
    dead = _dead_hosts(paths)
    left = _left_out(paths)
    for host in told:
        if host.name not in paths.ran and host.live and host.name not in dead:
            yield from _without_paths(host)
        elif host.name in left:
            why = "; ".join(f"{text}: {show(sorted(peers))}" for text, peers in sorted(left[host.name].items()))
            yield Problem((host.name,), "every path to be tested", f"unknown: {why}", kind=UNKNOWN)


def _dead_hosts(paths: PathResults) -> set[str]:
    dead = [fault for fault in paths.report.faults if fault.kinds[0] == DEAD]
    return {element.host for fault in dead for element in fault.suspects}


def _left_out(paths: PathResults) -> dict[str, dict[str, set[str]]]:
    """By host: why, and which peers it did not ask."""
    left: dict[str, dict[str, set[str]]] = {}
    for each in paths.outcomes:
        if each.failure == NOT_ASKED and not says_nothing(each):
            reasons = left.setdefault(each.probe.host, {})
            reasons.setdefault(each.text or "no time was left", set()).add(each.probe.peer)
    return left


@check(
    "PTH009",
    "A network without addresses cannot be tested",
    area="paths",
    severity=INFO,
    scope=CLUSTER,
    fix="nothing, if guests alone use it; else give the bridges addresses in network_bridge_config",
    reproduce="ip -br addr show type bridge",
)
def no_addresses(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """The paths of a label are tested from address to address, so a label whose bridges have none is left out.

    Guest networks on VLANs seldom have addresses on the hosts. There IPv6's link-local ones are used, which every
    bridge has unless net.ipv6.conf.all.disable_ipv6 is set. Their packets have no tag, so the path is unknown where the
    switch ports carry tagged ones only; what is wrong with such paths is seen when guests use them. With VXLAN the
    bridge of the guest label needs an address.
    """
    addressed = {network for _host, network in cluster.paths.at}
    bridged = {label for host in hosts for label, _bridge in label_bridges(host, cluster)}
    for label in labels(cluster):
        silent = _silent_pairs(cluster.paths, label)
        if label in bridged - addressed:
            between, why = {host.name for host in hosts}, "no host has an address"
        elif silent:
            pairs = show([" and ".join(pair) for pair in silent])
            between, why = set().union(*silent), f"between {pairs} no packet without a VLAN tag passes"
        else:
            continue
        observed = f"unknown: {why} on {label} ({kinds_of(cluster, label)})"
        yield Problem(tuple(sorted(between)), f"the paths on {label} to be tested", observed, kind=UNKNOWN)


def _silent_pairs(paths: PathResults, label: str) -> list[tuple[str, ...]]:
    """Pairs of hosts between which silence says nothing, sorted."""
    silent = [each.probe for each in paths.outcomes if each.probe.network == label and says_nothing(each)]
    return sorted({tuple(sorted((probe.host, probe.peer))) for probe in silent})


def _observed(paths: PathResults, fault: Fault, what: str) -> str:
    return f"{wording.suspect_names(fault, paths.at)}{what}; {wording.extent_text(fault)}"


def _or_else(fault: Fault) -> str:
    rest = [ALSO[kind] for kind in fault.kinds[1:]]
    return f" (or {' or '.join(rest)})" if rest else ""


def _without_paths(host: Profile) -> Iterator[Problem]:
    try:
        host.require_probe("paths")
    except FactUnavailable as error:
        yield fact_unavailable(host, error)


def _why(hosts: Sequence[Profile]) -> str:
    return next((error.observed.split(": ", 1)[-1] for host in hosts for error in _without_paths(host)), NOT_TOLD)
