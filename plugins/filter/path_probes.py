# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import PEERS, plan_probes
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.questions import questions
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.size import sizes
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import attachments, mtus
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import examine
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import intent
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import read_probes, unseen
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.run_results import results_of


def first_round(names, hostvars, live, info=None, peers=PEERS, count=20):
    """What each host is to ask; see the documentation beside this file."""
    hosts, cluster = known(names, hostvars, live, info)
    attached = attachments(hosts, cluster)
    wanted = {name: size.probed for name, size in sizes(cluster.labels, cluster.isolation, mtus(hosts, cluster)).items()}
    return questions(plan_probes(attached, wanted, peers=peers), attached, askers(live, hostvars), own(hosts), count)


def second_round(names, hostvars, live, info=None, policy=None, count=20):
    """What is to be asked once more to decide between culprits; see the documentation beside this file."""
    hosts, cluster = known(names, hostvars, live, info)
    paths = examine(hosts, cluster, Policy().with_changes(policy or {}))
    return questions(paths.verdict.ask, paths.at.values(), paths.ran, own(hosts), count)


def profiles(names, hostvars):
    """The hosts of which there are facts, in this run or kept from another one, with the results of the first round."""
    found = []
    for name in sorted(names):
        facts = hostvars[name].get("ansible_facts", {}).get("kvm_host")
        if facts:
            probes = read_probes(name, {"paths": results_of(hostvars[name])["paths"]}, {})
            found.append(Profile(name, facts, hostvars[name].get("__preflight_seen", {}).get("declared", {}), probes))
    return found


def known(names, hostvars, live, info):
    """The hosts of which there are facts, and the cluster with those of which there are none, so that the others may find out why."""
    hosts, cluster = profiles(names, hostvars), intent(info, hostvars[live[0]])
    missing = sorted(set(names) - {host.name for host in hosts})
    declared = {name: hostvars[name].get("__preflight_seen", {}).get("declared", {}) for name in missing}
    return hosts, replace(cluster, unseen=tuple(unseen(name, declared[name], "no facts", False) for name in missing))


def askers(live, hostvars):
    """The hosts of this run that gave facts."""
    return {name for name in live if hostvars[name].get("__preflight_seen", {}).get("reached")}


def own(hosts):
    """All addresses of each host, without prefix length."""
    return {host.name: {str(each).split("/", 1)[0] for link in host.get("interfaces") or () for each in link.get("addresses") or ()} for host in hosts}


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"path_probes": first_round, "followup_path_probes": second_round}
