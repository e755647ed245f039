# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: what the hosts reach of each other and of the servers, as measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.filtering import firewall_blocks_vxlan
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import labels
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.majority import (
    FROM,
    TO,
    Pair,
    blame_by_majority,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.member_firewalls import (
    NO_ANSWER,
    blocked_newcomers,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import AssessedCluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    FAILED,
    UNDECIDED,
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
    check,
    fact_unavailable,
    show,
)

Probe = Mapping[str, Any]
LISTENING = ("agent", "storage")  # purposes for which a program must listen before the join
ALLOW_PEERS = (
    "allow the hosts of the cluster: set firewall_cluster_peers and run ansible-playbook cloudstack.kvm.prepare_hosts "
    "(role firewall); look at other firewalls in between"
)
SLOW = (
    "look at the error counters of NIC and switch port (ip -s link), at the load of the link, and at the path "
    "between the two"
)
ALLOW_OUT = "look at the host's own outgoing path: link, VLAN of the switch port, routes, and a firewall at its output"


@check(
    "NET016",
    "A port that CloudStack needs is closed",
    area="reachability",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F07", "F26", "F64", "F42"),
    fix=ALLOW_PEERS,
    reproduce="timeout 3 bash -c '</dev/tcp/<address>/<port>'; echo $?",
)
def ports_reachable(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Each host tried the others on 16514 and 49152 (migration), itself on 16514, the management servers on 8250, the
    storage on 2049.

    A port of a host that refuses is fine: the way is open, and before the join nothing listens. A port that does not
    answer is not: 8250 ends the join after 515 s (F07), 16514 and 49152 end migrations (F26), 16514 at the host's own
    address costs the agent two minutes at every start, so that addHost fails although the host comes up (F64, seen: 638
    s).

    Blame goes by majority: whoever most others cannot reach, or who cannot reach most others, is named once. A storage
    server whose export could not be used either is the subject of STO001, a newcomer that the members' own firewalls
    keep out that of NET018.
    """
    tries, unknowns = _tries(hosts)
    closed = blocked_newcomers(hosts, cluster)
    yield from unknowns
    yield from _not_tried(tries)
    names = {host.name for host in hosts}
    complaints = _port_complaints(tries, {host.name: host for host in hosts})
    between = {pair: said for pair, said in complaints.items() if pair[0] != pair[1] and pair not in closed}
    blamed, left = blame_by_majority({pair: bool(said) for pair, said in between.items()})
    yield from _by_name(blamed, between, names)
    for pairs in _both_ways(left):
        yield _one_way(pairs, between, pairs[0][1] in names)
    at_itself = {name: said for (name, to), said in complaints.items() if name == to and (TO, name) not in blamed}
    yield from _own_port(at_itself)
    yield from _slow_ports(tries, names, policy)


@check(
    "NET024",
    "VXLAN does not pass between hosts",
    area="reachability",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F21",),
    fix="let UDP 8472 (multicast) or 4789 (EVPN) pass between the hosts' addresses on the guest label, in every "
    "firewall and switch on the way",
    reproduce="nc -zvu <address of the other host on the guest label> 8472",
)
def vxlan_reaches(hosts: Sequence[Profile], cluster: AssessedCluster, policy: Policy) -> Iterator[Problem]:
    """Where guest networks are isolated with VXLAN, a datagram to UDP 8472 or 4789 passes from each host to the others.
    One port is enough.

    It is answered with "port unreachable" where no VXLAN device has the port, as before the join. A host that has VXLAN
    devices does not answer it, so nothing is known about the path to it. What a host's own firewall closes is the
    subject of NET023, a path on which nothing passes that of PTH003 to PTH007.
    """
    if not cluster.vxlan:
        return
    guest = labels(cluster, "Guest")
    passed = {
        (each.probe.host, each.probe.peer)
        for each in cluster.paths.outcomes
        if each.control and each.probe.network in guest
    }
    answering = {host.name for host in hosts if not _has_vxlan_device(host)}
    pairs: dict[Pair, str] = {}
    for host in hosts:
        for to, found in _vxlan_answers(host).items():
            if to in answering and {(host.name, to), (to, host.name)} & passed:
                # A refusal came from the other kernel: the datagram has arrived.
                refused = any(each["state"] == "refused" for each in found)
                pairs[host.name, to] = "" if refused else _words(found)
    if any(pairs.values()):  # seldom: reading the rules of all hosts once more takes longest of all
        closed = {name for problem in firewall_blocks_vxlan(hosts, cluster, policy) for name in problem.hosts}
        pairs = {pair: said for pair, said in pairs.items() if pair[1] not in closed}
    names = {host.name for host in hosts}
    yield from by_pair(pairs, names, "a datagram to UDP 8472 or 4789 to arrive", "", severity=ERROR, fix="")


def _has_vxlan_device(host: Profile) -> bool:
    return any(link.get("kind") == "vxlan" for link in host.get("interfaces") or ())


def _vxlan_answers(host: Profile) -> dict[str, list[Probe]]:
    """The other host -> what became of the datagrams to it."""
    answers: dict[str, list[Probe]] = {}
    for probe in host.probes.get("vxlan") or ():
        if probe["state"] is not None:
            answers.setdefault(probe["to"], []).append(probe)
    return answers


def _tries(hosts: Sequence[Profile]) -> tuple[dict[str, list[Probe]], list[Problem]]:
    """Which ports each host tried, and a problem for each that did not."""
    found, unknowns = {}, []
    for host in hosts:
        try:
            found[host.name] = host.require_probe("ports")
        except FactUnavailable as error:
            if error.expected_here:
                unknowns.append(fact_unavailable(host, error))
    return found, unknowns


def _not_tried(tries: Mapping[str, Sequence[Probe]]) -> Iterator[Problem]:
    """Ports that a host was told to try and could not."""
    for name, probes in tries.items():
        left = [probe for probe in probes if probe.get("state") is None]
        if left:
            ports = show(sorted({f"{probe.get('address')}:{probe.get('port')}" for probe in left}))
            yield Problem(
                (name,),
                "every port to be tried",
                f"unknown: {ports}: {left[0].get('text') or 'could not be asked'}",
                kind=UNKNOWN,
            )


def _port_complaints(tries: Mapping[str, Sequence[Probe]], hosts: Mapping[str, Profile]) -> dict[Pair, list[Probe]]:
    """(from, to) -> the probes that went wrong, empty where all is well."""
    pairs: dict[Pair, list[Probe]] = {}
    for name, probes in tries.items():
        for probe in probes:
            wrong = probe.get("state") in NO_ANSWER or (
                probe.get("purpose") in LISTENING and probe.get("state") == "refused"
            )
            if probe.get("state") is None:
                continue
            if wrong and probe.get("purpose") == "storage" and _mount_failed(hosts[name], probe):
                continue
            pairs.setdefault((name, probe["to"]), []).extend([probe] if wrong else [])
    return pairs


def _mount_failed(host: Profile, probe: Probe) -> bool:
    exports = host.probes.get("nfs") or ()
    return any(
        not each.get("ok") and str(each.get("export")).split(":", maxsplit=1)[0] == probe.get("address")
        for each in exports
    )


def _own_port(complaints: Mapping[str, Sequence[Probe]]) -> Iterator[Problem]:
    """Hosts that do not reach their own port 16514."""
    expected = "port 16514 open or refused at the host's own address"
    for name, said in sorted(complaints.items()):
        if said:
            yield Problem((name,), expected, _words(said), fix=ALLOW_PEERS, reproduce=_reproduce(said[0]))


def _by_name(
    blamed: Mapping[Pair, Sequence[str]], said: Mapping[Pair, Sequence[Probe]], hosts: set[str]
) -> Iterator[Problem]:
    """One problem for each host that is blamed, in whichever direction, and for each server that is."""
    for name in sorted({name for _direction, name in blamed}):
        goes_in, goes_out = blamed.get((TO, name), ()), blamed.get((FROM, name), ())
        pairs = [*((other, name) for other in goes_in), *((name, other) for other in goes_out)]
        probes = [probe for pair in pairs for probe in said[pair]]
        expected, texts = "the other hosts and servers within reach", []
        if goes_in:
            expected = f"an answer of {name} to all hosts"
            texts.append(f"{_words(probes)}, from {show(list(goes_in))}")
        if goes_out:
            texts.append(f"it reaches neither {' nor '.join(goes_out)}")
        parts: dict[str, Any] = {"severity": _weight(probes), "reproduce": _reproduce(probes[0])}
        if name in hosts:
            others = tuple(sorted({*goes_in, *goes_out} & hosts))
            fix = "" if goes_in else ALLOW_OUT
            yield Problem((name,), expected, "; ".join(texts), others=others, fix=fix, **parts)
        else:  # a server: the hosts that do not reach it are named
            yield Problem(tuple(goes_in), expected, "; ".join(texts), fix=_server_fix(probes[0]), **parts)


def _one_way(pairs: Sequence[Pair], said: Mapping[Pair, Sequence[Probe]], between_hosts: bool) -> Problem:
    """What is wrong between two, in one direction or both, without a third host to say which of them is to blame."""
    probes = said[pairs[0]]
    expected = "; ".join(f"an answer of {to} to {name}" for name, to in pairs)
    observed = "; ".join(f"{_words(said[pair])}, from {pair[0]}" for pair in pairs)
    parts: dict[str, Any] = {"severity": _weight(probes), "reproduce": _reproduce(probes[0])}
    if between_hosts:
        both = tuple(sorted(pairs[0]))
        return Problem(both, expected, observed, kind=UNDECIDED, fix=ALLOW_PEERS, **parts)
    return Problem(pairs[0][:1], expected, observed, fix=_server_fix(probes[0]), **parts)


def _both_ways(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The pairs, those of the same two together."""
    together: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        together.setdefault(tuple(sorted(pair)), []).append(pair)
    return list(together.values())


def _server_fix(probe: Probe) -> str:
    return (
        f"start what listens on {probe.get('address')}:{probe.get('port')}, and open the way from the hosts to "
        "it in every firewall between"
    )


def _weight(probes: Sequence[Probe]) -> str:
    return BLOCKER if "agent" in {probe.get("purpose") for probe in probes} else ERROR


def _words(probes: Sequence[Probe]) -> str:
    return show(sorted(set(map(_probe_text, probes))))


def _probe_text(probe: Probe) -> str:
    return f"{probe.get('address')}:{probe.get('port')} ({probe.get('purpose')}) {probe.get('state')}"


def _reproduce(probe: Probe) -> str:
    return f"timeout 3 bash -c '</dev/tcp/{probe.get('address')}/{probe.get('port')}'; echo $?"


def _slow_ports(tries: Mapping[str, Sequence[Probe]], hosts: set[str], policy: Policy) -> Iterator[Problem]:
    """Connections that came about, but late."""
    pairs: dict[Pair, str] = {}
    for name, probes in tries.items():
        for probe in probes:
            pairs.setdefault((name, probe["to"]), "")
            took = probe.get("ms")
            if took is not None and took > policy.connect_max_ms and probe.get("state") not in NO_ANSWER:
                pairs[name, probe["to"]] = f"{probe['port']} after {took:.0f} ms"
    yield from by_pair(
        pairs,
        hosts,
        f"a connection within {policy.connect_max_ms:.0f} ms: a longer one lost its first packet",
        "ss -ti",
    )


def by_pair(
    pairs: Mapping[Pair, str],
    hosts: set[str],
    expected: str,
    reproduce: str,
    *,
    severity: str = WARNING,
    fix: str = SLOW,
) -> Iterator[Problem]:
    """What is wrong between pairs (pair -> complaint, empty where all is well), blamed by majority."""
    blamed, left = blame_by_majority({pair: bool(text) for pair, text in pairs.items()})
    for (direction, name), others in sorted(blamed.items(), key=lambda item: item[0][1]):
        if direction == FROM and (TO, name) in blamed:
            continue
        involved = [(other, name) if direction == TO else (name, other) for other in others]
        observed = "; ".join(f"{one} to {other}: {pairs[one, other]}" for one, other in involved)
        blamed_hosts = (name,) if name in hosts else tuple(others)
        yield Problem(blamed_hosts, expected, observed, severity=severity, fix=fix, reproduce=reproduce)
    for involved in _both_ways(left):
        one, other = involved[0]
        kind = UNDECIDED if other in hosts and one != other else FAILED
        observed = "; ".join(f"{name} to {to}: {pairs[name, to]}" for name, to in involved)
        blamed_hosts = tuple(sorted(involved[0])) if kind == UNDECIDED else (one,)
        yield Problem(blamed_hosts, expected, observed, severity=severity, fix=fix, reproduce=reproduce, kind=kind)


def dead_pairs(hosts: Sequence[Profile]) -> set[Pair]:
    """(from, to) where no port at all answered."""
    answers: dict[Pair, bool] = {}
    for host in hosts:
        for probe in host.probes.get("ports") or ():
            pair = (host.name, probe["to"])
            answers[pair] = answers.get(pair, False) or probe.get("state") not in NO_ANSWER
    return {pair for pair, answered in answers.items() if not answered}
