# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the paths between the hosts, as tried with packets of the required size, and the part of the fabric that is to blame.

Who is to blame is found once for all of them (fabric/result.py). Where the facts of a host tell the cause already, the check of these facts
speaks, and those here are silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording as words
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
    Culprit,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import kinds_of, labels
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_problems import culprits, problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import examine, says_nothing
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, INFO, UNKNOWN, WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, FactUnavailable, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check, fact_unavailable, show

ALSO = {UNPLUGGED: "nobody is there at all", ONE_WAY: "it is a one-way drop", FILTERED: "only ICMP is filtered"}
NOBODY_TOLD, NOT_PROBED = "nobody was told to", "was not probed"  # the second one is what preflight/parse/profiles.py says of a task that was left out


@check(
    "PTH001",
    "A packet of the declared MTU does not arrive",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    fix="raise the MTU there; what a network must carry is mtu in network_bridge_bridges",
    reproduce="ping -M do -s <MTU - 28> -c 3 -I <bridge> <address of the other host>",
)
def large_packets(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A packet as large as the bridges of a label are declared to carry passes between all hosts on it, unfragmented.

    A switch port, a bond leg or a VLAN with a smaller MTU drops large packets without a word: ping works, storage and guests' downloads hang
    (F21). A host whose own layers are too small is the subject of MTU001 to MTU003.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, MTU):
        size = culprit.evidence[0].size
        passes = f", {culprit.mtu} do" if culprit.mtu else ""
        observed = f"{words.names(culprit, paths.at)}: {size} bytes do not pass{words.way(culprit)}{passes}; {words.extent(culprit)}"
        fix = f"{words.where(culprit, paths.at)}; MTU {size} or more is needed (switches count the Ethernet header and tags on top: 22 bytes)"
        yield problem(paths, culprit, f"{size} bytes to pass", observed, fix)


@check(
    "PTH002",
    "Packets arrive in fragments",
    area="paths",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F21",),
    fix="raise the MTU there, or find the router that fragments what must not be fragmented",
    reproduce="ping -M do -s <MTU - 28> -c 3 -I <bridge> <address of the other host>; tcpdump -ni <bridge> 'ip[6:2] & 0x3fff != 0'",
)
def fragments(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Nobody cuts the packets of the required size into fragments.

    They arrive, slowly, until one of the fragments is lost or a firewall drops those that have no port number. What forbids fragments (TCP)
    does not pass at all. A host whose own layers are too small is the subject of MTU001 to MTU003.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, FRAGMENTED):
        size = culprit.evidence[0].size
        observed = f"{words.names(culprit, paths.at)}: {size} bytes arrive in fragments{words.way(culprit)}; {words.extent(culprit)}"
        yield problem(paths, culprit, f"{size} bytes to pass in one piece", observed, words.where(culprit, paths.at))


@check(
    "PTH003",
    "A host is not on the network of a label",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F14",),
    fix="look at the VLAN of the switch port and at the cable; correct network_bridge_bridges (port, address)",
    reproduce="arping -c 3 -I <bridge> <address of the other host>; ip neigh show dev <bridge>",
)
def on_the_network(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every host with an address on a label's bridge answers the others there.

    Where not even ARP is answered, the switch port is in another VLAN, the link is down, or the bridge has the wrong port. CloudStack looks
    for a bridge of that name and nothing more (F14). A link without carrier is the subject of NET011, another subnet that of NET007.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, UNPLUGGED, SUBNET):
        why = "gets no answer, not even to ARP: wrong VLAN, or a link that is down"
        why = "is in another subnet or lacks its address" if culprit.kinds[0] == SUBNET else why
        observed = f"{words.names(culprit, paths.at)} {why}{_or_else(culprit)}; {words.extent(culprit)}"
        yield problem(paths, culprit, "an answer on the network", observed, words.where(culprit, paths.at))


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
def both_ways(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """What a host sends gets there, and so does the answer.

    The hosts hear each other's questions: one that is heard and whose answer does not arrive proves that only one direction works. To
    CloudStack such a host looks dead from one side and well from the other.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, ONE_WAY):
        observed = f"{words.names(culprit, paths.at)}: nothing passes{words.way(culprit)}{_or_else(culprit)}; {words.extent(culprit)}"
        yield problem(paths, culprit, "packets to pass both ways", observed, words.where(culprit, paths.at))


@check(
    "PTH005",
    "A host is unreachable on all its networks",
    area="paths",
    severity=ERROR,
    scope=CLUSTER,
    fix="look at the host's console, then run the check again",
    reproduce="ping -c 3 <address of the host>",
)
def alive(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A host that gave no results and that nobody reaches on any network is off, hangs, or has lost all its links.

    Nothing can be said of the paths to it. A host that Ansible could not reach from the beginning is the subject of FCT001.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, DEAD):
        observed = f"{words.names(culprit, paths.at)}: no results, and no answer to anybody; {words.extent(culprit)}"
        yield problem(paths, culprit, "an answer", observed, words.where(culprit, paths.at))


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
def no_stranger(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """One device answers ARP for the address of a host: the host.

    Traffic goes to whichever of the two answered last, so connections to the host break at times that look random. An address that two hosts
    of the cluster have is the subject of NET008; this one finds machines that the inventory does not know.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, DUPLICATE):
        element, address = culprit.candidates[0], culprit.evidence[0].address
        own = paths.at[element.host, element.network].mac
        mine = [each for each in paths.outcomes if (each.probe.peer, each.probe.network) == (element.host, element.network)]
        others = sorted({mac for each in mine for mac in (each.neighbour, *each.neighbours)} - {own, ""})
        observed = f"{show(others)} for {address} of {element.host} on {element.network}; seen by {culprit.bad} of {culprit.asked} hosts"
        yield problem(paths, culprit, f"{own or 'one MAC address'} alone to answer", observed, "")


