# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the filters of this name do; plugins/filter imports it when they are used."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import PEERS, plan_probes
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_options import probe_options
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.size import sizes
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import attachments, mtus
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import examine
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import expected_cluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import (
    profiles_of,
    read_variables,
    without_facts,
)


def first_round(names, hostvars, live, info=None, peers=PEERS, count=20):
    """What each host is to ask; see plugins/filter/*.yml."""
    known = read_variables(names, hostvars)
    hosts, cluster = hosts_and_cluster(known, hostvars, live, info)
    attached = attachments(hosts, cluster)
    wanted = {
        name: size.probed for name, size in sizes(cluster.labels, cluster.isolation, mtus(hosts, cluster)).items()
    }
    asking = {name for name in live if known[name]["reached"]}
    return probe_options(plan_probes(attached, wanted, peers=peers), attached, asking, own(hosts), count)


def second_round(names, hostvars, live, info=None, policy=None, count=20):
    """What is to be asked once more to decide between culprits; see plugins/filter/*.yml."""
    hosts, cluster = hosts_and_cluster(read_variables(names, hostvars), hostvars, live, info)
    paths = examine(hosts, cluster, Policy().with_changes(policy or {}))
    return probe_options(paths.report.next_probes, paths.at.values(), paths.ran, own(hosts), count)


def hosts_and_cluster(known, hostvars, live, info):
    """The hosts of which there are facts, and the cluster with those of which there are none, so that the others may
    find out why."""
    missing = [
        without_facts(name, parts["declared"], "no facts", False)
        for name, parts in sorted(known.items())
        if not parts["facts"]
    ]
    return profiles_of(known), replace(expected_cluster(info, hostvars[live[0]]), hosts_without_facts=tuple(missing))


def own(hosts):
    """All addresses of each host, without prefix length."""
    return {
        host.name: {
            str(each).split("/", 1)[0] for link in host.get("interfaces") or () for each in link.get("addresses") or ()
        }
        for host in hosts
    }
