#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: What CloudStack expects of the hosts of a cluster, and which hosts it knows
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads zone, pod, cluster, traffic labels, pools, settings and the hosts of all zones. It only lists.
  - A zone, pod or cluster that does not exist is not an error, so that hosts can be examined before anything is
    registered.
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
"""

EXAMPLES = r"""
- name: What must the hosts of cluster1 look like?
  cloudstack.kvm.cluster_info:
    zone: zone1
    pod: pod1
    cluster: cluster1
  delegate_to: localhost
  register: expected
"""

RETURN = r"""
exists:
  description: Whether each of V(zone), V(pod) and V(cluster) exists. Fields of an object that does not exist are empty
    below.
  returned: success
  type: dict
cluster:
  description: The cluster.
  returned: success
  type: dict
  contains:
    zone:
      description: As given.
      returned: always
      type: str
    pod:
      description: As given.
      returned: always
      type: str
    name:
      description: As given.
      returned: always
      type: str
    source:
      description: Where it was read, V(cloudstack).
      returned: always
      type: str
    arch:
      description: Architecture of the cluster; null if it does not exist.
      returned: always
      type: str
    labels:
      description: For each traffic type its KVM labels over all physical networks of the zone. A traffic type without a
        label has an empty list.
      returned: always
      type: dict
    isolation:
      description: How the physical networks separate guests, such as V(VLAN) or V(VXLAN).
      returned: always
      type: list
      elements: str
    vlan_ranges:
      description: Ranges of the physical networks that separate guests by VLAN.
      returned: always
      type: list
      elements: str
    security_groups:
      description: Whether the zone uses security groups; null if it does not exist.
      returned: always
      type: bool
    storage_vlans:
      description: VLANs of the pod's storage address ranges.
      returned: always
      type: list
      elements: str
    management_version:
      description: Version of CloudStack.
      returned: always
      type: str
    settings:
      description: Settings that concern hosts, with the values that apply to the cluster. A setting without a value is
        empty.
      returned: always
      type: dict
    pools:
      description:
        - Pools that every host of the cluster has to mount, of scope V(CLUSTER) or V(ZONE), with V(name), V(kind),
          V(server), V(path), V(state), V(scope).
      returned: always
      type: list
      elements: dict
    registered:
      description: The hosts of all zones, with V(name), V(address), V(state), V(resource_state), V(zone), V(cluster),
        V(version), V(id), V(details).
      returned: always
      type: list
      elements: dict
    declared:
      description: Empty here; filled from the inventory.
      returned: always
      type: dict
    zone_allocation_state:
      description: V(Enabled) or V(Disabled); null if the zone does not exist.
      returned: always
      type: str
    cluster_allocation_state:
      description: V(Enabled) or V(Disabled); null if the cluster does not exist.
      returned: always
      type: str
    unseen:
      description: Empty here; the pre-flight fills it with hosts of the inventory without facts.
      returned: always
      type: list
      elements: dict
    unanswered:
      description: Empty here; the pre-flight fills it with the reason why CloudStack did not answer.
      returned: always
      type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.expected_cluster import read
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import mapping_of

ARGUMENT_SPEC = {
    **API_OPTIONS,
    **IN_ZONE,
    "pod": {"type": "str", "default": ""},
    "cluster": {"type": "str", "required": True},
}


def body(module):
    cluster, exists = read(connect(module.params), *(module.params[name] for name in ("zone", "pod", "cluster")))
    return Plan(), {"cluster": mapping_of(cluster), "exists": exists}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
