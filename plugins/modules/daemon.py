#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon
short_description: Keep a daemon running with its current configuration files
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Restarts a systemd service if one of the files that it reads only at its start has changed since, and starts it if
    it does not run. Nothing depends on what changed in this run, so the next run does a restart that an interrupted run
    left undone.
  - The start is compared with the time of the last change of a file's inode (ctime), which renaming and a preserved
    modification time cannot hide. The comparison is right even if the clock was set in the meantime.
  - A file in Java's properties format that Java itself wrote last (C(agent.properties), which the agent rewrites) is
    not newer than its daemon.
  - systemd reloads its units before anything is done with them, or if it reports that they changed on disk. Units that
    must not run beside the daemon are stopped before it is started.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  name:
    description: The service, with its suffix.
    type: str
    required: true
  files:
    description: Paths that it reads only when it starts. A link is not followed. A path that does not exist is no
      reason for a restart.
    type: list
    elements: str
    default: []
  changed:
    description:
      - Paths that this run has changed, or in check mode would change, as
        RV(cloudstack.kvm.host_files#module:changed_paths). Those that are also in O(files) are a reason for a restart;
        others are ignored.
    type: list
    elements: str
    default: []
  exclude:
    description: Units that must not be active beside it, such as sockets that would start it. Those that do not exist
      are ignored.
    type: list
    elements: str
    default: []
  start:
    description: Whether to start it if it does not run. If not, only a running one is restarted.
    type: bool
    default: true
  enabled:
    description: Whether it starts at every boot. If omitted, that stays as it is.
    type: bool
  verify:
    description: A command, as a list, that must end with 0 after a start, because some services tell systemd too early
      that they run. No shell.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts exactly what the real run does. A service that is not installed yet counts as one that does
      not run.
    support: full
  diff_mode:
    description: Shows each step with its reason.
    support: full
seealso:
  - module: cloudstack.kvm.host_files
    description: Writes the files.
"""

EXAMPLES = r"""
- name: Write chrony's configuration
  cloudstack.kvm.host_files:
    files:
      - {path: /etc/chrony/chrony.conf, content: "server ntp1.example.org iburst\n"}
  register: written

- name: Run chronyd with it
  cloudstack.kvm.daemon:
    name: chrony.service
    files: [/etc/chrony/chrony.conf]
    changed: "{{ written.changed_paths }}"
    enabled: true

- name: Let a running agent read its properties
  cloudstack.kvm.daemon:
    name: cloudstack-agent.service
    files: [/etc/cloudstack/agent/agent.properties]
    start: false
"""

RETURN = r"""
reasons:
  description: Why it was, or in check mode would be, started or restarted. Empty if it runs with its current files.
  returned: success
  type: list
  elements: str
  sample: ["it was started 2026-11-29 10:00:01 UTC, /etc/chrony/chrony.conf was changed 2026-11-29 10:02:03 UTC"]
steps:
  description: All steps, in order.
  returned: success
  type: list
  elements: str
  sample: [daemon-reload systemd, stop libvirtd.socket, restart libvirtd.service]
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.daemon import DaemonGoal
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.client import systemd
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.plan.daemon import (
    ABSENT_UNIT,
    plan_daemon,
    reasons,
)

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "str", "default": []},
    "changed": {"type": "list", "elements": "str", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "start": {"type": "bool", "default": True},
    "enabled": {"type": "bool"},
    "verify": {"type": "list", "elements": "str", "default": []},
}


def body(module):
    """Compare the unit with its files, and carry out what follows unless in check mode."""
    wanted = module.params
    goal = DaemonGoal(
        wanted["name"], tuple(wanted["changed"]), tuple(wanted["exclude"]), wanted["start"], wanted["enabled"]
    )
    units = systemd.units([goal.name, *goal.exclude])
    unit, files, now = units.get(goal.name, ABSENT_UNIT), systemd.read_files(wanted["files"]), systemd.now()
    plan = plan_daemon(goal, units, files, now)
    if plan and unit.load in ("masked", *([] if module.check_mode else ["not-found"])):
        raise InputError(
            f"{goal.name} cannot be started",
            expected="a unit that is installed and not masked",
            observed=unit.load,
            next_step=f"install its package, or systemctl unmask {goal.name}",
            reproduce=f"systemctl status {goal.name}",
        )
    if plan and not module.check_mode:
        systemd.apply(plan, wanted["verify"])
    return plan, {"reasons": reasons(goal, unit, files, units, now), "steps": plan.summary()}


def main():
    """Wiring."""
    runtime.run(ARGUMENT_SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
