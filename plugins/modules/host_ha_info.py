#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_ha_info
short_description: Host HA of hosts, and what its states mean
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads host HA of all hosts, or of those of a zone, a cluster or one address, and says for each what its state means,
    what is missing, and what to do. It only lists.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.attributes.read_only
options:
  zone:
    description: Name of a zone. If omitted, the hosts of all zones.
    type: str
  cluster:
    description: Name of a cluster of O(zone).
    type: str
  ip_address:
    description: Management address of the only host to tell of.
    type: str
seealso:
  - module: cloudstack.kvm.host_ha
"""

EXAMPLES = r"""
- name: Is every host of cluster1 watched?
  cloudstack.kvm.host_ha_info:
    zone: zone1
    cluster: cluster1
  delegate_to: localhost
  register: ha

- name: Show those that are not, and why
  ansible.builtin.debug:
    msg: "{{ ha.hosts | rejectattr('state', 'equalto', 'Available') }}"
"""

RETURN = r"""
hosts:
  description: The hosts, by address.
  returned: success
  type: list
  elements: dict
  contains:
    ip_address:
      description: Its management address.
      type: str
    name:
      description: Its name, as its agent reports it.
      type: str
    zone:
      description: Name of its zone.
      type: str
    cluster:
      description: Name of its cluster.
      type: str
    host_state:
      description: State of the host, such as V(Up).
      type: str
    resource_state:
      description: Resource state of the host, such as V(Enabled).
      type: str
    enabled:
      description: Whether host HA is enabled for the host. It stays so while it is off for the zone or the cluster.
      type: bool
    state:
      description: Its state, such as V(Available).
      type: str
    provider:
      description: Its provider; empty where it was not configured.
      type: str
    power_state:
      description: Power state that out-of-band management reports.
      type: str
    meaning:
      description: What the state means for this host.
      type: str
    next_step:
      description: What to do about it.
      type: str
    limits:
      description: What host HA will not do for this host although its state is V(Available).
      type: list
      elements: str
    obstacles:
      description: What keeps the state from being V(Available), each with what to do. Also told of a host for which
        host HA is not enabled, so that it is known before.
      type: list
      elements: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.host_ha import read_ha_hosts
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import require
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import CLUSTER, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import info_result
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "zone": {"type": "str"},
    "cluster": {"type": "str"},
    "ip_address": {"type": "str"},
}


def body(module):
    options, client = module.params, connect(module.params)
    within = {}
    if options["zone"]:
        within["zoneid"] = require(client, ZONE, options["zone"])["id"]
    if options["cluster"]:
        within["clusterid"] = require(client, CLUSTER, options["cluster"], **within)["id"]
    hosts = read_ha_hosts(client, **within)
    wanted = options["ip_address"]
    return Plan(), {"hosts": [info_result(host) for host in hosts if wanted in (None, host.address)]}


def main():
    runtime.run(ARGUMENT_SPEC, body, required_by={"cluster": ["zone"]})


if __name__ == "__main__":
    main()
