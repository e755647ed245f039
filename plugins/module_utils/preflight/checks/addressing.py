# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: addresses and names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.duplicates import owners_of_addresses
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    address_of,
    declared_bridges,
    ipv4,
    is_bmc_link,
    label_bridges,
    labels,
    links,
    management_addresses,
    parsed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    INFO,
    WARNING,
    Problem,
)
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
    fact_unavailable,
    odd_ones,
    show,
)

# Facts that are name look-ups, and what the collector says of one that was given up.
LOOK_UPS = ("fqdn", "resolver.forward", "resolver.reverse")
TOO_LATE = re.compile(r"no answer within|timed out", re.IGNORECASE)
LINK_LOCAL_BRIDGE = "cloud0"
CONTROL_CIDR = "169.254.0.0/16"  # default of the setting control.cidr
BMC_LINK_FIX = (
    "this is the USB network card to the server's own BMC: switch it off in the BMC (OS to BMC pass-through, Ethernet "
    "over USB), or disable it on the host (ip link set {0} down, unload cdc_ether, cdc_eem, cdc_ncm or rndis_host and "
    "do not load it again), or set control.cidr to a smaller range on server and agents"
)


@check(
    "NET005",
    "The management bridge has another address than declared",
    area="addressing",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F20",),
    fix="give the bridge of the management label exactly one IPv4 address in network_bridge_config (address), the "
    "host's cloudstack_host_address (default: ansible_host), and run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="ip -4 -br addr",
)
def management_address(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The bridge of the management label has exactly one IPv4 address, and it is the one that the inventory gives the
    host.

    The agent registers the first address of this bridge (private.network.device). With another one CloudStack's
    consoles and migrations go to the wrong network (F20), and the GUID, which is made of the address, is wrong too
    (F09). An address that another host has as well is the subject of NET008.
    """
    twice = owners_of_addresses(hosts)
    for host in hosts:
        found = management_addresses(host, cluster)
        wanted = next((str(each.ip) for each in parsed([host.declared.get("address")])), "")  # a name is not compared
        if found is None or any(len(twice.get(str(each.ip), ())) > 1 for each in found):
            continue
        if len(found) != 1 or (wanted and str(found[0].ip) != wanted):
            yield Problem(
                (host.name,),
                wanted or "one IPv4 address",
                f"{show(list(found))} on {show(labels(cluster, 'Management'))}",
            )


@check(
    "NET006",
    "The management address is not static",
    area="addressing",
    severity=ERROR,
    scope=HOST,
    prevents=("F09",),
    unknown=WARNING,
    fix="give the bridge a static address in network_bridge_config (address: 192.0.2.11/24 instead of dhcp) and "
    "run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="ip -4 addr | grep dynamic",
)
def static_address(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The management address comes from the host's configuration, not from a DHCP server.

    CloudStack derives the host's GUID and its certificate from the address. With another lease the host takes over
    another host's row, or comes up as a new one (F09).
    """
    for label, bridge in (
        label_bridges(host, cluster, "Management") if host.get("interfaces") is not None else ()
    ):  # NET011
        if declared_bridges(host).get(label, {}).get("address") == "dhcp":
            yield Problem((host.name,), f"a static address on {label}", "network_bridge_config declares dhcp")
        elif bridge.get("addresses"):
            leased = links(host).get(label, {}).get("dynamic")
            if leased is None:
                raise FactUnavailable(f"interfaces.{label}.dynamic", host.why("interfaces"))
            if leased:
                yield Problem((host.name,), f"a static address on {label}", f"{show(list(leased))} is a lease")


@check(
    "NET007",
    "A label's bridge is in another subnet",
    area="addressing",
    severity=ERROR,
    scope=CLUSTER,
    fix="correct address in network_bridge_config, prefix length included, and run ansible-playbook "
    "cloudstack.kvm.prepare_hosts",
    reproduce="ip -4 -br addr",
)
def same_subnet(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The bridge of a label has an address in one and the same network on all hosts, or on none.

    A wrong prefix length makes a host look for some of its neighbours behind the router; a missing storage address
    makes it reach the storage over the management network. CloudStack compares neither. Source: the pod's network is
    one for all hosts of a cluster.
    """
    members = [host.name for host in hosts if host.member]
    wrong = {name for problem in management_address(hosts, cluster, policy) for name in problem.hosts}
    for label in labels(cluster):
        networks = {}
        for host in hosts:
            for name, bridge in label_bridges(host, cluster):
                if name == label and not (host.name in wrong and label in labels(cluster, "Management")):
                    networks[host.name] = _networks_of(bridge.get("addresses"))
        for problem in odd_ones(networks, members=members):
            yield replace(problem, observed=f"{label}: {problem.observed}")


def _networks_of(addresses: Any) -> tuple[str, ...]:
    """The networks of the IPv4 addresses. An address that is routed to the host (/32, as with BGP) is in none."""
    found = ipv4(addresses)
    routed = {"a routed address (/32)" for each in found if each.network.prefixlen == each.max_prefixlen}
    return tuple(sorted(routed | {str(each.network) for each in found if each.network.prefixlen < each.max_prefixlen}))


@check(
    "NET010",
    "Host names and DNS disagree",
    area="addressing",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F04",),
    fix="set the host's name (hostnamectl set-hostname host1.example.org) and a line for it with its management "
    "address in /etc/hosts, or correct the DNS",
    reproduce="hostname --fqdn; getent ahosts $(hostname --fqdn)",
)
def names(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """`hostname --fqdn` prints a dotted name that no other host has, it resolves to the management address and back,
    and all of it within policy name_lookup_max_s.

    If the command fails, cloudstack-setup-agent stops and says success (F04, seen: 397 s). The name is the
    certificate's subject and the host's name in CloudStack. Two hosts with one name cannot migrate guests to each other
    (libvirt: "Attempt to migrate guest to the same host"). A name that resolves to 127.0.1.1 only, as Debian's
    installer writes it, resolves differently on the others.

    Answers that come late are a fault of their own: sudo, sshd, Java and the set-up look names up again and again. With
    25 s for each addHost was seen to fail after 798 s, and the set-up's log breaks off in the middle; that is an error.
    """
    sharing: set[str] = set()
    for name, (guilty, others) in sorted(_shared_names(hosts, cluster).items()):
        sharing.update(guilty)
        yield Problem(
            guilty, "a name of its own", f"{name} on {show(sorted({*guilty, *others}))}", others=others, severity=ERROR
        )
    for host in hosts:
        slow = _slow_look_ups(host, address_of(host, cluster), policy)
        if slow:
            yield slow
            continue
        try:
            complaints = [] if host.name in sharing else list(_name_complaints(host, cluster))
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
            continue
        if complaints:
            severities = [severity for severity, _text in complaints]
            worst = min(severities, key=(BLOCKER, WARNING, INFO).index)
            wanted = (
                f"{host.declared.get('fqdn') or 'a dotted name'}, resolving to "
                f"{address_of(host, cluster) or 'the management address'}"
            )
            yield Problem((host.name,), wanted, "; ".join(text for _severity, text in complaints), severity=worst)


def _slow_look_ups(host: Profile, address: str, policy: Policy) -> Optional[Problem]:
    """Look-ups that gave no answer in time (an error), or one that came late (a warning). What the join looks up is the
    host's name and its management `address`; another address that is found late is for information."""
    reasons = host.get("unknown") or {}
    late = sorted(text for fact, text in reasons.items() if fact.startswith(LOOK_UPS) and TOO_LATE.search(str(text)))
    took = host.get("resolver", "took_s") or {}
    slow = sorted(what for what, seconds in took.items() if seconds > policy.name_lookup_max_s)
    if not late and not slow:
        return None
    others = tuple(f"getent hosts {other}" for other in host.get("resolver", "reverse") if other != address)
    severity = WARNING if late or set(slow) - set(others) else INFO
    servers = host.get("resolver", "servers")
    return Problem(
        (host.name,),
        f"every name look-up answered within {policy.name_lookup_max_s} s",
        "; ".join([*late, *(f"`{what}` took {took[what]} s" for what in slow)]),
        evidence=f"name servers: {show(servers)}" if servers else "",
        severity=ERROR if late and not host.member else severity,
        fix="take name servers that do not answer out of /etc/resolv.conf, let `hosts:` of /etc/nsswitch.conf begin "
        "with files, and put the names of this host and of the management servers into /etc/hosts",
        reproduce="time hostname --fqdn; time getent ahosts $(hostname --fqdn); grep ^hosts /etc/nsswitch.conf",
    )


def _shared_names(hosts: Sequence[Profile], cluster: Cluster) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Name -> the hosts that have it without right, and the one with right if there is one."""
    by_name: dict[str, list[Profile]] = {}
    for host in hosts:
        name = host.get("fqdn") or host.get("hostname")
        if name:
            by_name.setdefault(str(name).lower(), []).append(host)
    found = {}
    for name, bearers in by_name.items():
        rightful = [host.name for host in bearers if str(host.declared.get("fqdn")).lower() == name]
        guilty = [host.name for host in bearers if len(rightful) != 1 or host.name not in rightful]
        if len(bearers) > 1:
            found[name] = (tuple(guilty), tuple(host.name for host in bearers if host.name not in guilty))
    return found


def _name_complaints(host: Profile, cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Severity and text of what is wrong with one host's name."""
    name, own = host.get("fqdn"), _own_addresses(host, cluster)
    if not name:
        yield BLOCKER, "hostname --fqdn fails"
        return
    if "." not in name or name.startswith("localhost"):
        yield WARNING, f"the name is {name}"
    forward = list(host.require("resolver", "forward"))
    outside = [address for address in forward if not _is_loopback(address)]
    right = [address for address in outside if address in own]
    if not outside or (own and not right):
        yield WARNING, f"{name} resolves to {show(outside or forward)}, and the management address is {show(own)}"
    for address in right[:1]:
        reverse = (host.get("resolver", "reverse") or {}).get(address)
        if reverse is None:
            yield INFO, f"{address} has no name"
        elif reverse.rstrip(".").lower() != name.lower():
            yield WARNING, f"{address} is {reverse} for the resolver"


def _own_addresses(host: Profile, cluster: Cluster) -> list[str]:
    """The declared management address and those that the host has. Where they differ that is the subject of NET005 and
    NET008.
    """
    own = [address_of(host, cluster), *(str(each.ip) for each in management_addresses(host, cluster) or ())]
    return list(dict.fromkeys(filter(None, own)))


def _is_loopback(address: str) -> bool:
    return any(each.ip.is_loopback for each in parsed([address]))


@check(
    "NET014",
    "The link-local range is configured on the host (CloudStack uses it)",
    area="addressing",
    severity=WARNING,
    scope=HOST,
    prevents=("F22",),
    fix="take the other use away (avahi-autoipd, NOZEROCONF=yes), or set the global setting control.cidr to a "
    "smaller range on server and agents",
    reproduce="ip -4 route; ip -4 -br addr",
)
def link_local(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No other interface than cloud0 has an address or route in the range of control.cidr.

    The agent makes cloud0 with 169.254.0.1/16 at its start; BGP unnumbered sessions and zeroconf in the same range
    break (F22, issue 7574). control.cidr in the host's agent.properties goes before the global setting (pull request
    7580); that the two differ is told as information, because the server gives system VMs addresses of its own range.
    """
    control, hint = _control_range(host, cluster)
    clashes = {
        f"{link['name']} has {address}": is_bmc_link(link)
        for link in links(host).values()
        for address in _inside(control, link.get("addresses") or (), link["name"])
    }
    cards = {name for name, link in links(host).items() if is_bmc_link(link)}
    for route in host.require("routes"):
        device = str(route.get("device"))
        for target in _inside(control, [route.get("destination")], device):
            clashes[f"a route to {target} by {device}"] = device in cards
    if clashes:
        fix = BMC_LINK_FIX.format(show(sorted(cards))) if all(clashes.values()) else ""
        yield Problem((host.name,), f"{control} for {LINK_LOCAL_BRIDGE} alone", show(sorted(clashes)), fix=fix)
    if hint:
        fix = "set control.cidr of agent.properties to the value of the global setting on all hosts (agent_properties)"
        expected = f"control.cidr {_range_of(cluster)} as on the server"
        yield Problem((host.name,), expected, hint, severity=INFO, fix=fix)


def _control_range(host: Profile, cluster: Cluster) -> tuple[ipaddress.IPv4Network, str]:
    """The range that the agent uses, and a text where it is not that of the server."""
    own = host.get("agent", "properties", "control.cidr")
    found, server = _network(own), _range_of(cluster)
    if found is None or found == server:
        return server, ""
    return found, f"control.cidr of agent.properties is {own}"


def _range_of(cluster: Cluster) -> ipaddress.IPv4Network:
    return _network(cluster.settings.get("control.cidr")) or ipaddress.IPv4Network(CONTROL_CIDR)


def _network(text: Any) -> Optional[ipaddress.IPv4Network]:
    try:
        return ipaddress.IPv4Network(str(text).strip(), strict=False) if text else None
    except ValueError:
        return None


def _inside(control: ipaddress.IPv4Network, texts: Iterable[Any], device: str) -> Iterator[str]:
    for each in parsed(texts) if device != LINK_LOCAL_BRIDGE else ():
        if each.version == control.version and each.network.prefixlen and each.network.overlaps(control):
            yield str(each)
