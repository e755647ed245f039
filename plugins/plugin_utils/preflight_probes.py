# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the filters of this name do; plugins/filter imports it when they are used."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.parse.machine_address import management_addresses
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_attachments import guest_attachments
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.vxlan import evpn
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import expected_cluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import profiles_of, read_variables
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.plan import probes


def questions(names, hostvars, hosts, info=None):
    """What each of these hosts is to ask; see plugins/filter/*.yml.

    For all of them at once, because the variables of a host take milliseconds to look up: a hundred hosts that look at
    each other take minutes.
    """
    known = read_variables(hosts, hostvars)
    declared, facts = declarations(known), {name: parts["facts"] for name, parts in known.items()}
    clusters = {name: expected_cluster(info, hostvars[name]) for name in names if name in declared}
    profiles = profiles_of(known)
    return {
        name: _of_one(name, cluster, declared, facts, profiles, hosts, hostvars) for name, cluster in clusters.items()
    }


def _of_one(name, cluster, declared, facts, profiles, hosts, hostvars):
    exports = probes.exports(declared[name], cluster.pools)
    known = {*(facts[name].get("bridges") or {}), *(link["name"] for link in facts[name].get("interfaces") or ())}
    guest = [each for each in probes.guest_bridges(cluster.labels) if each in known]
    storage = sorted({each.rsplit(":", 1)[0] for each in exports})
    targets = probes.targets(
        name, declared, cluster.management_addresses or management_servers(hostvars, name), storage, guest
    )
    multicast = []
    if cluster.vxlan:
        attachments = guest_attachments(profiles, cluster)
        targets += probes.vxlan_targets(name, sorted(declared), attachments)
        if not any(evpn(profile) for profile in profiles if profile.name == name):
            multicast = probes.multicast_networks(name, attachments)
    return {
        "targets": targets,
        "cpus": probes.cpus(name, hosts, facts),
        "exports": exports,
        "pools": probes.pools(cluster.pools),
        "multicast": multicast,
    }


def logins(hosts, hostvars):
    """What a management server is to ask; see plugins/filter/*.yml."""
    declared = declarations(read_variables(hosts, hostvars))
    return probes.logins(declared, {each: hostvars[each].get("oobm_password", "") for each in declared})


def declarations(known):
    """What the inventory declares of each host, as far as the role got to it."""
    return {name: parts["declared"] for name, parts in known.items() if parts["declared"]}


def management_servers(hostvars, name):
    """Where agents will connect to, as far as the inventory tells."""
    return management_addresses(hostvars[name]["groups"].get("management_servers", []), hostvars)
