#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_drill_plan
short_description: Plan the drill of a host's death, or refuse it
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads the cluster as M(cloudstack.kvm.ha_readiness_info) does and says what CloudStack will make of the failure,
    with the computed times. A host that CloudStack would not fence, and one with a guest that would stay down, is
    refused with everything that is in the way.
  - Writes the plan into a file, by which the other modules of the drill go on. Where that file has a drill of the host
    that has not come to its end, this drill is returned, and nothing is planned anew.
  - It only lists. Used by the playbook C(cloudstack.kvm.ha_drill).
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.in_zone
options:
  pod:
    description: Name of the pod. If omitted, all pods of the zone are searched for the cluster.
    type: str
    default: ""
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  ip_address:
    description: Management address of the host, by which it is found.
    type: str
    required: true
  failure:
    description:
      - What the host is to suffer. V(power_off), its power goes. V(kernel_hang), its kernel stops.
        V(management_cut), its management network is cut. V(storage_cut), NFS is cut. V(agent_kill), its agent is
        killed, and kept from starting.
    type: str
    choices: [power_off, kernel_hang, management_cut, storage_cut, agent_kill]
    required: true
  look:
    description: What M(cloudstack.kvm.ha_drill_failure) returned as V(look). Needed unless a drill goes on.
    type: dict
    default: {}
  canary:
    description: Whether there is to be a canary.
    type: bool
    default: true
  offering:
    description: Name of the canary's service offering. If omitted, the drill makes one of its own.
    type: str
    default: ""
  agent_properties:
    description: Keys of C(agent.properties) that the hosts are declared to have.
    type: dict
    default: {}
  drill_file:
    description: Path of the file on the controller that keeps the drill.
    type: path
    required: true
attributes:
  check_mode:
    description: Plans and refuses as in the real run, and writes no file.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: cloudstack.kvm.ha_drill_watch
  - module: cloudstack.kvm.ha_readiness_info
"""

EXAMPLES = r"""
- name: What if host1 loses its power?
  cloudstack.kvm.ha_drill_plan:
    zone: zone1
    cluster: cluster1
    ip_address: 192.0.2.11
    failure: power_off
    look: "{{ looked.look }}"
    drill_file: ./reports/cluster1/ha_drill.state.json
  delegate_to: localhost
"""

RETURN = r"""
drill:
  description: The drill.
  returned: success
  type: dict
  contains:
    host:
      description: Name of the host in CloudStack.
      type: str
    failure:
      description: What it is to suffer.
      type: str
    stage:
      description: How far the drill has come, V(begun), V(ready), V(failing), V(watched) or V(back).
      type: str
    resumed:
      description: Whether it was begun by an earlier run.
      type: bool
    dies:
      description: Whether CloudStack is expected to take the host for dead.
      type: bool
    ends_by:
      description: Longest time for which it is watched, in seconds from the failure.
      type: int
    told:
      description: What is expected, one sentence each.
      type: list
      elements: str
"""

from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import read_record
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.canary_guest import size_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile, who
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.site import find_place, read_site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import read_agent_keys
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import FAILURES, Canary, Drill
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.drill import read_look
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.drill import (
    canary_name,
    go_on,
    plan_drill,
    result,
    with_canary,
)

ARGUMENT_SPEC = {
    **API_OPTIONS,
    **IN_ZONE,
    "pod": {"type": "str", "default": ""},
    "cluster": {"type": "str", "required": True},
    "ip_address": {"type": "str", "required": True},
    "failure": {"type": "str", "choices": list(FAILURES), "required": True},
    "look": {"type": "dict", "default": {}},
    "canary": {"type": "bool", "default": True},
    "offering": {"type": "str", "default": ""},
    "agent_properties": {"type": "dict", "default": {}},
    "drill_file": {"type": "path", "required": True},
}


def missing(address):
    return InputError(
        "CloudStack has no host of this address in the cluster",
        host=address,
        expected="a registered host",
        observed="none",
        next_step="run ansible-playbook cloudstack.kvm.add_hosts first, or correct cloudstack_host_address",
    )


def planned(client, options):
    zone, cluster = find_place(client, options["zone"], options["pod"], options["cluster"])
    site = read_site(client, zone, cluster, {})
    record = read_record(client, options["ip_address"])
    found = [each for each in site.hosts if record and each.id == record["id"]]
    if not found:
        raise missing(options["ip_address"])
    host, look = found[0], read_look(options["look"])
    if options["canary"]:
        site = with_canary(site, host, options["offering"], *size_of(client, options["offering"]))
    keys = read_agent_keys(options["agent_properties"])
    expected = plan_drill(site, host, options["failure"], keys, look, options["canary"])
    canary = Canary(canary_name(host.name), host=host.name) if options["canary"] else None
    at = SystemClock().now().timestamp()
    where = (host.name, options["ip_address"], options["failure"], site.zone, site.name)
    return replace(Drill(*where, at, who(), expected), canary=canary, boot_id=look.boot_id)


def body(module):
    options, file = module.params, DrillFile(module.params["drill_file"])
    drill = go_on(file.load(), options["ip_address"], options["failure"])
    if drill is not None:
        return Plan(), {"drill": result(drill, resumed=True)}
    drill = planned(connect(options), options)
    if not module.check_mode:
        file.save(drill)
    return Plan(), {"drill": result(drill, resumed=False)}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
