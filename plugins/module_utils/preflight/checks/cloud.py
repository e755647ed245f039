# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: what CloudStack itself says about settings, zone, cluster and its hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.agent_settings import wrong_entry
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import (
    addresses,
    has_former_life,
    is_here,
    registered_text,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check

RESTART = "add.host.on.service.restart.kvm"
RENEWAL = "ca.framework.cert.automatic.renewal"


def concerned(hosts: Sequence[Profile]) -> tuple[str, ...]:
    """Who suffers from a fault of the cloud: the candidates, without any of them all hosts."""
    newcomers = [host for host in hosts if not host.member]
    return tuple(host.name for host in newcomers or hosts)


@check(
    "CLD001",
    "The global setting `host` is unreachable for agents",
    area="cloud",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F06", "F61"),
    unknown=WARNING,
    fix="set the global setting host to addresses that the hosts can reach (module configuration); connected agents "
    "get it at once",
    reproduce="cmk list configurations name=host",
)
def management_host(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every entry of the global setting `host` must be an address or a name, and none the host's own loopback.

    addHost hands the setting to the agent as the place to connect to. With localhost the agent tries itself every five
    seconds, and addHost fails after nine minutes with its generic text (F06). CloudStack accepts any text, and pushes
    it to all connected agents (F61). Whether port 8250 answers at each entry is NET016's matter.
    """
    if "host" not in cluster.settings:
        yield Problem(
            concerned(hosts),
            "the global setting host to be known",
            "unknown: it was not read from CloudStack",
            kind=UNKNOWN,
        )
        return
    entries = cluster.management_addresses
    wrong = [f"{entry}: {wrong_entry(entry)}" for entry in entries if wrong_entry(entry)]
    if wrong or not entries:
        yield Problem(
            concerned(hosts), "addresses of management servers that hosts can reach", "; ".join(wrong) or "it is empty"
        )


@check(
    "CLD002",
    "A host of the cluster is missing from the inventory",
    area="cloud",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F28", "F35", "F36"),
    unknown=WARNING,
    fix="add it to the inventory group of this cluster (kvm_hosts), or delete it in CloudStack if it is gone for good",
    reproduce="cmk list hosts type=Routing clusterid=... filter=name,ipaddress,state",
)
def members_in_inventory(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every host that CloudStack has in this cluster must be one of those that were inspected.

    A candidate is compared with the live members; a member that the inventory does not know may have another CPU,
    another MTU or no TLS, and migration to it fails later. Found by address, or by name where a member's address has
    changed (AGT007). Members that are in the inventory but gave no facts are FCT001's matter. Without access to
    CloudStack it is unknown; where CloudStack was asked and did not answer, no host may join.
    """
    if not cluster.from_cloudstack:
        why = f"CloudStack did not answer: {cluster.unanswered}" if cluster.unanswered else "CloudStack was not asked"
        severity = ERROR if cluster.unanswered else None
        expected = "the hosts of the cluster, from CloudStack"
        yield Problem(concerned(hosts), expected, f"unknown: {why}", kind=UNKNOWN, severity=severity)
        return
    seen = frozenset().union(*map(addresses, hosts))
    seen |= {each.address for each in cluster.hosts_without_facts}
    names = {name for host in hosts for name in (host.name, host.get("hostname"))}
    names |= {each.name for each in cluster.hosts_without_facts}
    missing = [record for record in cluster.members if record.address not in seen and record.name not in names]
    if missing and hosts:
        severity = WARNING if all(host.member for host in hosts) else None
        observed = f"not inspected: {'; '.join(map(registered_text, missing))}"
        yield Problem(concerned(hosts), "all hosts of the cluster inspected", observed, severity=severity)


@check(
    "CLD003",
    "A traffic type of the zone has no KVM label",
    area="cloud",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F20", "F14"),
    fix="set it in cluster_traffic_labels and run ansible-playbook cloudstack.kvm.register_cluster",
    reproduce="cmk list traffictypes physicalnetworkid=... filter=traffictype,kvmnetworklabel",
)
def traffic_labels(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Management, and each other traffic type of the zone, must have a KVM label, the name of a bridge.

    A blank one is filled silently from another, or with cloudbr0: the host is then registered with the address of the
    guest or storage network, and console and migration fail (F20). Management is an error; for another type it is a
    warning.
    """
    empty = [kind for kind, labels in sorted(cluster.labels.items()) if not labels]
    if not cluster.labels.get("Management"):
        yield Problem(
            concerned(hosts), "a KVM label for Management", "none; CloudStack fills it from another traffic type"
        )
    others = [kind for kind in empty if kind != "Management"]
    if others:
        yield Problem(
            concerned(hosts), "a KVM label for every traffic type", f"none for {', '.join(others)}", severity=WARNING
        )


@check(
    "CLD004",
    "A deleted host will register itself again",
    area="cloud",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F10",),
    fix="before deleting a host stop and disable cloudstack-agent on it; or set add.host.on.service.restart.kvm to "
    "false",
    reproduce=f"cmk list configurations name={RESTART}",
)
def comes_back(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """add.host.on.service.restart.kvm is true by default: a deleted host keeps its ids in agent.properties, and one
    restart of its agent registers it again under a new id, 66 s later, without addHost and without any check (F10). It
    does not stop a join; it is worth knowing before a removal.
    """
    if cluster.settings.get(RESTART, "").lower() == "true" and hosts:
        yield Problem(
            tuple(host.name for host in hosts),
            f"{RESTART}=false, or agents stopped before their hosts are deleted",
            "true",
        )


@check(
    "CLD005",
    "Zone or cluster is not Enabled",
    area="cloud",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F71", "F54"),
    unknown=INFO,
    fix="enable it once it is to run guests: updateZone or updateCluster allocationstate=Enabled "
    "(cluster_zone_allocation_state for a zone)",
    reproduce="cmk list zones filter=name,allocationstate; cmk list clusters filter=name,allocationstate",
)
def allocation_state(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A host joins a Disabled zone or cluster without complaint, but nothing moves there: live migration, maintenance
    and the restart of guests of a dead host find "No destination", even for root admin (F71). It is right if it is
    Disabled on purpose, until a new host is verified.
    """
    states = {
        f"zone {cluster.zone}": cluster.zone_allocation_state,
        f"cluster {cluster.name}": cluster.cluster_allocation_state,
    }
    wrong = [f"{what} is {state}" for what, state in states.items() if state not in (None, "Enabled")]
    if wrong:
        yield Problem(concerned(hosts), "zone and cluster Enabled", "; ".join(wrong))
    elif None in states.values():
        yield Problem(
            concerned(hosts),
            "the allocation state of zone and cluster",
            "unknown: it was not read from CloudStack",
            kind=UNKNOWN,
        )


@check(
    "CLD006",
    "The address is registered already, in another zone or cluster",
    area="cloud",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F08", "F09"),
    fix="find out which machine that host is: delete it there if it is an earlier life of this one, else give one "
    "of the two another address",
    reproduce="cmk list hosts type=Routing filter=name,ipaddress,zonename,clustername,state",
)
def address_taken(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No host of another zone or cluster may have an address of a candidate.

    CloudStack looks for duplicates only in the target zone: there addHost fails at once ("is already in the database"),
    but for another zone it succeeds, takes over the record and leaves the host in Alert with its guests in the old zone
    (F08). So hosts of all zones are compared here. A machine whose own agent.properties knows of that registration is
    AGT006's matter.
    """
    candidates = _by_address(host for host in hosts if not host.member)
    for record in cluster.registered:
        host = candidates.get(record.address)
        if host and not is_here(record, cluster) and not has_former_life(host):
            yield Problem((host.name,), "an address that CloudStack does not have yet", registered_text(record))


def _by_address(hosts: Iterable[Profile]) -> dict[str, Profile]:
    return {address: host for host in hosts for address in addresses(host)}


@check(
    "CLD007",
    "A member is not Up",
    area="cloud",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F32", "F34", "F50"),
    fix="look at agent.log of that host and at listAlerts; a record that a failed join left is removed with "
    "host_registration_stale_host: remove",
    reproduce="cmk list hosts type=Routing filter=name,state,resourcestate; tail -50 "
    "/var/log/cloudstack/agent/agent.log",
)
def members_up(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Members should be Up and Enabled.

    A new host does not depend on them, but a record in Alert or Connecting shows a cluster in trouble (a bridge without
    a port, a dead pool) that the next host will meet too, and Host HA needs another Up host (F50). Maintenance and
    Disabled are only an info, because an operator chose them. Members that were not inspected are CLD002's and FCT001's
    matter.
    """
    standing = [host for host in hosts if host.member]
    members = {**{host.name: host for host in standing}, **_by_address(standing)}
    for record in cluster.members:
        host = members.get(record.address) or members.get(record.name)
        if host and record.state != "Up":
            yield Problem((host.name,), "Up", f"{record.state}, {record.resource_state}")
        elif host and record.resource_state != "Enabled":
            yield Problem((host.name,), "Enabled", record.resource_state, severity=INFO)


@check(
    "CLD008",
    "Certificates of hosts are not renewed automatically",
    area="cloud",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F29",),
    fix=f"set {RENEWAL} to true, or note to run provisionCertificate for each host within the year",
    reproduce=f"cmk list configurations name={RENEWAL}",
)
def renewal(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """ca.framework.cert.automatic.renewal should be true, its default.

    A host's certificate ends after 365 days. Without renewal all hosts that joined together drop together: agents
    disconnect, migration over TLS and consoles fail, guests do not start (F29).
    """
    value = cluster.settings.get(RENEWAL)
    if value is not None and value.strip().lower() != "true":
        yield Problem(concerned(hosts), f"{RENEWAL}=true", value)
