#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: firewall_peers
short_description: Lets the firewall of a host accept migration from more hosts
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Adds addresses to the peers in the rules that the role P(cloudstack.kvm.firewall#role) has written on the host, and
    loads the rules. The file is then as the role would write it for these peers.
  - For the members of a cluster that C(--limit) leaves out while a host is added. Nothing is taken away, so that no
    connection is lost and nothing needs to be rolled back.
  - A host that has no such rules is left alone. Where the rules are not loaded, only the file is written.
attributes:
  check_mode:
    description: Plans, writes and loads nothing.
    support: full
  diff_mode:
    description: Shows the change of the file.
    support: full
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  files:
    description: Where the role writes its rules; the first of these files that is there counts.
    type: list
    elements: path
    required: true
  addresses:
    description: Addresses or networks of the hosts of the cluster. Names are ignored.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Let host1 accept migration from host4
  cloudstack.kvm.firewall_peers:
    files: [/etc/nftables.d/cloudstack-kvm.nft]
    addresses: [192.0.2.14]
  delegate_to: host1
"""

RETURN = r"""
file:
  description: The file that counts; empty where there is none.
  returned: success
  type: str
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command, runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import file_plan, files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileGoal
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.files import plan_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.firewall_peers import (
    version_of,
    with_peers,
)

ARGUMENT_SPEC = {
    "files": {"type": "list", "elements": "path", "required": True},
    "addresses": {"type": "list", "elements": "str", "required": True},
}
LIST = ("nft", "list", "table", "inet", "cloudstack_kvm")


def body(module):
    states = file_plan.fetch(module.params["files"])
    path = next((path for path, state in states.items() if state.kind == "file"), "")
    if not path:
        return Plan(), {"file": ""}
    with files.locked(SystemClock()):
        plan, steps, states = _plan(path, module.params["addresses"])
        if not module.check_mode:
            _apply(path, plan, steps, states)
    return plan, {"file": path}


def _plan(path, addresses):
    states = file_plan.fetch([path])
    text = with_peers((states[path].content or b"").decode("utf-8", "replace"), addresses, path)
    written = plan_files([FileGoal(path, content=text, validate="nft -c -f %s")], states)
    loaded = command.run(LIST)
    # Also where a run ended between writing and loading.
    is_old = loaded.ok and version_of(loaded.stdout) != version_of(text)
    loading = [Change("load", path)] if is_old else []
    return Plan((*written, *loading)), [change.data for change in written], states


def _apply(path, plan, steps, states):
    missing = file_plan.validate(steps)
    if missing:
        raise OperationFailed(f"{', '.join(missing)} is not installed, nothing was written")
    file_plan.apply(steps, states)
    if any(change.action == "load" for change in plan):
        answer = command.run(["nft", "-f", path])
        if not answer.ok:
            raise OperationFailed(
                "the rules with the new peers could not be loaded, those before are still there",
                observed=answer.why(),
                next_step="run ansible-playbook cloudstack.kvm.prepare_hosts for this host",
                reproduce=f"nft -f {path}",
            )


def main():
    """Wiring."""
    runtime.run(ARGUMENT_SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
