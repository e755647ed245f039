# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: by which interface and from which address a host sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    address_of,
    bridge_of,
    ipv4,
    kinds_of,
    labels,
    leads_out,
    links,
    management_addresses,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.vxlan import evpn
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import HOST, check, show

DEFAULT = "default"
STRICT = "1"  # rp_filter
Route = Mapping[str, Any]


@check(
    "NET031",
    "The default route is not the one of the management network",
    area="addressing",
    severity=WARNING,
    scope=HOST,
    prevents=("F17", "F20"),
    fix="keep one default route, by the bridge of the management label: a gateway for this bridge alone in the host's "
    "network configuration (network_bridge_config, gateway)",
    reproduce="ip -4 route show default",
)
def default_route(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A host has one default route, and it does not leave by the network of the guests or of the public addresses.

    Of two with one metric the kernel takes the one that was set first, another one after each restart of the network.
    cloudstack-setup-agent reads `route -n` and takes all of them for one device when it has to touch the network
    (networkConfig.py; issues 9489, 10808). By the public bridge the host itself is in the public network, and what it
    sends to the management server comes from an address there. A second one with another metric is a spare, told as
    information; a route with several next hops (BGP) is one.
    """
    routes = host.get("routes") or ()  # unknown: NET014
    found = [route for route in routes if route.get("destination") == DEFAULT]
    best = [route for route in found if _metric(route) == min(map(_metric, found))]
    if len(best) > 1:
        yield Problem((host.name,), "one default route", f"{show([_text(route) for route in best])}, of one metric")
    elif len(found) > 1:
        yield Problem((host.name,), "one default route", show([_text(route) for route in found]), severity=INFO)
    for route in best:
        foreign = [device for device in _devices(route) if _is_foreign(cluster, device)]
        if foreign and management_addresses(host, cluster):
            wanted = f"the default route by {show(labels(cluster, 'Management'))}, or by none of the labels"
            yield Problem((host.name,), wanted, f"{_text(route)}, which carries {kinds_of(cluster, foreign[0])}")


def _is_foreign(cluster: Cluster, device: str) -> bool:
    """Whether a device carries guests or public traffic, and nothing of CloudStack's own."""
    return device in labels(cluster, "Public", "Guest") and device not in labels(cluster, "Management", "Storage")


def _devices(route: Route) -> list[str]:
    """The device of a route, or those of its next hops."""
    return [str(hop.get("device")) for hop in (route, *(route.get("nexthops") or ())) if hop.get("device")]


def _metric(route: Route) -> int:
    return route["metric"] if isinstance(route.get("metric"), int) else 0


def _text(route: Route) -> str:
    gateway, metric = route.get("gateway"), route.get("metric")
    return show(_devices(route)) + (f" to {gateway}" if gateway else "") + (f" metric {metric}" if metric else "")


@check(
    "NET033",
    "The host reaches the management server from another address",
    area="addressing",
    severity=WARNING,
    scope=HOST,
    prevents=("F06", "F20"),
    fix="make the way to the management server leave by the bridge of the management label: remove the second address "
    "or interface in its subnet, or the route (or rule: ip rule) that leads elsewhere",
    reproduce="ip route get <management server>; ip rule",
)
def source_address(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """What the host sends to the management server comes from the address by which CloudStack knows the host.

    CloudStack registers the address of the management label. The agent connects from whatever address the host's
    routes give it: firewalls that let in the hosts' known addresses drop it, and with ca.plugin.root.auth.strictness
    the server refuses an agent whose address is not in its certificate (RootCACustomTrustManager), which is an error.
    The address is the one from which the port of the agent was probed; where it was not, it is worked out from the
    routes of the main table, which says nothing on a host with rules of its own (ip rule).
    """
    known = {address_of(host, cluster), *(str(each.ip) for each in management_addresses(host, cluster) or ())} - {""}
    for server in cluster.management_addresses if known else ():
        probed = _probed_source(host, server)
        if not probed and host.get("rules"):
            rules = show([str(rule.get("text")) for rule in host.get("rules")])
            wanted = f"the address from which {server} is reached to be known"
            yield Problem((host.name,), wanted, f"unknown: not probed, and the host has rules: {rules}", kind=UNKNOWN)
            continue
        source = probed or _routed_source(host, server)
        if source and source not in known:
            device = next((name for name, link in links(host).items() if _has(link, source)), "")
            observed = f"{server} is reached from {source}{f' ({device})' if device else ''}"
            severity = ERROR if _is_refused(host, cluster, source) else WARNING
            wanted = f"{show(sorted(known))} as the address that {server} sees"
            yield Problem((host.name,), wanted, observed, severity=severity)


def _is_refused(host: Profile, cluster: Cluster, source: str) -> bool:
    """Whether the server refuses the certificate of a host that connects from this address."""
    names = [str(name).rsplit(":", 1)[-1] for name in host.get("agent", "certificate", "names") or ()]
    strict = str(cluster.settings.get("ca.plugin.root.auth.strictness")).lower() == "true"
    return strict and bool(names) and source not in names


def _probed_source(host: Profile, server: str) -> str:
    """From which address the agent's port on this server was probed."""
    for probe in host.probes.get("ports") or ():
        if probe.get("purpose") == "agent" and probe.get("address") == server and probe.get("source"):
            return str(probe["source"])
    return ""


def _routed_source(host: Profile, server: str) -> str:
    """The source address that the main table gives, "" where it does not tell."""
    target = _address(server)
    fitting = [route for route in host.get("routes") or () if target and target in _network(route)]
    if not fitting:
        return ""
    route = min(fitting, key=lambda each: (-_network(each).prefixlen, _metric(each)))
    if route.get("source"):
        return str(route["source"])
    own = ipv4(links(host).get(str(route.get("device")), {}).get("addresses"))
    hop = _address(route.get("gateway")) or target
    near = [each for each in own if hop in each.network]
    return str((near or own)[0].ip) if own else ""


def _address(text: Any) -> Optional[IPv4Address]:
    found = ipv4([text]) if text else []
    return found[0].ip if found else None


def _network(route: Route) -> IPv4Network:
    """The addresses that a route is for; a network of none where it is not one of IPv4."""
    text = str(route.get("destination"))
    try:
        return IPv4Network("0.0.0.0/0" if text == DEFAULT else text, strict=False)
    except ValueError:
        return IPv4Network("255.255.255.255/32")


def _has(link: Mapping[str, Any], address: str) -> bool:
    return address in {str(each.ip) for each in ipv4(link.get("addresses"))}


@check(
    "NET035",
    "Two interfaces are in one subnet",
    area="addressing",
    severity=WARNING,
    scope=HOST,
    prevents=("F20",),
    fix="give one of the two an address of another subnet, or none, or join the two cards to a bond "
    "(network_bridge_config)",
    reproduce="ip -4 -br addr; ip -4 route",
)
def one_subnet(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The subnet in which a label has an address is on no other interface of the host.

    The kernel sends everything for the subnet by one of the two, and answers ARP for both addresses on both
    (arp_ignore is 0): neighbours learn the wrong card, traffic comes in by one and leaves by the other, and with a
    strict rp_filter it is dropped. Interfaces that no label uses are not looked at: two storage cards in one subnet are
    wanted with some iSCSI arrays.
    """
    carrying = {label for label in labels(cluster) if bridge_of(host, label)}
    by_network: dict[IPv4Network, dict[str, str]] = {}
    for name, own in _interfaces_with_networks(host):
        by_network.setdefault(own.network, {})[name] = str(own.ip)
    for network, found in sorted(by_network.items()):
        if len(found) > 1 and carrying & set(found):
            addresses = show([f"{address} on {name}" for name, address in found.items()])
            yield Problem((host.name,), f"one interface in {network}", f"{network}: {addresses}")


def _interfaces_with_networks(host: Profile) -> Iterator[tuple[str, IPv4Interface]]:
    """Interfaces that are up, with each of their networks; an address that is routed to the host has none."""
    for name, link in sorted(links(host).items()):
        table_of_its_own = links(host).get(str(link.get("master")), {}).get("kind") == "vrf"
        if link.get("up") is not False and leads_out(host, link) and not table_of_its_own:
            for each in ipv4(link.get("addresses")):
                if each.network.prefixlen < each.max_prefixlen - 1:
                    yield name, each


@check(
    "NET037",
    "Strict reverse path filtering with asymmetric routes",
    area="addressing",
    severity=WARNING,
    scope=HOST,
    prevents=("F21",),
    fix="set kvm_host_sysctl: {net.ipv4.conf.all.rp_filter: 2} and the same for net.ipv4.conf.default.rp_filter, and "
    "run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="sysctl -a | grep '\\.rp_filter'; ip rule; ip route",
)
def reverse_path(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Where packets may come in by another interface than answers leave, rp_filter is not strict.

    With 1 the kernel drops a packet whose answer would leave by another interface (RFC 3704; ip-sysctl: "If using
    asymmetric routing or other complicated routing, then loose mode is recommended"). That is so with several next hops
    (BGP), with rules of policy routing, and with EVPN, whose tunnels end on the loopback address. The larger of
    `all` and the interface's own value counts.
    """
    value = str(host.require("sysctl", "net.ipv4.conf.all.rp_filter")).strip()
    reasons = list(_asymmetric(host, cluster))
    if value == STRICT and reasons:
        yield Problem((host.name,), "net.ipv4.conf.all.rp_filter = 0 or 2", f"1, and the host has {show(reasons)}")


def _asymmetric(host: Profile, cluster: Cluster) -> Iterator[str]:
    if any(len(route.get("nexthops") or ()) > 1 for route in host.get("routes") or ()):
        yield "routes with several next hops"
    if host.get("rules"):
        yield "rules of policy routing"
    if cluster.vxlan and evpn(host):
        yield "EVPN"
