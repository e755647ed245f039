# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the hosts are attached to the networks of the traffic labels: by their own facts, the rack by the inventory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.mtu import DEFAULT_MTU
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    below,
    bridge_of,
    declared_bridges,
    label_bridges,
    labels,
    links,
    parsed,
    ports,
    stack,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile


def attachments(hosts: Sequence[Profile], cluster: Cluster) -> list[Attachment]:
    """Every host on every label whose bridge has an address there.

    Where no host has one, as on most guest networks, IPv6's link-local addresses are used, which need no configuration
    (but not for VXLAN, whose packets go from address to address); without those either the label cannot be probed. A
    host without facts is probed by the others at the address of its management network, as that may show why.

    The place is the inventory's `rack` as soon as one host has it, else the switches that the cards under the bridge
    hear by LLDP.
    """
    racks = any(host.declared.get("rack") for host in hosts)
    addressed = _addressed_labels(hosts, cluster)
    found = []
    for host in hosts:
        for label, bridge in label_bridges(host, cluster):
            address = _address(host, label, bridge) if label in addressed else _link_local(bridge)
            if address:
                place = str(host.declared.get("rack") or "") if racks else _leafs(host, bridge)
                mac = str(links(host).get(label, {}).get("mac") or "").lower()
                found.append(Attachment(host.name, label, address, place, nic(host, bridge), mac))
    return found + list(_without_facts(hosts, cluster))


def guest_attachments(hosts: Sequence[Profile], cluster: Cluster) -> list[Attachment]:
    """Those on the guest labels, between which VXLAN carries the guests' packets."""
    guest = labels(cluster, "Guest")
    return [each for each in attachments(hosts, cluster) if each.network in guest]


def _addressed_labels(hosts: Sequence[Profile], cluster: Cluster) -> set[str]:
    """The labels on which configured addresses count."""
    found = set(labels(cluster, "Guest")) if cluster.vxlan else set()
    for host in hosts:
        found.update(label for label, bridge in label_bridges(host, cluster) if _address(host, label, bridge))
    return found


def _without_facts(hosts: Sequence[Profile], cluster: Cluster) -> Iterator[Attachment]:
    """Only hosts in the network of a host with facts: the way elsewhere is not known."""
    networks = {label: _networks(hosts, label) for label in labels(cluster, "Management")}
    for missing in cluster.hosts_without_facts:
        for label, found in networks.items():
            for address in parsed([missing.address]):
                if any(address.ip in network for network in found):
                    yield Attachment(missing.name, label, missing.address, missing.rack)


def _networks(hosts: Sequence[Profile], label: str) -> set[IPv4Network | IPv6Network]:
    found: set[IPv4Network | IPv6Network] = set()
    for host in hosts:
        addresses = parsed(bridge_of(host, label).get("addresses"))
        found.update(each.network for each in addresses if not each.ip.is_link_local)
    return found


def mtus(hosts: Sequence[Profile], cluster: Cluster) -> dict[str, int]:
    """Label -> the MTU on which the hosts will rely: of most of its bridges, as the inventory declares it, else as it
    is.

    A host that differs is the subject of MTU002 or MTU003.
    """
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for host in hosts:
        for label, bridge in label_bridges(host, cluster):
            entry = declared_bridges(host).get(label)
            said = entry.get("mtu") if entry else bridge.get("mtu")
            found[label][int(said or DEFAULT_MTU)] += 1
    return {label: max(counts, key=lambda mtu: (counts[mtu], mtu)) for label, counts in found.items()}


def smallest_layer(host: Profile, label: str) -> int:
    """The smallest MTU of the label's bridge and of what is under it, by the host's facts; 0 if nothing is known."""
    bridge, found = bridge_of(host, label), links(host)
    sizes = [bridge.get("mtu"), *(found[name].get("mtu") for name in stack(host, bridge) if name in found)]
    return min((size for size in sizes if size), default=0)


def nic(host: Profile, bridge: Mapping[str, Any]) -> str:
    """The card or bond below a bridge (below the VLAN device, where there is one), "" if there is none."""
    name = next(iter(ports(bridge)), "")
    while links(host).get(name, {}).get("kind") == "vlan" and below(host, name):
        name = below(host, name)[0]
    return name


def _address(host: Profile, label: str, bridge: Mapping[str, Any]) -> str:
    """The declared one where the bridge has several, else IPv4 before IPv6; no link-local one."""
    found = [each for each in parsed(bridge.get("addresses")) if not each.ip.is_link_local]
    if not found:
        return ""
    declared = {each.ip for each in parsed([declared_bridges(host).get(label, {}).get("address")])}
    return str(min(found, key=lambda each: (each.ip not in declared, each.version)).ip)


def _link_local(bridge: Mapping[str, Any]) -> str:
    for each in parsed(bridge.get("addresses")):
        if each.version == 6 and each.ip.is_link_local:
            return str(each.ip)
    return ""


def is_link_local(address: str) -> bool:
    """Whether an address of an attachment is one that was not configured."""
    return ip_address(address).is_link_local


def _leafs(host: Profile, bridge: Mapping[str, Any]) -> str:
    """The switches at the other end of the cards; two that serve one bond are one place."""
    found = links(host)
    heard = [found[name].get("lldp") or {} for name in stack(host, bridge) if name in found]
    names = {str(each.get("system") or each.get("chassis") or "") for each in heard}
    return "+".join(sorted(names - {""}))