@check(
    "PTH007",
    "ICMP is filtered: the path cannot be verified",
    area="paths",
    severity=WARNING,
    scope=CLUSTER,
    fix="let the hosts ping each other (ICMP echo in every firewall between them, the host's own included), then run the check again",
    reproduce="ping -c 3 -I <bridge> <address of the other host>",
)
def echo_allowed(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """ICMP echo passes between the hosts. Where it is filtered and other packets pass, the MTU of the path cannot be told, nor its loss.

    It is an info where other packets were seen to pass, a warning where it may be a path that is dead in one direction.
    """
    paths = examine(hosts, cluster, policy)
    for culprit in culprits(paths, hosts, cluster, FILTERED):
        severity = INFO if culprit.kinds == (FILTERED,) else WARNING
        observed = f"{words.names(culprit, paths.at)}: cannot tell, echo is not answered although somebody is there{_or_else(culprit)}; {words.extent(culprit)}"
        yield problem(paths, culprit, "ICMP echo to be answered", observed, "", kind=UNKNOWN, severity=severity)


@check(
    "PTH008",
    "Paths were not tested",
    area="paths",
    severity=WARNING,
    scope=CLUSTER,
    fix="read the message; for the whole cluster run path_check.yml",
    reproduce="ansible-playbook -i INVENTORY playbooks/path_check.yml",
)
def everything_tried(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every host tried its paths to the others, on every label on which it has an address.

    A run in which nobody was told to try (preflight_path_check) is an info; one in which they could not be told is a warning.
    """
    paths = examine(hosts, cluster, policy)
    shared = Counter(network for _host, network in paths.at)
    told = [host for host in hosts if any((host.name, network) in paths.at and count > 1 for network, count in shared.items())]
    if told and not paths.outcomes:
        why = _why(told)
        severity = INFO if why in (NOBODY_TOLD, NOT_PROBED) else None
        yield Problem(tuple(host.name for host in told), "the paths to be tried", f"unknown: {why}", severity=severity, kind=UNKNOWN)
        return
    dead = {element.host for culprit in paths.verdict.culprits if culprit.kinds[0] == DEAD for element in culprit.candidates}
    left: dict[str, dict[str, set[str]]] = {}  # by host: why, and whom it did not ask
    for each in paths.outcomes:
        if each.failure == NOT_ASKED and not says_nothing(each):
            left.setdefault(each.probe.host, {}).setdefault(each.text or "no time was left", set()).add(each.probe.peer)
    for host in told:
        if host.name not in paths.ran and host.live and host.name not in dead:
            yield from _without_paths(host)
        elif host.name in left:
            why = "; ".join(f"{text}: {show(sorted(peers))}" for text, peers in sorted(left[host.name].items()))
            yield Problem((host.name,), "every path to be tried", f"unknown: {why}", kind=UNKNOWN)


@check(
    "PTH009",
    "A network without addresses cannot be tested",
    area="paths",
    severity=INFO,
    scope=CLUSTER,
    fix="nothing, if guests alone use it; else give the bridges addresses in network_bridge_bridges",
    reproduce="ip -br addr show type bridge",
)
def no_addresses(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The paths of a label are tried from address to address, so a label whose bridges have none is left out.

    Guest networks on VLANs seldom have addresses on the hosts. There IPv6's link-local ones are used, which every bridge has unless
    net.ipv6.conf.all.disable_ipv6 is set. Their packets have no tag, and nothing can be said where the switch ports carry tagged ones only;
    what is wrong with such paths is seen when guests use them. With VXLAN the bridge of the guest label needs an address.
    """
    paths = examine(hosts, cluster, policy)
    addressed = {network for _host, network in paths.at}
    bridged = {label for host in hosts for label in host.get("bridges") or {}}
    for label in labels(cluster):
        silent = sorted({tuple(sorted((each.probe.host, each.probe.peer))) for each in paths.outcomes if each.probe.network == label and says_nothing(each)})
        if label in bridged - addressed:
            between, why = {host.name for host in hosts}, "no host has an address"
        elif silent:
            pairs = show([" and ".join(pair) for pair in silent])
            between, why = {host for pair in silent for host in pair}, f"between {pairs} no packet without a VLAN tag passes"
        else:
            continue
        observed = f"unknown: {why} on {label} ({kinds_of(cluster, label)})"
        yield Problem(tuple(sorted(between)), f"the paths on {label} to be tried", observed, kind=UNKNOWN)


def _or_else(culprit: Culprit) -> str:
    rest = [ALSO[kind] for kind in culprit.kinds[1:]]
    return f" (or {' or '.join(rest)})" if rest else ""


def _without_paths(host: Profile) -> Iterator[Problem]:
    try:
        host.require_probe("paths")
    except FactUnavailable as error:
        yield fact_unavailable(host, error)


def _why(hosts: Sequence[Profile]) -> str:
    return next((error.observed.split(": ", 1)[-1] for host in hosts for error in _without_paths(host)), NOBODY_TOLD)
