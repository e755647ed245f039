#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_scope
short_description: Host HA of a whole zone or cluster
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Switches host HA on or off for a zone, or for a cluster of it. It is on until it is switched off. Hosts keep their
    own setting, which counts again once it is on.
  - Off is for planned work on switches, storage or BMCs. It is reached when CloudStack watches no host there any more,
    which is read back, because the answer of CloudStack says success=false although it worked.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.in_zone
options:
  cluster:
    description: Name of the cluster. If omitted, the zone is meant.
    type: str
  state:
    description: Whether CloudStack watches the hosts of the zone or cluster for which host HA is enabled.
    type: str
    choices: [enabled, disabled]
    default: enabled
  timeout:
    description: Longest wait until no host is watched any more, in seconds.
    type: int
    default: 60
attributes:
  check_mode:
    description: Predicts the call.
    support: full
  diff_mode:
    description: Shows whether it is on.
    support: full
seealso:
  - module: cloudstack.kvm.host_ha
"""

EXAMPLES = r"""
- name: No host of cluster1 is reset or powered off during the work on its switches
  cloudstack.kvm.ha_scope:
    zone: zone1
    cluster: cluster1
    state: disabled
  delegate_to: localhost

- name: The hosts of the zone are watched again
  cloudstack.kvm.ha_scope:
    zone: zone1
  delegate_to: localhost
"""

RETURN = r"""
ha_scope:
  description: The zone or cluster after the run; in check mode as it is before.
  returned: success
  type: dict
  contains:
    kind:
      description: V(zone) or V(cluster).
      type: str
    name:
      description: Its name.
      type: str
    enabled:
      description: Whether host HA is on for it.
      type: bool
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.host_ha import wait_scope
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls, require
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import CLUSTER, ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.host_ha import scope_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import plan_scope, scope_result
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    **IN_ZONE,
    "cluster": {"type": "str"},
    "state": {"type": "str", "choices": ["enabled", "disabled"], "default": "enabled"},
    "timeout": {"type": "int", "default": 60},
}


def look(client, options):
    """The zone or cluster, and the id of it."""
    zone = require(client, ZONE, options["zone"])
    if not options["cluster"]:
        return scope_of("zone", zone), zone["id"]
    cluster = require(client, CLUSTER, options["cluster"], zoneid=zone["id"])
    return scope_of("cluster", cluster), cluster["id"]


def body(module):
    options, client = module.params, connect(module.params)
    enabled = options["state"] == "enabled"
    scope, scope_id = look(client, options)
    plan = plan_scope(scope, scope_id, enabled)
    if not module.check_mode:
        apply_calls(client, plan, lambda: plan_scope(look(client, options)[0], scope_id, enabled))
        wait_scope(client, scope, scope_id, enabled, options["timeout"], lambda: look(client, options)[0])
        scope = look(client, options)[0]
    return plan, {"ha_scope": scope_result(scope)}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
