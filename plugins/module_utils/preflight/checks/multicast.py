# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: whether the multicast that VXLAN needs passes between the hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import AssessedCluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.reachability import by_pair
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check

# Seconds that two hosts must have listened together: eight datagrams of each, with half a second for the clocks.
WINDOW = 2.5


@check(
    "NET043",
    "VXLAN's multicast does not pass between hosts",
    area="network",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    unknown=INFO,
    fix="let multicast (239.0.0.0/8, UDP 8472) pass between the hosts' addresses on the guest label: a querier where "
    "switches snoop IGMP (NET041), no storm control or filter of multicast; between subnets a router with PIM",
    reproduce="tcpdump -ni <label> udp port 8472 and dst net 239.0.0.0/8; ip maddr show dev <label>",
)
def multicast_passes(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """Where guest networks are isolated with VXLAN by multicast, each host must hear what the others send to a group of
    239.0.0.0/8.

    Consequence: the join succeeds, and guests of one network on different hosts do not find each other, since ARP goes
    by the group (modifyvxlan.sh makes one of each VNI; RFC 7348, section 4.2). All hosts join 239.0.0.0, which belongs
    to no network, and send to UDP 8472 of it while they are probed. Compared are hosts that did so at the same time for
    WINDOW seconds at least by clocks that are known, and between which single packets pass; what a host's own firewall
    drops is NET023's matter, the packets are heard before it.
    """
    if not cluster.vxlan:
        return
    heard = _multicast_heard(hosts)
    asked = _asked_together(hosts, heard)
    passed = {(each.probe.host, each.probe.peer) for each in cluster.paths.outcomes if each.control}
    pairs: dict[tuple[str, str], str] = {}
    for sender, listener, label in asked:
        if {(sender, listener), (listener, sender)} & passed:
            found = sender in heard[listener, label]["heard"]
            pairs[sender, listener] = "" if found else f"what it sends on {label} is not heard"
    names = {host.name for host in hosts}
    reproduce = "tcpdump -ni <label> udp port 8472 and dst net 239.0.0.0/8"
    yield from by_pair(pairs, names, "a datagram to 239.0.0.0 to arrive", reproduce, severity=ERROR, fix="")
    for (name, label), network in heard.items():
        if network["text"]:
            expected = f"multicast on {label} to be tried"
            yield Problem((name,), expected, f"unknown: {network['text']}", kind=UNKNOWN, severity=INFO)


def _multicast_heard(hosts: Sequence[Profile]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """By host and label what the host heard."""
    return {(host.name, each["name"]): each for host in hosts for each in host.probes.get("multicast") or ()}


def _asked_together(
    hosts: Sequence[Profile], heard: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """Sender, listener and label of those that sent and listened at the same time."""
    windows = {}
    for host in hosts:
        clock = host.probes.get("clock") or {}
        for (name, label), network in heard.items():
            if name == host.name and clock.get("offset_s") is not None and network["sent"] and not network["text"]:
                windows[name, label] = (network["began"] - clock["offset_s"], network["ended"] - clock["offset_s"])
    found = []
    for (sender, label), (began, ended) in windows.items():
        for (listener, other_label), (other_began, other_ended) in windows.items():
            together = min(ended, other_ended) - max(began, other_began)
            if sender != listener and label == other_label and together >= WINDOW:
                found.append((sender, listener, label))
    return found
