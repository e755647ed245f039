#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_pool
short_description: Primary storage of a cluster or a zone
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Adds, tags or removes primary storage. CloudStack mounts it on every host that is Up while it is added, so at least
    one host must be Up.
  - CloudStack would accept the same name for another address; this module matches by name and refuses another address.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.resource
  - cloudstack.kvm.cloudstack.in_zone
options:
  name:
    description: Name of the pool.
    type: str
    required: true
  pod:
    description: Name of the pod. Needed for the scope V(cluster).
    type: str
  cluster:
    description: Name of the cluster. Needed for the scope V(cluster).
    type: str
  url:
    description: Where it is, such as V(nfs://192.0.2.200/export/primary). Cannot be changed later.
    type: str
  scope:
    description: Whether the hosts of the cluster use it, or those of the whole zone.
    type: str
    choices: [cluster, zone]
    default: cluster
  tags:
    description: Storage tags. Replaces the whole list.
    type: list
    elements: str
  nfs_mount_opts:
    description: Mount options for NFS, such as V(vers=4.1,nconnect=4). CloudStack changes them only while the pool is
      in maintenance.
    type: str
  forced:
    description: Remove a pool that is in use, by putting it into maintenance first. This stops every guest with a
      volume on it.
    type: bool
    default: false
  state:
    description:
      - Whether it exists.
      - CloudStack removes a pool only from maintenance. One that is not in maintenance stays unless
        O(forced=true).
attributes:
  check_mode:
    description: Predicts the call. Whether the hosts can mount the export shows only in a real run.
"""

EXAMPLES = r"""
- name: The cluster has primary storage
  cloudstack.kvm.storage_pool:
    name: primary1
    zone: zone1
    pod: pod1
    cluster: cluster1
    url: nfs://192.0.2.200/export/primary
  delegate_to: localhost

- name: The primary storage is gone, from maintenance
  cloudstack.kvm.storage_pool:
    name: primary1
    zone: zone1
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
storage_pool:
  description: The pool as CloudStack has it after the run; null if it does not exist.
  returned: success
  type: dict
  contains:
    id:
      description: Its UUID.
      type: str
    name:
      description: Its name.
      type: str
    url:
      description: Its address, in CloudStack's spelling.
      type: str
    scope:
      description: As the option of this name.
      type: str
    tags:
      description: As the option of this name.
      type: str
    nfs_mount_opts:
      description: As the option of this name.
      type: str
"""

from functools import partial

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    STATE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import find_parents
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import (
    CLUSTER,
    POD,
    STORAGE_POOL,
    ZONE,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.storage_pool import (
    plan_pool_absent,
    refuse_taken,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    **IN_ZONE,
    "pod": {"type": "str"},
    "cluster": {"type": "str"},
    "url": {"type": "str"},
    "scope": {"type": "str", "choices": ["cluster", "zone"], "default": "cluster"},
    "tags": {"type": "list", "elements": "str"},
    "nfs_mount_opts": {"type": "str"},
    "forced": {"type": "bool", "default": False},
    **STATE,
}
CANNOT_MOUNT = "Failed to access storage pool"  # the server's only words for everything a mount can fail on


def parents_of(client, options, check_mode):
    """What the scope needs. A pool is removed by its name in the zone alone, whatever its scope is."""
    if options["scope"] == "cluster" and options["state"] == "present":
        return find_parents(client, options, check_mode, ZONE, POD, CLUSTER)
    ids = find_parents(client, options, check_mode, ZONE)
    return ids and {**ids, "hypervisor": "KVM"}


def body(module):
    options, client = module.params, connect(module.params)
    parents = parents_of(client, options, module.check_mode)
    if options["state"] == "present":
        refuse_taken(options["name"], options["url"], client.list("listStoragePools", "storagepool"))
    try:
        plan, pool = converge(
            client,
            STORAGE_POOL,
            options,
            name=options["name"],
            parents=parents,
            check_mode=module.check_mode,
            plan_removal=partial(plan_pool_absent, forced=options["forced"]),
        )
    except ApiError as error:
        if CANNOT_MOUNT in error.text:
            error.host = error.host or options["cluster"] or options["zone"]
            error.expected = f"every Up host can mount {options['url']}"
            error.next_step = (
                "try the mount on a host as root (showmount -e SERVER; mount), check the export's client list and the"
                " firewall of the server; the reason is in /var/log/cloudstack/agent/agent.log of a host"
            )
        raise
    return plan, {"storage_pool": pool}


def main():
    runtime.run(ARGUMENT_SPEC, body, required_if=[("state", "present", ["url"])])


if __name__ == "__main__":
    main()
