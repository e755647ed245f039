#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_readiness_info
short_description: What follows if a host of a cluster dies now, and how long it takes
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads the hosts, guests, pools and settings of a cluster, and runs the checks of high availability over them. It
    only lists.
  - Says for each host whether Host HA would fence it, which of its guests come back and on which host there is room,
    and which do not and why; and computes the time to failover from the settings.
  - Needs an account that sees the guests of all accounts, a root administrator.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.in_zone
  - cloudstack.kvm.attributes.read_only
options:
  pod:
    description: Name of the pod. If omitted, all pods of the zone are searched for the cluster.
    type: str
    default: ""
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  agent_properties:
    description: Keys of C(agent.properties) that the hosts are declared to have, such as
      C(kvm.heartbeat.update.frequency). Those that decide no failover are left aside.
    type: dict
    default: {}
  bmc_privileges:
    description: Privilege of CloudStack's account on the BMC by the name of the host, as ipmitool prints it, such as
      V(OPERATOR). CloudStack does not know it. A host that is not named has what the pre-flight has seen in band.
    type: dict
    default: {}
  preflight_report_dir:
    description:
      - Folder on the controller with the report of the cluster's last pre-flight. The facts that it has kept there say
        whose the BMCs are, whether guests reach them, and what CloudStack's account may do.
      - If omitted, nothing of the BMCs is judged but what CloudStack says of them. Facts that are older than seven days
        count as none.
    type: path
"""

EXAMPLES = r"""
- name: What if a host of cluster1 dies now?
  cloudstack.kvm.ha_readiness_info:
    zone: zone1
    cluster: cluster1
  delegate_to: localhost
  register: readiness

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.key }}: {{ item.value.stays }}"
  loop: "{{ readiness.hosts | dict2items }}"
"""

RETURN = r"""
cluster:
  description: Zone and name of the cluster.
  returned: success
  type: dict
  contains:
    zone:
      description: Name of the zone.
      returned: always
      type: str
    name:
      description: Name of the cluster.
      returned: always
      type: str
ready:
  description: Whether no finding of severity V(error) or worse is there.
  returned: success
  type: bool
hosts:
  description:
    - For each host by name what CloudStack says of it, with V(state), V(resource_state), V(oobm), V(privilege),
      V(ha_state) and V(findings), the ids of the checks that name it; and what follows if it dies now.
    - V(identity) is whose the BMC is, V(own), V(another machine's), V(shared) or V(not known), and V(whose) why;
      V(isolation) is where it is, V(apart), V(on the management network), V(guests reach it) or V(not known).
    - V(fenced) is whether Host HA powers it off, V(because) why not. V(returns) are guests that come back, with
      V(guest) and V(host); V(stays) those that do not, with V(guest), V(reason) and V(because). V(n_plus_1) is whether
      the other hosts have room for them.
    - V(failover) has for V(best), V(typical) and V(worst) the seconds until V(fenced_at) and V(guests_at) of this host.
  returned: success
  type: dict
findings:
  description: What the checks found, worst first, in the form of the findings of M(cloudstack.kvm.preflight).
  returned: success
  type: list
  elements: dict
checks:
  description: The checks that ran by id, with V(title), V(severity), V(scope) and V(area).
  returned: success
  type: dict
bmcs:
  description: When the pre-flight has seen the BMCs, V(at), and why there is nothing of it to use, V(missing). Null
    without O(preflight_report_dir).
  returned: success
  type: dict
timing:
  description:
    - For V(best), V(typical) and V(worst) the seconds from the death of a host until V(fenced_at) and V(guests_at), and
      the V(stages), each with V(name), V(seconds), V(ends_at), V(state), V(formula) and V(source).
    - V(guests_at) is null where CloudStack gives the guests up before, at V(gives_up_at).
  returned: success
  type: dict
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.bmc_look import with_look
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.kept_look import read_look
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.site import find_place, read_site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import read_agent_keys
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import mapping_of, readiness

ARGUMENT_SPEC = {
    **API_OPTIONS,
    **IN_ZONE,
    "pod": {"type": "str", "default": ""},
    "cluster": {"type": "str", "required": True},
    "agent_properties": {"type": "dict", "default": {}},
    "bmc_privileges": {"type": "dict", "default": {}},
    "preflight_report_dir": {"type": "path"},
}


def body(module):
    options, client = module.params, connect(module.params)
    keys = read_agent_keys(options["agent_properties"])
    privileges = {name: str(value) for name, value in options["bmc_privileges"].items()}
    zone, cluster = find_place(client, options["zone"], options["pod"], options["cluster"])
    site = read_site(client, zone, cluster, privileges)
    if options["preflight_report_dir"]:
        site = with_look(site, read_look(options["preflight_report_dir"], site.hosts))
    return Plan(), {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(readiness(site, keys), site)}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
