# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses of the inventory: at which one CloudStack and the other hosts find a machine, and a firewall's sets of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
# Where a host, and a management server, is on the management network: the first of these variables that is set. Ansible
# may log in over another network (ansible_host).
HOST_ADDRESS = ("host_registration_address", "cloudstack_host_address", "ansible_host", "inventory_hostname")
MANAGEMENT_ADDRESS = ("cloudstack_management_address", "ansible_host", "inventory_hostname")


def host_address(variables: Mapping[str, Any]) -> str:
    """The management address of the KVM host with these variables; empty where the inventory has none."""
    return _first_set(variables, HOST_ADDRESS)


def management_address(variables: Mapping[str, Any]) -> str:
    """The address of the management server with these variables on the management network; empty where there is none."""
    return _first_set(variables, MANAGEMENT_ADDRESS)


def host_addresses(names: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The management addresses of these KVM hosts, in their order."""
    return [host_address(variables[name]) or name for name in names]


def management_addresses(names: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The addresses of these management servers on the management network, in their order."""
    return [management_address(variables[name]) or name for name in names]


def _first_set(variables: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((str(variables[name]) for name in names if variables.get(name)), "")


def networks_of(interfaces: Iterable[Mapping[str, Any]], addresses: Iterable[str]) -> list[str]:
    """The addresses, with prefix length and without link-local ones, of the interface that has the first of `addresses`
    that any of them has.

    `interfaces` are those of kvm_host_facts. Empty where none has one of them.
    """
    links = [[ipaddress.ip_interface(each) for each in link["addresses"]] for link in interfaces]
    for wanted in addresses:
        for own in links:
            if wanted in {str(each.ip) for each in own}:
                return [str(each) for each in own if not each.ip.is_link_local]
    return []


def sort_addresses(texts: Iterable[str]) -> dict[str, list[str]]:
    """Addresses and networks -> ipv4 and ipv6, each sorted and merged, and `unusable`: what is neither, such as a name.

    10.0.0.7/24 stands for its whole network, and 10.0.0.7 for itself.
    """
    networks: dict[int, list[Network]] = {4: [], 6: []}
    unusable = []
    for text in texts:
        try:
            network = ipaddress.ip_network(str(text).strip(), strict=False)
        except ValueError:
            unusable.append(str(text))
        else:
            networks[network.version].append(network)
    return {"ipv4": _merged(networks[4]), "ipv6": _merged(networks[6]), "unusable": sorted(set(unusable))}


def _merged(networks: list[Network]) -> list[str]:
    merged = ipaddress.collapse_addresses(networks)  # type: ignore[type-var]
    return list(map(_text, merged))


def _text(network: Network) -> str:
    return str(network.network_address if network.num_addresses == 1 else network)
