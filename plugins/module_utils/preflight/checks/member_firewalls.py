# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the members' firewalls allow a newcomer? Their firewalls name the hosts of the cluster, so a host that is added is
a stranger to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.firewall_verdict import (
    DROP,
    REJECT,
    Connection,
    decide,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import address_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.ports import MIGRATION_DATA, MIGRATION_TLS

NO_ANSWER = ("filtered", "unreachable")
# Both ends of the range: rules that open a part of it look right to a probe of the first port.
DATA = (MIGRATION_DATA, 49216)
PORTS = (MIGRATION_TLS, *DATA)
# (newcomer, member) -> port -> the rule of the member that closes it
Closed = dict[tuple[str, str], dict[int, str]]


def tried(hosts: Sequence[Profile]) -> dict[str, dict[tuple[str, int], str]]:
    """Host -> who tried which port of it -> what became of it."""
    found: dict[str, dict[tuple[str, int], str]] = {}
    for host in hosts:
        for probe in host.probes.get("ports") or ():
            if probe.get("state") is not None:
                found.setdefault(probe["to"], {})[host.name, probe["port"]] = probe["state"]
    return found


def blocked_newcomers(hosts: Sequence[Profile], cluster: Cluster) -> Closed:
    """What the members' own rules keep from each newcomer, without what a probe has seen open all the same."""
    addresses = {host.name: address_of(host, cluster) for host in hosts}
    newcomers = [host.name for host in hosts if not host.member and addresses[host.name]]
    attempts = tried(hosts)
    found: Closed = {}
    for member in hosts:
        rules, own, seen = member.get("firewall", "nft"), addresses[member.name], attempts.get(member.name, {})
        if not member.member or not rules or not own:
            continue
        for newcomer in newcomers:
            for port in PORTS:
                if (newcomer, port) in seen and seen[newcomer, port] not in NO_ANSWER:
                    continue
                decision = decide(rules, Connection(addresses[newcomer], port, "", own))
                if decision.verdict in (DROP, REJECT):
                    found.setdefault((newcomer, member.name), {})[port] = f"{decision.verdict} by {decision.evidence}"
    return found
