# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: VXLAN between the hosts, by multicast or by EVPN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    bridge_of,
    ipv4,
    labels,
    links,
    parsed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
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

SCRIPT = "/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh"
MODE = "network.vxlan.mode"
MODE_SINCE = (4, 23)  # AgentProperties of CloudStack's main branch, 4f117071c939
EVPN, MULTICAST = "evpn", "multicast"
BGP_DAEMONS = ("frr.service", "bird.service", "gobgpd.service")


def evpn(host: Profile) -> bool:
    """Whether the host's VXLAN is to run over EVPN: the script is replaced by the other one, or the agent is told."""
    return _is_linked(host) or _property(host) == EVPN


def _is_linked(host: Profile) -> bool:
    return "evpn" in str(host.get("files", SCRIPT, "target") or "")


def _property(host: Profile) -> str:
    return str(host.get("agent", "properties", MODE) or "").strip().lower()


@check(
    "NET039",
    "VXLAN is not set up for its mode",
    area="network",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    fix="use one mode on all hosts. Multicast: an IPv4 address on the guest label. EVPN: link modifyvxlan.sh to "
    "modifyvxlan-evpn.sh (from 4.23 network.vxlan.mode=evpn in agent.properties), FRR with BGP and EVPN, and the "
    "address of the tunnels on lo",
    reproduce="ls -l /usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan*.sh; ip -4 addr show lo; "
    "systemctl is-active frr",
)
def vxlan_mode(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """All hosts of a zone with VXLAN use one mode, multicast or EVPN, and each has what its mode needs.

    With multicast (modifyvxlan.sh) the guest label must have an address; without one no guest network starts ("Failed
    to find vxlan multicast source ip address"). With EVPN (modifyvxlan-evpn.sh) the tunnels begin at the first global
    address of lo, and a BGP daemon such as FRR must announce them; of FRR the sessions are looked at, too. The two
    modes use different ports (8472, 4789) and do not hear each other. 4.22 knows no network.vxlan.mode: there the
    script has to be replaced by a link.
    """
    if not cluster.vxlan:
        return
    modes = {host.name: EVPN if evpn(host) else MULTICAST for host in hosts}
    differing = list(odd_ones(modes, members=[host.name for host in hosts if host.member]))
    yield from differing
    blamed = {name for problem in differing for name in problem.hosts}
    for host in hosts:
        if host.name in blamed:
            continue
        try:
            yield from _without_evpn(host) if evpn(host) else _without_multicast(host, cluster)
        except FactUnavailable as error:
            yield fact_unavailable(host, error)


def _without_multicast(host: Profile, cluster: Cluster) -> Iterator[Problem]:
    silent = []
    for label in labels(cluster, "Guest"):
        bridge = bridge_of(host, label)
        if bridge and all(each.ip.is_link_local for each in parsed(bridge.get("addresses"))):
            silent.append(label)
    if silent:
        observed = f"none on {show(silent)}: no guest network starts"
        yield Problem((host.name,), "an address on the guest label, for VXLAN by multicast", observed)


def _without_evpn(host: Profile) -> Iterator[Problem]:
    version = _version(host.get("agent", "version"))
    if not _is_linked(host) and version and version < MODE_SINCE and host.get("files", SCRIPT) is not None:
        observed = f"{MODE}=evpn, which agent {host.get('agent', 'version')} does not read, and no such link"
        yield Problem((host.name,), "modifyvxlan.sh linked to modifyvxlan-evpn.sh", observed, severity=WARNING)
    if "lo" in links(host) and not _global_addresses(host):
        yield Problem(
            (host.name,), "an address on lo, where EVPN tunnels begin", "none but 127.0.0.1", severity=WARNING
        )
    running = [unit for unit in BGP_DAEMONS if (host.get("units", unit) or {}).get("active") == "active"]
    if not running:
        host.require("units", BGP_DAEMONS[0])
        yield Problem((host.name,), "FRR, which announces the tunnels", f"{BGP_DAEMONS[0]} does not run")
    elif BGP_DAEMONS[0] in running:
        yield from _without_sessions(host)


def _without_sessions(host: Profile) -> Iterator[Problem]:
    """Without any session the host's guests are alone; with one, a spare is missing."""
    sessions = host.get("evpn_sessions")
    if sessions is None and "evpn_sessions" not in (host.get("unknown") or {}):
        return  # facts of a host that was not asked
    sessions = host.require("evpn_sessions")
    down = {name: state for name, state in sorted(sessions.items()) if state != "Established"}
    if sessions and not down:
        return
    told = show([f"{name} is {state}" for name, state in down.items()]) if down else "FRR speaks EVPN with no neighbour"
    yield Problem(
        (host.name,),
        "BGP sessions for EVPN that are Established",
        told,
        severity=WARNING if len(down) < len(sessions) else None,
        reproduce="vtysh -c 'show bgp l2vpn evpn summary' -c 'show bgp neighbors'",
        fix="compare AS numbers and addresses of network_bridge_evpn with those of the switches; the second command "
        "says why a session was reset last",
    )


def _global_addresses(host: Profile) -> list[Any]:
    return [each for each in ipv4(links(host)["lo"].get("addresses")) if not each.ip.is_loopback]


def _version(text: Any) -> Optional[tuple[int, ...]]:
    parts = str(text or "").split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdigit() for part in parts) else None


@check(
    "NET041",
    "No IGMP querier for VXLAN's multicast groups",
    area="network",
    severity=WARNING,
    scope=HOST,
    prevents=("F21",),
    unknown=INFO,
    fix="switch on an IGMP querier in the network of the guest label: on its router or switch, or on the hosts' own "
    "bridges by multicast_querier: true for that bridge in network_bridge_config, which the role network_bridge makes. "
    "Or switch multicast snooping off, on the hosts' bridge and on the switches: ip link set <label> type bridge "
    "mcast_snooping 0",
    reproduce="ip -d link show <label> | grep -o 'mcast_[a-z]* [0-9]'; bridge -d mdb show",
)
def querier(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Where guest networks are isolated with VXLAN by multicast, the guest label's bridge hears an IGMP querier if it
    snoops.

    A switch that snoops forwards a group only to ports that asked for it, and forgets them after 260 s unless a querier
    asks again (RFC 2236, RFC 4541). Without one, guests on different hosts lose each other some minutes after their
    network was started; a restart of the network helps for as long. Linux's own bridge floods a group while it knows of
    no querier, so this is about the switches: where none of them snoops, switch snooping off on the bridge too, or
    waive this. A querier is the bridge itself (mcast_querier) or one whose queries come in by a port.
    """
    if not cluster.vxlan or evpn(host):
        return
    for label in labels(cluster, "Guest"):
        if label not in (host.get("bridges") or {}):
            continue
        multicast = host.require("bridges", label, "multicast")
        if multicast.get("snooping") and not multicast.get("querier") and multicast.get("querier_heard") is False:
            yield Problem((host.name,), f"an IGMP querier on {label}, which snoops", "none is heard")
