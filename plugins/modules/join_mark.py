#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: join_mark
short_description: Find out whether an addHost is in progress on this host, and mark that one is
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - CloudStack carries an addHost out even if its caller is gone, and has no call that shows it. A second addHost for
    the same host in the meantime leaves it with the certificate of one and the key of the other. The host itself shows
    what is in progress, and keeps the mark.
  - Runs on the host that joins. What it looks at are the set-up programs of CloudStack, logins of the management
    servers, the journal of the last minutes, the agent, and the mark.
  - The mark is a file in C(/run), which is gone after a reboot. It is not part of the host's configuration, so writing
    or removing it is never reported as a change.
options:
  state:
    description:
      - V(read) only reads.
      - V(present) writes the mark, right before addHost is sent, unless an addHost is in progress.
      - V(absent) removes the mark that O(token) names, when addHost has answered.
    type: str
    choices: [read, present, absent]
    default: read
  management_servers:
    description: Addresses of the management servers, whose logins count.
    type: list
    elements: str
    default: []
  controller:
    description: Name of the controller that sends addHost, for messages on other controllers.
    type: str
    default: another controller
  cluster:
    description: Name of the cluster.
    type: str
    default: ""
  longest:
    description: How long one addHost may take, in seconds. An older mark or login is ignored.
    type: int
    default: 900
  token:
    description: What the module returned as RV(token) when it wrote the mark. If empty, V(absent) removes any mark,
      for a host that is Up by now.
    type: str
    default: ""
attributes:
  check_mode:
    description: Reads, and writes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Wait until no join of this host is in progress, and say that one begins
  cloudstack.kvm.join_mark:
    state: present
    management_servers: [192.0.2.1]
    controller: deploy1
    cluster: cluster1
  register: marked
  until: not marked.joining
  retries: 180
  delay: 5

- name: The join has ended
  cloudstack.kvm.join_mark:
    state: absent
    token: "{{ marked.token }}"
"""

RETURN = r"""
joining:
  description: Whether an addHost is in progress.
  returned: success
  type: bool
progress:
  description: state (V(none), V(running) or V(ended)), why, since and left; left is for how many more seconds, at
      most, it counts as in progress if nothing new is seen.
  returned: success
  type: dict
mark:
  description: The mark that was found, with controller, cluster, begun and age in seconds; null where there was none.
  returned: success
  type: dict
token:
  description: Identifies the mark that was written; empty if none was.
  returned: success
  type: str
"""

import platform
import uuid
from contextlib import nullcontext

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.client import progress as join_progress
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.plan.progress import (
    NONE,
    explain,
    join_in_progress,
)

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["read", "present", "absent"], "default": "read"},
    "management_servers": {"type": "list", "elements": "str", "default": []},
    "controller": {"type": "str", "default": "another controller"},
    "cluster": {"type": "str", "default": ""},
    "longest": {"type": "int", "default": 900},
    "token": {"type": "str", "default": "", "no_log": False},
}


def body(module):
    options, token = module.params, ""
    writes = options["state"] != "read" and not module.check_mode
    with join_progress.locked() if writes else nullcontext():
        if writes and options["state"] == "absent":
            join_progress.remove_mark(options["token"])
        signs = join_progress.gather(options["management_servers"])
        progress = join_in_progress(signs, options["longest"])
        if writes and options["state"] == "present" and progress.state == NONE:
            token = uuid.uuid4().hex
            join_progress.write_mark(options["controller"], options["cluster"], token)
    joining = progress.state != NONE
    said = {"msg": explain(platform.node(), progress)} if joining else {}
    return Plan(), {
        "joining": joining,
        "progress": progress.as_dict(),
        "mark": join_progress.as_result(signs.mark),
        "token": token,
        **said,
    }


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
