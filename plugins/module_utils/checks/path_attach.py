# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the hosts are attached to the networks of the traffic labels, by their own facts and the inventory's word for the rack."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.links import below, declared_bridges, label_bridges, links, parsed, ports, stack
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.mtu import DEFAULT_MTU
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.path import Attachment
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.profile import Cluster, Profile


def attachments(hosts: Sequence[Profile], cluster: Cluster) -> list[Attachment]:
    """Every host on every label whose bridge has an address there. A label without addresses cannot be asked anything.

    The place is the inventory's `rack` as soon as one host has it, else the switches that the cards under the bridge hear by LLDP.
    """
    racks = any(host.declares("rack") for host in hosts)
    found = []
    for host in hosts:
        for label, bridge in label_bridges(host, cluster):
            address = _address(host, label, bridge)
            if address:
                place = str(host.declares("rack") or "") if racks else _leafs(host, bridge)
                found.append(Attachment(host.name, label, address, place, nic(host, bridge), str(links(host).get(label, {}).get("mac") or "").lower()))
    return found


def mtus(hosts: Sequence[Profile], cluster: Cluster) -> dict[str, int]:
    """Label -> the MTU on which the hosts will rely: of most of its bridges, as the inventory declares it, else as it is.

    A host that differs is the subject of MTU002 or MTU003.
    """
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for host in hosts:
        for label, bridge in label_bridges(host, cluster):
            entry = declared_bridges(host).get(label)
            mtu = int((entry.get("mtu") if entry else bridge.get("mtu")) or DEFAULT_MTU)
            found[label][mtu] += 1
    return {label: max(counts, key=lambda mtu: (counts[mtu], mtu)) for label, counts in found.items()}


def smallest_layer(host: Profile, label: str) -> int:
    """The smallest MTU of the label's bridge and of what is under it, by the host's facts; 0 if nothing is known."""
    bridge = (host.get("bridges") or {}).get(label, {})
    found = links(host)
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
    declared = {each.ip for each in parsed([declared_bridges(host).get(label, {}).get("address")])}
    return str(min(found, key=lambda each: (each.ip not in declared, each.version)).ip) if found else ""


def _leafs(host: Profile, bridge: Mapping[str, Any]) -> str:
    """The switches at the other end of the cards; two that serve one bond are one place."""
    found = links(host)
    heard = [found[name].get("lldp") or {} for name in stack(host, bridge) if name in found]
    return "+".join(sorted({str(each.get("system") or each.get("chassis")) for each in heard if each.get("system") or each.get("chassis")}))
