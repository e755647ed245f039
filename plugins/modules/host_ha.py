#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_ha
short_description: Host HA of a host
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Configures the provider of host HA, enables it, and waits until CloudStack shows the state V(Available). An answer
    that says success proves nothing, because the first round of the management server over a host that was just
    configured switches host HA off again. It is then enabled again, three times at most.
  - A host for which the state could not become V(Available) is refused before anything is changed, with what is
    missing, such as out-of-band management or a second host in the cluster that is Up.
  - A host that was fenced and is back, Up and out of maintenance, is switched off and on. CloudStack does not do so by
    itself.
  - Disabled means that CloudStack has stopped to watch the host, which is read back.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
options:
  ip_address:
    description: Management address of the host, by which it is found.
    type: str
    required: true
  provider:
    description:
      - Provider of host HA. If omitted, the one of the host's hypervisor, V(kvmhaprovider) for KVM.
      - CloudStack refuses a provider of another hypervisor.
    type: str
  state:
    description: Whether CloudStack watches the host, resets it and powers it off.
    type: str
    choices: [enabled, disabled]
    default: enabled
  timeout:
    description: Longest wait for the state, in seconds.
    type: int
    default: 60
attributes:
  check_mode:
    description: Predicts the calls. A host that could not become Available is refused as in the real run. A host that
      CloudStack does not have is taken for one that will be added first.
    support: full
  diff_mode:
    description: Shows the provider and whether it is enabled.
    support: full
seealso:
  - module: cloudstack.kvm.ha_scope
  - module: cloudstack.kvm.host_ha_info
  - module: cloudstack.kvm.oobm
"""

EXAMPLES = r"""
- name: CloudStack restarts the guests of the host elsewhere when it dies
  cloudstack.kvm.host_ha:
    ip_address: 192.0.2.11
  delegate_to: localhost

- name: CloudStack neither resets the host nor powers it off
  cloudstack.kvm.host_ha:
    ip_address: 192.0.2.11
    state: disabled
  delegate_to: localhost
"""

RETURN = r"""
host_ha:
  description: Host HA of the host as CloudStack has it after the run; in check mode as it is before.
  returned: success
  type: dict
  contains:
    enabled:
      description: Whether it is enabled for the host. It stays so while it is off for the zone or the cluster.
      type: bool
    state:
      description: Its state, such as V(Available).
      type: str
    provider:
      description: Its provider, as CloudStack was given it; empty where it was not configured.
      type: str
    power_state:
      description: Power state that out-of-band management reports.
      type: str
    meaning:
      description: What the state means for this host.
      type: str
    next_step:
      description: What to do about it.
      type: str
    limits:
      description: What host HA will not do for this host although its state is V(Available). Each is a warning too.
      type: list
      elements: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.host_ha import carry_out, read_ha_host
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import HaHost
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import (
    find_obstacles,
    ha_result,
    plan_host_ha,
    provider_for,
    refuse,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "ip_address": {"type": "str", "required": True},
    "provider": {"type": "str"},
    "state": {"type": "str", "choices": ["enabled", "disabled"], "default": "enabled"},
    "timeout": {"type": "int", "default": 60},
}


def missing(address):
    return InputError(
        "CloudStack has no host of this address",
        host=address,
        expected="a registered host",
        observed="none in any zone",
        next_step="run ansible-playbook cloudstack.kvm.add_hosts first",
    )


def body(module):
    options, client = module.params, connect(module.params)
    address, enabled = options["ip_address"], options["state"] == "enabled"
    host = read_ha_host(client, address)
    known = host is not None
    if not known and not module.check_mode:
        raise missing(address)
    host = host or HaHost(address)  # in check mode, of a host that the same run would add first
    provider = options["provider"] or provider_for(host)
    plan = plan_host_ha(enabled, provider, host)
    if known and enabled and plan and find_obstacles(host):
        raise refuse(host)
    if not module.check_mode:
        host = carry_out(client, plan, enabled, provider, host, options["timeout"])
    result = ha_result(host)
    for limit in result["limits"] if enabled and known else ():
        module.warn(f"{address}: {limit}")
    return plan, {"host_ha": result}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
