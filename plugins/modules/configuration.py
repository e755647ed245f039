#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: configuration
short_description: Global setting of CloudStack, or one of a zone or cluster
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads a setting, or sets it when O(value) is given.
  - CloudStack validates hardly any value; what is set here is stored as it is.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
options:
  name:
    description: Name of the setting, such as V(host).
    type: str
    required: true
  value:
    description: Value to set. If omitted, the setting is only read.
    type: str
  zone:
    description: Name of a zone; sets or reads the value of this zone.
    type: str
attributes:
  check_mode:
    description: Predicts exactly what the real run does.
    support: full
  diff_mode:
    description: Shows the value before and after.
    support: full
"""

EXAMPLES = r"""
- name: Which address do agents connect to?
  cloudstack.kvm.configuration:
    name: host
  delegate_to: localhost
  register: setting

- name: Agents connect to the load balancer
  cloudstack.kvm.configuration:
    name: host
    value: 192.0.2.10
  delegate_to: localhost
"""

RETURN = r"""
value:
  description: The value after the run, as text; null if the setting has none.
  returned: success
  type: str
dynamic:
  description: Whether a change works without a restart of the management servers.
  returned: success
  type: bool
"""

from difflib import get_close_matches
from functools import partial

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import patiently
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls, require
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import ZONE
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "name": {"type": "str", "required": True},
    "value": {"type": "str"},
    "zone": {"type": "str"},
}


def fetch(client, name, zone, scope):
    """The setting of exactly this name: the server's own filter is a substring match."""
    found = client.list("listConfigurations", "configuration", name=name, **scope)
    listed = [setting["name"] for setting in found]
    if name in listed:
        return found[listed.index(name)]
    everywhere = client.list("listConfigurations", "configuration", name=name) if scope else []
    if any(setting["name"] == name for setting in everywhere):
        raise InputError(
            f"the setting {name} is the same for all zones",
            expected=f"a setting that can be set for the zone {zone} alone",
            observed="scope without zone",
            next_step="leave the option zone out",
        )
    close = get_close_matches(
        name, [setting["name"] for setting in client.list("listConfigurations", "configuration")], n=1
    )
    raise InputError(
        f"CloudStack has no setting {name}, or it is a hidden one",
        expected="the name of a setting that listConfigurations shows",
        observed=name,
        next_step=f"did you mean {close[0]}?" if close else "correct the name",
    )


def plan_setting(name, wanted, setting, scope):
    current = setting.get("value")
    # CloudStack keeps booleans as they are typed and reads them in any letter case; YAML's true arrives as True.
    same = wanted == (current or "")
    if str(wanted).lower() in ("true", "false"):
        same = str(wanted).lower() == str(current).lower()
    if wanted is None or same:
        return Plan()
    call = {"command": "updateConfiguration", "params": {"name": name, "value": wanted, **scope}, "is_async": False}
    return Plan.of([Change("update", f"setting {name}", before={"value": current}, after={"value": wanted}, data=call)])


def body(module):
    options, client = module.params, connect(module.params)
    scope = {"zoneid": require(client, ZONE, options["zone"])["id"]} if options["zone"] else {}
    setting = fetch(client, options["name"], options["zone"], scope)
    plan = plan_setting(options["name"], options["value"], setting, scope)
    if plan and module.check_mode:
        setting = {**setting, "value": options["value"]}
    elif plan:
        look = partial(fetch, client, options["name"], options["zone"], scope)
        apply_calls(client, plan, lambda: plan_setting(options["name"], options["value"], look(), scope))
        setting = patiently(client, look)
    return plan, {"value": setting.get("value"), "dynamic": bool(setting.get("isdynamic"))}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
