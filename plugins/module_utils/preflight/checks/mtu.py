# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the MTU of the bridges and of the layers under them, and what VXLAN needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.mtu import (
    DEFAULT_MTU,
    GUEST_MTU,
    VXLAN_COST,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    below,
    bridge_of,
    declared_bridges,
    ipv4,
    label_bridges,
    labels,
    links,
    ports,
    stack,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.vxlan import evpn
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    odd_ones,
    show,
)

MEMBERSHIPS = "net.ipv4.igmp_max_memberships"
MEMBERSHIPS_MIN = 200  # CloudStack's documentation (plugins/vxlan.rst); the kernel's default is 20
FIX = (
    "correct mtu in network_bridge_config and run ansible-playbook cloudstack.kvm.prepare_hosts, "
    "which sets it on every layer (role network_bridge)"
)


@check(
    "MTU001",
    "A lower layer has a smaller MTU",
    area="mtu",
    severity=ERROR,
    scope=HOST,
    prevents=("F21",),
    fix=FIX,
    reproduce="ip -br link; ip -d link | grep mtu",
)
def layers(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """MTU of NIC >= bond >= VLAN device >= bridge, under every label.

    A layer that is smaller than the one above drops the large packets silently: ping works, downloads, TLS and
    NFS hang (F21).
    """
    too_small: dict[str, set[str]] = {}
    for label, bridge in label_bridges(host, cluster):
        sizes = _sizes(host, label, bridge)
        for upper, lower in _edges(host, label, bridge) if links(host) else ():
            small, large = sizes.get(lower), sizes.get(upper)
            if small is None or large is None:
                raise FactUnavailable(f"interfaces.{upper if large is None else lower}.mtu", host.why("interfaces"))
            if small < large:
                too_small.setdefault(f"{lower} has {small}", set()).add(f"{upper} above it {large}")
    for observed, above in sorted(too_small.items()):
        expected = "each layer with at least the MTU of the layer above it"
        yield Problem((host.name,), expected, f"{observed}, {show(above)}")


def _edges(host: Profile, label: str, bridge: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each device under a label's bridge with the one above it: upper, lower."""
    for port in ports(bridge):
        yield label, port
    for name in stack(host, bridge):
        for lower in below(host, name):
            yield name, lower


def _sizes(host: Profile, label: str, bridge: Mapping[str, Any]) -> dict[str, Any]:
    """The MTU of the bridge and of the devices under it, by name."""
    found = {name: link.get("mtu") for name, link in links(host).items()}
    return {**found, label: bridge.get("mtu")}


@check(
    "MTU002",
    "The bridge's MTU is not the declared one",
    area="mtu",
    severity=ERROR,
    scope=HOST,
    prevents=("F21",),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts (role network_bridge), or correct mtu in "
    "network_bridge_config",
    reproduce="ip link show type bridge",
)
def as_declared(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The bridge of a label has the MTU that the inventory declares for it (1500 where it says nothing).

    The kernel lowers a bridge's MTU by itself when a smaller port is put into it, and at the next boot the order may
    differ (F21).
    """
    for label, mtu, wanted in _declared(host, cluster):
        if mtu is not None and mtu != wanted:  # unknown: MTU001
            yield Problem((host.name,), f"MTU {wanted} on {label}", f"{mtu} on {label}")


def _declared(host: Profile, cluster: Cluster) -> Iterator[tuple[str, object, int]]:
    """Bridge of a label, its MTU, the declared one."""
    bridges = dict(label_bridges(host, cluster))
    for name, entry in declared_bridges(host).items():
        if name in bridges:
            yield name, bridges[name].get("mtu"), int(entry.get("mtu") or DEFAULT_MTU)


@check(
    "MTU003",
    "MTU differs under a label",
    area="mtu",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    fix=FIX,
    reproduce="ip link show type bridge",
)
def same_everywhere(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The bridge of a label has one MTU on all hosts of the cluster.

    Two hosts in one network that disagree lose each other's large packets, and a guest loses its connections when it is
    migrated (F21). A host whose bridge is not as declared is the subject of MTU002.
    """
    members = [host.name for host in hosts if host.member]
    for label in labels(cluster):
        for problem in odd_ones(_settled(hosts, cluster, label), members=members):
            yield replace(problem, observed=f"{label}: {problem.observed}")


def _settled(hosts: Sequence[Profile], cluster: Cluster, label: str) -> dict[str, int]:
    """The MTU of a label's bridge by host, without hosts on which it is not what is declared, or not known."""
    found = {}
    for host in hosts:
        astray = any(name == label and mtu != wanted for name, mtu, wanted in _declared(host, cluster))
        for name, bridge in label_bridges(host, cluster):
            if name == label and bridge.get("mtu") is not None and not astray:
                found[host.name] = bridge["mtu"]
    return found


@check(
    "MTU004",
    "No room for the VXLAN header",
    area="mtu",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    fix="set mtu of the guest label's bridge to 1550 (1570 with IPv6 between the hosts) or more, better 9000, "
    "in network_bridge_config, on the switches too",
    reproduce="ip link show type bridge; ping -M do -s 1522 <another host's address in this network>",
)
def room_for_vxlan(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Where guest networks are isolated with VXLAN, the guest label's bridge needs 50 bytes more than the guests' 1500,
    70 over IPv6.

    The guests' devices get what is left (modifyvxlan.sh). With 1500 on the host a guest that believes in its own 1500
    loses every full packet (F21, issues 7364, 7838). A host that differs from the others is the subject of MTU003.
    """
    if not cluster.vxlan:
        return
    for label in labels(cluster, "Guest"):
        sizes = _settled(hosts, cluster, label)
        usual = Counter(sizes.values()).most_common(1)
        needed = GUEST_MTU + VXLAN_COST[_family(hosts, label)]
        if usual and usual[0][0] < needed:
            small = tuple(sorted(name for name, mtu in sizes.items() if mtu == usual[0][0]))
            yield Problem(small, f"MTU {needed} or more on {label}", f"{usual[0][0]} on {label}")


def _family(hosts: Sequence[Profile], label: str) -> int:
    """6 if the hosts talk over this bridge by IPv6 only: link-local addresses do not count."""
    addresses: list[str] = []
    for host in hosts:
        addresses += bridge_of(host, label).get("addresses") or ()
    routed = [address for address in addresses if not address.lower().startswith("fe80")]
    return 6 if routed and not ipv4(routed) else 4


@check(
    "MTU005",
    "Too few multicast memberships for VXLAN",
    area="mtu",
    severity=WARNING,
    scope=HOST,
    prevents=("F21",),
    fix="set kvm_host_sysctl: {net.ipv4.igmp_max_memberships: 200} (the default of role kvm_host) "
    "and run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="sysctl net.ipv4.igmp_max_memberships",
)
def multicast_groups(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Where guest networks are isolated with VXLAN, each one is a multicast group that the host joins, and the kernel's
    default allows 20.

    The twenty-first network of a host comes up and carries nothing (plugins/vxlan.rst). EVPN needs no multicast.
    """
    if cluster.vxlan and not evpn(host):
        allowed = host.require("sysctl", MEMBERSHIPS)
        if not str(allowed).isdigit() or int(allowed) < MEMBERSHIPS_MIN:
            yield Problem((host.name,), f"{MEMBERSHIPS} = {MEMBERSHIPS_MIN} or more", str(allowed))
