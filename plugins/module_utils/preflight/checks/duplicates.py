# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: addresses that only one host may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    bridge_of,
    declared_bridges,
    leads_out,
    links,
    parsed,
    ports,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import BLOCKER, ERROR, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check, show


@check(
    "NET008",
    "Two hosts have the same IP address",
    area="duplicates",
    severity=BLOCKER,
    scope=CLUSTER,
    prevents=("F09",),
    fix="give one of them its own address in network_bridge_config and run ansible-playbook "
    "cloudstack.kvm.prepare_hosts",
    reproduce="ip -br addr",
)
def duplicate_address(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No address is on two hosts. Addresses that exist only inside a host do not count: cloud0, docker0, virbr0,
    link-local ones, service addresses on dummy interfaces, the USB network card of the BMC, and gateways of EVPN that
    all hosts have alike (anycast).

    Traffic goes to whichever of the two answered ARP last. On the management network both hosts also get the same GUID,
    and the second one takes over the row of the first (F09). A host for which the inventory declares the address is not
    blamed.
    """
    entitled: dict[str, set[str]] = {}
    for host in hosts:
        for address in _declared_addresses(host):
            entitled.setdefault(address, set()).add(host.name)
    yield from _shared(owners_of_addresses(hosts), entitled, "every address on one host")


def owners_of_addresses(hosts: Sequence[Profile]) -> dict[str, set[str]]:
    """Address -> the hosts on which it is, leaving out those that exist only inside a host."""
    owners: dict[str, set[str]] = {}
    anycast: set[str] = set()
    for host in hosts:
        for link in links(host).values():
            found = {str(each.ip) for each in parsed(link.get("addresses")) if not each.ip.is_link_local}
            anycast |= found if _on_vxlan_alone(host, link) else set()
            for address in found if leads_out(host, link) else ():
                owners.setdefault(address, set()).add(host.name)
    return {address: names for address, names in owners.items() if not (address in anycast and len(names) > 2)}


def _on_vxlan_alone(host: Profile, link: Mapping[str, Any]) -> bool:
    """Whether a bridge leads nowhere but into VXLAN: the gateway of an EVPN network has one address and one MAC on
    every host (RFC 9135, distributed anycast gateway)."""
    found = ports(bridge_of(host, link["name"])) if link.get("kind") == "bridge" else []
    return bool(found) and all(links(host).get(port, {}).get("kind") == "vxlan" for port in found)


def _shared(owners: Mapping[str, set[str]], entitled: Mapping[str, set[str]], expected: str) -> Iterator[Problem]:
    """One problem for each group of hosts to blame: all owners but the entitled one, or all if that is not one host."""
    shared: dict[tuple[str, ...], list[str]] = {}
    for thing, names in owners.items():
        if len(names) > 1:
            rightful = names & entitled.get(thing, set())
            guilty = names - rightful if len(rightful) == 1 else names
            shared.setdefault(tuple(sorted(guilty)), []).append(f"{thing} on {show(names)}")
    for guilty_names, observed in sorted(shared.items()):
        yield Problem(guilty_names, expected, "; ".join(sorted(observed)))


def _declared_addresses(host: Profile) -> set[str]:
    found = {str(host.declared.get("address"))}
    for entry in declared_bridges(host).values():
        found.add(str(entry.get("address") or "").split("/", maxsplit=1)[0])
    return found


@check(
    "NET009",
    "Two hosts have the same MAC address",
    area="duplicates",
    severity=ERROR,
    scope=CLUSTER,
    fix="remove the MAC address that was copied into the configuration of the interface or of the virtual machine, "
    "and restart the interface",
    reproduce="ip -br link",
)
def duplicate_mac(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No MAC address is on two hosts (cards, bonds, and bridges with a port).

    A switch learns the address on both ports in turn and each host gets half of its frames. It comes from copied
    configuration or cloned machines. A host on whose card the address is the permanent one is not blamed. The USB
    network card by which a server talks to its own BMC has the same address in many servers, and no switch sees it.
    """
    owners: dict[str, set[str]] = {}
    permanent: dict[str, set[str]] = {}
    for host in hosts:
        for link in links(host).values():
            mac = str(link.get("mac") or "").lower()
            inner = not leads_out(host, link) or _on_vxlan_alone(host, link)
            if mac.strip("0:") and not inner and _has_own_mac(link):
                owners.setdefault(mac, set()).add(host.name)
                if str(link.get("permanent_mac") or "").lower() == mac:
                    permanent.setdefault(mac, set()).add(host.name)
    yield from _shared(owners, permanent, "every MAC address on one host")


def _has_own_mac(link: Mapping[str, Any]) -> bool:
    return bool(link.get("physical")) or link.get("kind") in ("bridge", "bond")
