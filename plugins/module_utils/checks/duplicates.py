# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: what only one host may have, its addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.links import declared_bridges, leads_out, links, parsed
from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.registry import CLUSTER, check, show
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.finding import BLOCKER, ERROR, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.profile import Cluster, Profile


@check(
    "NET008",
    "No address twice",
    severity=BLOCKER,
    scope=CLUSTER,
    prevents=("F09",),
    fix="give one of them its own address in network_bridge_bridges and run playbooks/prepare_hosts.yml",
    reproduce="ip -br addr",
)
def duplicate_address(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No address is on two hosts. Addresses that exist only inside a host (cloud0, docker0, virbr0, link-local ones) do not count.

    Traffic goes to whichever of the two answered ARP last. On the management network both hosts also get the same GUID, and the second
    one takes over the row of the first (F09). A host for which the inventory declares the address is not blamed.
    """
    entitled = {(host.name, address) for host in hosts for address in _declared_addresses(host)}
    shared: dict[tuple[str, ...], list[str]] = {}
    for address, owners in owners_of_addresses(hosts).items():
        if len(owners) > 1:
            guilty = _without_right(owners, {name for name in owners if (name, address) in entitled})
            shared.setdefault(guilty, []).append(f"{address} on {show(owners)}")
    for names, observed in sorted(shared.items()):
        yield Problem(names, "every address on one host", "; ".join(sorted(observed)))


def owners_of_addresses(hosts: Sequence[Profile]) -> dict[str, set[str]]:
    """Address -> the hosts on which it is, leaving out those that exist only inside a host."""
    owners: dict[str, set[str]] = {}
    for host in hosts:
        for link in links(host).values():
            for each in parsed(link.get("addresses")) if leads_out(host, link) else ():
                if not each.ip.is_link_local:
                    owners.setdefault(str(each.ip), set()).add(host.name)
    return owners


def _without_right(names: set[str], rightful: set[str]) -> tuple[str, ...]:
    """Those to blame: all but the one that has a right to it, or all if none or several have."""
    return tuple(sorted(names - rightful if len(rightful) == 1 else names))


def _declared_addresses(host: Profile) -> set[str]:
    bridges = [str(entry.get("address") or "").split("/", maxsplit=1)[0] for entry in declared_bridges(host).values()]
    return {str(host.declares("address")), *bridges}


@check(
    "NET009",
    "No MAC address twice",
    severity=ERROR,
    scope=CLUSTER,
    fix="remove the MAC address that was copied into the configuration of the interface or of the virtual machine, and restart the interface",
    reproduce="ip -br link",
)
def duplicate_mac(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No MAC address is on two hosts (cards, bonds, and bridges with a port).

    A switch learns the address on both ports in turn and each host gets half of its frames. It comes from copied configuration or
    cloned machines. A host on whose card the address is the permanent one is not blamed.
    """
    owners: dict[str, set[str]] = {}
    permanent: dict[str, set[str]] = {}
    for host in hosts:
        for link in links(host).values():
            mac = str(link.get("mac") or "").lower()
            if mac.strip("0:") and leads_out(host, link) and (link.get("physical") or link.get("kind") in ("bridge", "bond")):
                owners.setdefault(mac, set()).add(host.name)
                if str(link.get("permanent_mac") or "").lower() == mac:
                    permanent.setdefault(mac, set()).add(host.name)
    shared: dict[tuple[str, ...], list[str]] = {}
    for mac, names in owners.items():
        rightful = permanent.get(mac, set())
        if len(names) > 1:
            shared.setdefault(_without_right(names, rightful), []).append(f"{mac} on {show(names)}")
    for guilty, observed in sorted(shared.items()):
        yield Problem(guilty, "every MAC address on one host", "; ".join(sorted(observed)))
