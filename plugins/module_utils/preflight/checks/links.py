# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host's network as a stack: traffic label, what carries it (Linux bridge, Open vSwitch bridge or plain interface),
port, and what lies below (VLAN device, bond, card).

What cannot be seen is left out here, so that one missing fact is reported by one check: NET001 for the bridges, NET011
for the links, NET002 for the ports of Open vSwitch.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Optional, Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.bridge_labels import (
    PHYSICAL,
    is_plain_interface,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks import open_vswitch
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile

LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
BONDS = ("bond", "team")  # kinds of links
LINUX, OVS, PLAIN = "bridge", "openvswitch", "interface"  # what carries a label
# Drivers of the USB network cards by which a server talks to its own BMC: the other end is inside the server (Linux,
# drivers/net/usb; Lenovo XCC and Dell iDRAC use cdc_ether, HPE iLO cdc_eem, AMI's rndis_host, OpenBMC cdc_ncm).
USB_DRIVERS = ("cdc_ether", "cdc_eem", "cdc_ncm", "rndis_host")
# Kinds of links that have addresses which other hosts have too: service addresses and ends of tunnels.
INNER_KINDS = ("loopback", "dummy", "tun", "ipip", "sit", "gre", "wireguard", "vrf")


def labels(cluster: Cluster, *kinds: str) -> tuple[str, ...]:
    """The labels of these traffic types (all if none is named), each once, sorted."""
    found: set[str] = set()
    for kind, given in cluster.labels.items():
        if not kinds or kind in kinds:
            found.update(given)
    return tuple(sorted(found))


def kinds_of(cluster: Cluster, label: str) -> str:
    """The traffic types that a label carries, as the operator reads them."""
    return ", ".join(sorted(kind for kind, given in cluster.labels.items() if label in given))


def links(host: Profile) -> dict[str, Mapping[str, Any]]:
    """The host's interfaces by name, with the bonds and cards that only Open vSwitch knows of."""
    found: dict[str, Mapping[str, Any]] = {link["name"]: link for link in host.get("interfaces") or ()}
    return {**found, **open_vswitch.links_of(ovs_of(host), found)} if ovs_of(host) else found


def ovs_of(host: Profile) -> Mapping[str, Any]:
    """What ovs-vsctl told of the host, empty without Open vSwitch and where it is not known."""
    found = host.get("ovs")
    return found if isinstance(found, Mapping) else {}


def declared_bridges(host: Profile) -> dict[str, Mapping[str, Any]]:
    """What the inventory says of the host's bridges (network_bridge_config), by name."""
    return {str(entry["name"]): entry for entry in host.declared.get("bridges") or () if entry.get("name")}


def bridge_of(host: Profile, label: str) -> Mapping[str, Any]:
    """What carries the label on the host: addresses, mtu, ports, and `kind` where it is not a Linux bridge. Empty if
    there is nothing of this name, or nothing that the agent can use. A bridge of Open vSwitch of which ovs-vsctl did
    not tell the ports has them in `possible`: which of them are its own is not known.

    A label may be a plain interface, on which the agent makes a bridge for each guest VLAN (BridgeVifDriver.getPifs and
    matchPifFileInDirectory, 4.22.1; cloudstack pull request 5078).
    """
    bridges = host.get("bridges") or {}
    if label in bridges:
        return bridges[label]
    link = links(host).get(label, {})
    parts = {"addresses": link.get("addresses") or [], "mtu": link.get("mtu")}
    if link.get("kind") == OVS:
        told = open_vswitch.is_known(ovs_of(host), label)
        found = open_vswitch.uplinks(ovs_of(host), label) if told else open_vswitch.possible_uplinks(links(host))
        return {**parts, "kind": OVS, "ports": found if told else [], "possible": found}
    return {**parts, "kind": PLAIN, "ports": [label]} if is_plain_interface(link) else {}


def label_bridges(host: Profile, cluster: Cluster, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What carries the labels of these traffic types on the host, as bridge_of tells it."""
    for label in labels(cluster, *kinds):
        found = bridge_of(host, label)
        if found or label in (host.get("bridges") or {}):
            yield label, found


def kind_of(bridge: Mapping[str, Any]) -> str:
    """LINUX, OVS or PLAIN."""
    return str(bridge.get("kind") or LINUX)


def ports(bridge: Mapping[str, Any]) -> list[str]:
    """The ports that lead out of the host, which those of guests do not. The agent knows those of a Linux bridge by
    their names only."""
    found = bridge.get("ports") or ()
    return sorted(port for port in found if kind_of(bridge) != LINUX or PHYSICAL.match(port))


def below(host: Profile, name: str) -> list[str]:
    """The devices right under a VLAN device or a bond."""
    found = links(host)
    link = found.get(name, {})
    if link.get("kind") == "vlan":
        return [link["parent"]] if link.get("parent") in found else []
    if link.get("kind") in BONDS:
        return sorted(other for other, each in found.items() if each.get("master") == name)
    return []


def stack(host: Profile, bridge: Mapping[str, Any]) -> list[str]:
    """All devices under a bridge, upper ones first."""
    found = ports(bridge)
    for name in found:  # grows while it is walked
        found.extend(lower for lower in below(host, name) if lower not in found)
    return found


def cards(host: Profile, bridge: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The devices under a bridge that have nothing under them."""
    found = links(host)
    return [found[name] for name in stack(host, bridge) if name in found and not below(host, name)]


def leads_out(host: Profile, link: Mapping[str, Any]) -> bool:
    """False for what exists only inside the host: loopback, service addresses, the BMC's USB network card, and bridges
    without a port such as cloud0, docker0 and virbr0."""
    if link.get("kind") == "bridge":
        return bool(ports(bridge_of(host, link["name"])))
    return link.get("kind") not in INNER_KINDS and not is_bmc_link(link)


def is_bmc_link(link: Mapping[str, Any]) -> bool:
    """Whether this is the server's own end of the BMC's USB network card, of which many servers have the same MAC and
    the same address. A USB card in a bridge or bond is an ordinary one."""
    return link.get("driver") in USB_DRIVERS and not link.get("master")


def ipv4(addresses: Any) -> list[ipaddress.IPv4Interface]:
    """The IPv4 addresses of a bridge or interface with their networks, without link-local ones."""
    found = [each for each in parsed(addresses) if isinstance(each, ipaddress.IPv4Interface)]
    return [each for each in found if each.ip not in LINK_LOCAL]


def parsed(addresses: Any) -> Iterator[Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]]:
    """Addresses such as 192.0.2.11/24; what is not one ("default", a name) is left out."""
    for text in addresses or ():
        address = _address(str(text))
        if address is not None:
            yield address


@functools.lru_cache(maxsize=4096)  # most checks ask for the same addresses of the same hosts
def _address(text: str) -> Optional[Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]]:
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def management_addresses(host: Profile, cluster: Cluster) -> Optional[list[ipaddress.IPv4Interface]]:
    """The IPv4 addresses of the bridge with the management label, None if the host has no such bridge."""
    found: Optional[list[ipaddress.IPv4Interface]] = None
    for _label, bridge in label_bridges(host, cluster, "Management"):
        found = (found or []) + ipv4(bridge.get("addresses"))
    return found


def address_of(host: Profile, cluster: Cluster) -> str:
    """The address by which others reach the host: the declared one, else the one of its management bridge, "" if
    neither is known."""
    declared = list(parsed([host.declared.get("address")]))
    found = declared or management_addresses(host, cluster)
    return str(found[0].ip) if found else ""
