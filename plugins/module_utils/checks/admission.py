# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the members let a newcomer in? Their firewalls name the hosts of the cluster, so a host that is added is a stranger to all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.firewall_verdict import DROP, REJECT, Connection, decide
from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.links import address_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.ports import MIGRATION_DATA, MIGRATION_TLS
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.profile import Cluster, Profile

NO_ANSWER = ("filtered", "unreachable")
DATA = (MIGRATION_DATA, 49216)  # both ends of the range: rules that open a part of it look right to a probe of the first port
# (newcomer, member) -> port -> the rule of the member that closes it
Closed = dict[tuple[str, str], dict[int, str]]


def shut_out(hosts: Sequence[Profile], cluster: Cluster) -> Closed:
    """What the members' own rules keep from each newcomer, without what a probe has seen open all the same."""
    newcomers = [host for host in hosts if not host.member and address_of(host, cluster)]
    found: Closed = {}
    for member in hosts:
        rules, own = member.get("firewall", "nft"), address_of(member, cluster)
        if not member.member or not rules or not own:
            continue
        for newcomer in newcomers:
            answered = set(_answered(newcomer, member.name))
            for port in (MIGRATION_TLS, *DATA):
                decision = decide(rules, Connection(address_of(newcomer, cluster), port, "", own))
                if decision.verdict in (DROP, REJECT) and port not in answered:
                    found.setdefault((newcomer.name, member.name), {})[port] = f"{decision.verdict} by {decision.evidence}"
    return found


def _answered(host: Profile, to: str) -> Iterator[int]:
    for probe in host.probes.get("ports") or ():
        if probe["to"] == to and probe.get("state") is not None and probe["state"] not in NO_ANSWER:
            yield probe["port"]
