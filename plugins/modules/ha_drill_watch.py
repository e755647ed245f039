#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_drill_watch
short_description: Watch CloudStack during a drill, and bring the host back
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - V(watched) looks at the host and the guest of the drill every second until CloudStack is done with both, or
    until the computed worst time is over. Each change is written into the file of the drill at once, so that a run that
    is interrupted goes on where it was.
  - V(back) brings the host back as it was before. It is powered on through its BMC, reset once if its kernel hangs,
    taken out of maintenance, and host HA is switched off and on where it was fenced. It ends when the host is Up,
    Enabled and Available.
  - Used by the playbook C(cloudstack.kvm.ha_drill).
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
options:
  drill_file:
    description: Path of the file on the controller that keeps the drill, written by M(cloudstack.kvm.ha_drill_plan).
    type: path
    required: true
  until:
    description: What to wait for.
    type: str
    choices: [watched, back]
    required: true
  timeout:
    description: Longest wait for V(back), in seconds.
    type: int
    default: 1800
attributes:
  check_mode:
    description: Calls nothing.
    support: full
  diff_mode:
    description: Shows the stage of the drill.
    support: full
seealso:
  - module: cloudstack.kvm.ha_drill_plan
"""

EXAMPLES = r"""
- name: Watch until the guest runs elsewhere
  cloudstack.kvm.ha_drill_watch:
    drill_file: ./reports/cluster1/ha_drill.state.json
    until: watched
  delegate_to: localhost
"""

RETURN = r"""
timeline:
  description: Each change that was seen, oldest first; V(at) is in seconds from the failure.
  returned: success
  type: list
  elements: dict
"""

from dataclasses import asdict

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill import bring_back, watch
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import BACK, FAILING, WATCHED

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "drill_file": {"type": "path", "required": True},
    "until": {"type": "str", "choices": [WATCHED, BACK], "required": True},
    "timeout": {"type": "int", "default": 1800},
}


def waited_for(options, file):
    """The drill after the wait, and the stage before it."""
    drill = file.need()
    before = drill.stage
    if options["until"] == BACK and not drill.reached(BACK):
        drill = bring_back(connect(options), file, options["timeout"])
    elif drill.reached(FAILING) and not drill.reached(WATCHED):
        drill = watch(connect(options), file)
    return drill, before


def body(module):
    options, file = module.params, DrillFile(module.params["drill_file"])
    if file.load() is None or module.check_mode:
        return Plan(), {"timeline": []}
    # The module of a run that was killed may still be at it: then its outcome is waited for.
    with file.locked():
        drill, before = waited_for(options, file)
    change = Change("update", f"drill of {drill.host}", {"stage": before}, {"stage": drill.stage})
    plan = Plan((change,) if before != drill.stage else ())
    return plan, {"timeline": [asdict(each) for each in drill.seen]}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
