# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses as a firewall needs them: apart by family, none twice, none inside another."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


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
