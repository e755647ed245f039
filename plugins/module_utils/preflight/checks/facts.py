# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: are there facts of every host? A comparison that leaves hosts out proves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check


@check(
    "FCT001",
    "Facts of a host are missing",
    area="facts",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F35", "F36", "F28"),
    fix="repair the host, or let Ansible log in to it, and run again (with --limit too the facts of all members are "
    "read); a host that is gone for good is removed from CloudStack and from the inventory",
    reproduce="ansible -i INVENTORY HOST -m cloudstack.kvm.kvm_host_facts",
)
def facts_of_every_host(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A candidate is compared with all live members of the cluster. A member that could not be inspected leaves that
    comparison open, so no candidate may join. A candidate that could not be inspected only keeps itself out.
    """
    candidates = tuple(host.name for host in hosts if not host.member)
    for missing in sorted(cluster.hosts_without_facts, key=lambda each: each.name):
        blamed = (missing.name, *candidates) if missing.member else (missing.name,)
        yield Problem(blamed, expected=f"facts of {missing.name}", observed=missing.why)
