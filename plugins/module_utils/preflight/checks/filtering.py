# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the host's own packet filters, as configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.firewall_verdict import (
    ACCEPT,
    DROP,
    REJECT,
    Connection,
    Decision,
    decide,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import address_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.member_firewalls import (
    DATA,
    NO_ANSWER,
    PORTS,
    Closed,
    blocked_newcomers,
    tried,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import guest_attachments
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.vxlan import evpn
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    FAILED,
    UNKNOWN,
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
    show,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.ports import MIGRATION_TLS, VXLAN, VXLAN_EVPN

GROUPS_NEED = ("iptables", "ip6tables", "ebtables", "ipset")  # what security_group.py calls
Question = tuple[str, Connection]  # whose connection, and the connection


@check(
    "NET015",
    "Bridge netfilter is not set as the zone needs",
    area="filtering",
    severity=ERROR,
    scope=HOST,
    prevents=("F23",),
    unknown=WARNING,
    fix="without security groups: let forwarded frames pass (iptables -P FORWARD ACCEPT; ufw: "
    "DEFAULT_FORWARD_POLICY=ACCEPT; remove Docker from the host); "
    "with them: install iptables, ebtables and ipset and load br_netfilter at boot (cloudstack.kvm.prepare_hosts)",
    reproduce="sysctl net.bridge.bridge-nf-call-iptables; iptables -S FORWARD | head -n 1",
)
def bridge_filtering(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """In a zone without security groups nothing may drop forwarded traffic; in a zone with them the tools for filtering
    must be there.

    Frames of guests pass the FORWARD chain as soon as br_netfilter is loaded, and the agent's package loads it. ufw and
    Docker leave the chain's policy on DROP: guests cannot be reached although the host is fine (F23). With security
    groups security_group.py needs br_netfilter, iptables, ebtables and ipset: without them nothing filters.
    """
    if cluster.security_groups:
        programs = host.require("programs")
        missing = [name for name in GROUPS_NEED if not programs.get(name)]
        module = host.require("kernel_modules", "br_netfilter")
        missing += ["the module br_netfilter"] if module == "absent" else []
        if missing:
            yield Problem((host.name,), "the tools of security groups", f"missing: {show(missing)}")
    elif host.require("firewall", "forward_policy") == "drop":
        if cluster.security_groups is None:
            raise FactUnavailable("zone.securitygroupsenabled", "CloudStack was not asked, and the chain FORWARD drops")
        active = host.get("firewall", "bridge_nf") == "1"
        words = (
            "and bridged frames pass it" if active else "and bridged frames pass it as soon as br_netfilter is loaded"
        )
        culprit = " (Docker is on the host)" if host.get("firewall", "docker0") else ""
        severity = ERROR if active else WARNING
        yield Problem(
            (host.name,), "a chain FORWARD that accepts", f"its policy is drop, {words}{culprit}", severity=severity
        )


@check(
    "NET018",
    "The host's firewall blocks CloudStack",
    area="filtering",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F26", "F64"),
    unknown=WARNING,
    fix="allow them: set firewall_cluster_peers and run ansible-playbook cloudstack.kvm.prepare_hosts (role firewall); "
    "correct rules of other origin where they were made",
    reproduce="nft -a list ruleset",
)
def firewall_blocks_hosts(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """What no probe has tried is read from the host's nftables rules: may the other hosts migrate here (16514, 49152 to
    49216), and may the host connect to itself (16514, F64)? What the management servers reach is measured by ACC006.

    The rules are followed for a new connection; a rule whose meaning cannot be known from its listing (most of what
    iptables-nft shows as xt) makes the answer unknown, never right. A host whose ports were found filtered is the
    subject of NET016.

    Members that do not know a newcomer yet drop its migrations. That is reported for the newcomer, because it must not
    join like that.
    """
    closed = blocked_newcomers(hosts, cluster)
    yield from _strangers(closed)
    attempts = tried(hosts)
    addresses = {host.name: address_of(host, cluster) for host in hosts}
    newcomers = [host.name for host in hosts if not host.member]
    for host in hosts:
        seen = attempts.get(host.name, {})
        if any(state in NO_ANSWER for state in seen.values()) or host.get("firewall", "nft") == []:
            continue
        # Two members have long been in touch with each other.
        questions = _questions(host.name, newcomers if host.member else list(addresses), addresses)
        try:
            yield from _judge(host, [each for each in questions if (each[0], host.name) not in closed], seen)
        except FactUnavailable as error:
            yield fact_unavailable(host, error)


def _strangers(closed: Closed) -> Iterator[Problem]:
    for name in sorted({newcomer for newcomer, _member in closed}):
        ports = {member: rules for (newcomer, member), rules in closed.items() if newcomer == name}
        rule = min(ports[min(ports)].values())
        yield Problem(
            (name,),
            f"{show(sorted(ports))} allowed for {name}",
            f"their firewalls block {show(sorted({port for rules in ports.values() for port in rules}))} for it",
            f"{min(ports)}: {rule}",
            others=tuple(sorted(ports)),
            fix=f"run ansible-playbook cloudstack.kvm.prepare_hosts with --limit {name}: the role firewall tells "
            "the members of it too, and says "
            "which of them it could not reach; a member with a list of its own (firewall_cluster_peers) needs it there",
        )


def _questions(name: str, others: Sequence[str], addresses: Mapping[str, str]) -> Iterator[Question]:
    own = addresses[name]
    if own:
        yield name, Connection(own, MIGRATION_TLS, "lo", own)
    for other in others:
        if other != name and addresses[other]:
            yield from ((other, Connection(addresses[other], port, "", own)) for port in PORTS)


def _judge(host: Profile, questions: Iterable[Question], seen: dict[tuple[str, int], str]) -> Iterator[Problem]:
    """A problem for each rule that closes a port; if there is none, for what cannot be known."""
    closed: dict[str, dict[int, list[str]]] = {}
    unknown: dict[str, dict[int, list[str]]] = {}
    for who, connection in questions:
        if (who, connection.port) in seen:
            continue
        decision = decide(host.require("firewall", "nft"), connection)
        if decision.verdict in (DROP, REJECT):
            closed.setdefault(f"{decision.verdict} by {decision.evidence}", {}).setdefault(connection.port, []).append(
                who
            )
        elif decision.verdict != ACCEPT and not (connection.port in DATA and (who, DATA[0]) in seen):
            unknown.setdefault(decision.evidence, {}).setdefault(connection.port, []).append(who)
    for evidence, ports in sorted((closed or unknown).items()):
        observed = "; ".join(f"{port} from {show(names)}" for port, names in sorted(ports.items()))
        kind = FAILED if closed else UNKNOWN
        yield Problem(
            (host.name,),
            "CloudStack's connections accepted",
            observed if closed else f"unknown: {observed}",
            evidence,
            kind=kind,
        )


@check(
    "NET023",
    "The host's firewall blocks VXLAN",
    area="filtering",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    unknown=WARNING,
    fix="allow UDP 8472 (multicast) or 4789 (EVPN) from the hosts' addresses on the guest label: set "
    "firewall_vxlan_sources and run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="nft -a list ruleset | grep -e 8472 -e 4789",
)
def firewall_blocks_vxlan(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Where guest networks are isolated with VXLAN, the hosts' nftables rules accept each other's packets.

    modifyvxlan.sh takes Linux's port 8472, modifyvxlan-evpn.sh 4789. A host that is set to EVPN needs the latter alone.
    On others EVPN may still be meant, so one open port is enough, and a warning is given where it is not CloudStack's
    usual one (8472). A closed one silently
    cuts off guests on different hosts from each other. Rules are read as in
    NET018; a path without an address on the
    guest label is the subject of PTH009.
    """
    if not cluster.vxlan:
        return
    at = guest_attachments(hosts, cluster)
    for host in hosts:
        own = {each.network: each.address for each in at if each.host == host.name}
        others = [each for each in at if each.host != host.name and each.network in own]
        if not others or host.get("firewall", "nft") == []:
            continue
        try:
            rules = host.require("firewall", "nft")
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
            continue
        used = (VXLAN_EVPN,) if evpn(host) else (VXLAN, VXLAN_EVPN)
        yield from _vxlan(host, [(port, _decisions(rules, port, others, own)) for port in used])


def _decisions(
    rules: Sequence[Any], port: int, senders: Sequence[Attachment], own: Mapping[str, str]
) -> list[tuple[str, Decision]]:
    """What the rules do with a datagram of each sender."""
    return [(each.host, decide(rules, _datagram(each, port, own))) for each in senders]


def _datagram(sender: Attachment, port: int, own: Mapping[str, str]) -> Connection:
    return Connection(sender.address, port, sender.network, own[sender.network], "udp")


def _vxlan(host: Profile, found: Sequence[tuple[int, Sequence[tuple[str, Decision]]]]) -> Iterator[Problem]:
    """Nothing if the usual port, which is the first, is open; else what becomes of all."""
    closed = {}
    for port, decisions in found:
        closed[port] = [(name, each) for name, each in decisions if each.verdict in (DROP, REJECT)]
    unclear = [
        each for _port, decisions in found for _name, each in decisions if each.verdict not in (ACCEPT, DROP, REJECT)
    ]
    (usual, of_usual), *rest = found
    expected = f"UDP {' or '.join(str(port) for port, _decisions in found)} accepted from the other hosts"
    if closed[usual]:
        names, evidence = show(sorted({name for name, _each in closed[usual]})), closed[usual][0][1]
        yield Problem(
            (host.name,),
            expected,
            f"{usual} is closed to {names}" + "".join(_also(port, bool(closed[port])) for port, _decisions in rest),
            f"{evidence.verdict} by {evidence.evidence}",
            severity=ERROR if all(closed.values()) else WARNING,
        )
    elif unclear and not all(each.verdict == ACCEPT for _name, each in of_usual):
        yield Problem((host.name,), expected, f"unknown: {unclear[0].evidence}", kind=UNKNOWN)


def _also(port: int, closed: bool) -> str:
    return f", and so is {port}" if closed else f"; {port} is open, as EVPN wants it"
