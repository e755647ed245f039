#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_drill_guest
short_description: The guest of a drill
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Deploys the canary, a guest of the drill's own, on the host of the drill, and removes it with the offering and the
    network that were made for it. One that is there already from an interrupted run is kept.
  - Used by the playbook C(cloudstack.kvm.ha_drill).
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
  - cloudstack.kvm.cloudstack.in_zone
options:
  drill_file:
    description: Path of the file on the controller that keeps the drill, written by M(cloudstack.kvm.ha_drill_plan).
    type: path
    required: true
  template:
    description: Name of the canary's template. Needed for V(present).
    type: str
    default: ""
  offering:
    description: Name of its service offering, one with HA. If omitted, one is made.
    type: str
    default: ""
  network:
    description: Name of its network. If omitted, an isolated layer 2 network is made, but in a basic zone none.
    type: str
    default: ""
  state:
    description: Whether it runs, or is gone.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Calls nothing.
    support: full
  diff_mode:
    description: Shows the guest.
    support: full
seealso:
  - module: cloudstack.kvm.ha_drill_plan
"""

EXAMPLES = r"""
- name: A guest of the drill's own runs on its host
  cloudstack.kvm.ha_drill_guest:
    zone: zone1
    drill_file: ./reports/cluster1/ha_drill.state.json
    template: canary
  delegate_to: localhost
"""

RETURN = r"""
guest:
  description: The guest; null where there is none.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    id:
      description: Its id.
      type: str
    host:
      description: Name of the host that it was started on.
      type: str
    pool:
      description: Where hosts have the pool of its disk mounted; empty where they mount none.
      type: str
    pool_address:
      description: Address of that pool; empty where it is not NFS.
      type: str
    volume:
      description: Path of its disk there.
      type: str
"""

from dataclasses import asdict, replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    API_OPTIONS,
    IN_ZONE,
    connect,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import read_record
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import require
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.canary_guest import deploy, remove
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import READY

ARGUMENT_SPEC = {
    **API_OPTIONS,
    **IN_ZONE,
    "drill_file": {"type": "path", "required": True},
    "template": {"type": "str", "default": ""},
    "offering": {"type": "str", "default": ""},
    "network": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def present(client, options, file, drill):
    """Deployed and noted, unless the drill has come further."""
    if drill.reached(READY) or drill.canary is None:
        return drill, Plan()
    zone = require(client, ZONE, options["zone"])
    host = read_record(client, drill.address) or {}
    how = (options["template"], options["offering"], options["network"])
    canary = deploy(client, zone, str(host.get("id")), drill.canary.name, *how)
    drill = replace(drill, canary=canary, stage=READY)
    file.save(drill)
    return drill, Plan((Change("create", f"guest {canary.name}", after={"host": canary.host}),))


def absent(client, options, drill):
    """Removed, with what was made for it."""
    if drill.canary is None:
        return Plan()
    zone = require(client, ZONE, options["zone"])
    gone = remove(client, zone["id"], drill.canary.name)
    return Plan((Change("delete", f"guest {drill.canary.name}"),) if gone else ())


def body(module):
    options, file = module.params, DrillFile(module.params["drill_file"])
    if file.load() is None or module.check_mode:
        return Plan(), {"guest": None}
    client = connect(options)
    # The module of a run that was killed may still be at it.
    with file.locked():
        if options["state"] == "absent":
            return absent(client, options, file.need()), {"guest": None}
        drill, plan = present(client, options, file, file.need())
    return plan, {"guest": asdict(drill.canary) if drill.canary else None}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
