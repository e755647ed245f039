#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_properties
short_description: Set single keys in CloudStack's agent.properties
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Sets or removes keys and leaves every byte of every other line as it is, comments, order, line ends (LF, CRLF) and
    characters that are not ASCII included. The agent rewrites this file itself (without comments, in hash order), so it
    must never be templated.
  - Refuses keys that the agent of CloudStack 4.22.1 does not read (and names the closest key that it does read), values
    of the wrong type, and keys that belong to CloudStack such as C(guid).
  - Keys that start with C(host.) are destroyed by cloudstack-setup-agent when the host joins, because it replaces every
    line that starts with C(host). Set them again afterwards.
  - The agent reads the file when it starts. M(cloudstack.kvm.daemon) restarts an agent that was started before the last
    change.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  path:
    description: The file. It keeps its owner and mode, and is replaced in one step.
    type: path
    default: /etc/cloudstack/agent/agent.properties
  properties:
    description: Keys to set; V(null) removes a key. Keys that are not named are left alone.
    type: dict
    required: true
  allow_unknown:
    description: Accept keys that the agent of CloudStack 4.22.1 does not read.
    type: bool
    default: false
  backup:
    description: Keep a copy of the file beside it before it is changed. A hard power-off can fill the file with zero
      bytes.
    type: bool
    default: true
attributes:
  check_mode:
    description: Predicts exactly what the real run does. A file that does not exist yet counts as empty.
    support: full
  diff_mode:
    description: Shows each key that differs. For keys with passphrase, password or secret in their name it shows only
      that they differ.
    support: full
seealso:
  - module: cloudstack.kvm.host_files
    description: For all other configuration files.
"""

EXAMPLES = r"""
- name: Reserve memory for the host itself, and give guests the hypervisor's default CPU
  cloudstack.kvm.agent_properties:
    properties:
      host.reserved.mem.mb: 2048
      guest.cpu.mode: null

- name: Let a running agent read them
  cloudstack.kvm.daemon:
    name: cloudstack-agent.service
    files: [/etc/cloudstack/agent/agent.properties]
    start: false

- name: Set a key of a newer agent
  cloudstack.kvm.agent_properties:
    properties:
      network.vxlan.mode: evpn
    allow_unknown: true
"""

RETURN = r"""
changed_keys:
  description: The keys that were, or in check mode would be, changed.
  returned: success
  type: list
  elements: str
  sample: [host.reserved.mem.mb]
backup_file:
  description: Path of the copy of the previous file.
  returned: when O(backup=true), something changed and not in check mode
  type: str
  sample: /etc/cloudstack/agent/agent.properties.20261125T074500Z~
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client.places import resolve
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import ENCODING, SECRET
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_properties import (
    edit,
    plan_properties,
    warnings_for,
)

ATTEMPTS = 3  # of replacing a file that something else keeps writing

ARGUMENT_SPEC = {
    "path": {"type": "path", "default": "/etc/cloudstack/agent/agent.properties"},
    "properties": {"type": "dict", "required": True},
    "allow_unknown": {"type": "bool", "default": False},
    "backup": {"type": "bool", "default": True},
}


def body(module):
    """Plan the keys, and write the file with all of them at once unless in check mode."""
    wanted = module.params["properties"]
    runtime.hide(module, *(value for key, value in wanted.items() if SECRET.search(key)))
    for warning in warnings_for(wanted):
        module.warn(warning)
    if module.check_mode:
        _state, _text, plan = _plan(module)
        return plan, _result(plan)
    for attempt in range(ATTEMPTS):
        with files.locked(SystemClock()):
            try:
                state, text, plan = _plan(module)
                return _write(state, text, plan, module.params["backup"])
            except files.ChangedMeanwhile:  # by the agent or a management server, which know no lock of ours
                if attempt + 1 == ATTEMPTS:
                    raise
    raise AssertionError("a loop that always returns or raises")


def _plan(module):
    state = _inspect(module.params["path"], module.check_mode)
    text = (state.content or b"").decode(ENCODING)
    return state, text, plan_properties(state.path, text, module.params["properties"], module.params["allow_unknown"])


def _result(plan):
    return {"changed_keys": [change.data["key"] for change in plan]}


def _inspect(path, check_mode):
    state = files.inspect(resolve(path))
    if state.kind == "file" or (state.kind == "absent" and check_mode):
        return state
    raise InputError(
        f"{path} is not a file", expected="a file", observed=state.kind, next_step="install cloudstack-agent first"
    )


def _write(state, text, plan, backup):
    if not plan:
        return plan, _result(plan)
    staged = files.Staged(state.path, edit(text, plan).encode(ENCODING), state.mode, state.uid, state.gid, state)
    copy = f"{state.path}.{SystemClock().now():%Y%m%dT%H%M%SZ}~"
    try:
        if backup:
            files.back_up(state, copy)
        staged.commit()
    finally:
        staged.discard()
    return plan, {**_result(plan), **({"backup_file": copy} if backup else {})}


def main():
    """Wiring."""
    runtime.run(ARGUMENT_SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
