#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: oobm
short_description: Out-of-band management of a host
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Configures the BMC of a host in CloudStack, enables out-of-band management and verifies it by reading the power
    state through CloudStack.
  - Configuring alone proves nothing, because CloudStack stores any address and any password.
  - If that fails, what this run enabled is disabled again.
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
options:
  ip_address:
    description: Management address of the host, by which it is found.
    type: str
    required: true
  driver:
    description: Driver, spelt as CloudStack does.
    type: str
    choices: [ipmitool, redfish, nestedcloudstack]
    default: ipmitool
  address:
    description: Address of the BMC as the management servers reach it.
    type: str
    required: true
  port:
    description: Port of the BMC. Redfish ignores it.
    type: str
    default: "623"
  username:
    description: Account on the BMC.
    type: str
    required: true
  password:
    description: Its password. At most 16 bytes for V(ipmitool), because BMCs truncate longer ones and then refuse
      CloudStack.
    type: str
    required: true
  update_password:
    description:
      - CloudStack shows only the first character of a stored password.
      - V(on_create) sends the password when a visible setting differs or the power state is not known, V(always) in
        every run.
    type: str
    choices: [always, on_create]
    default: on_create
  enabled:
    description: Whether out-of-band management is enabled for the host.
    type: bool
    default: true
attributes:
  check_mode:
    description: Predicts the calls. The BMC is not asked.
    support: full
  diff_mode:
    description: Shows the fields that differ, never a password.
    support: full
"""

EXAMPLES = r"""
- name: CloudStack can switch the host on and off
  cloudstack.kvm.oobm:
    ip_address: 192.0.2.11
    address: 198.51.100.11
    username: ADMIN
    password: "{{ bmc_password }}"
  delegate_to: localhost

- name: CloudStack leaves the host's power alone
  cloudstack.kvm.oobm:
    ip_address: 192.0.2.11
    address: 198.51.100.11
    username: ADMIN
    password: "{{ bmc_password }}"
    enabled: false
  delegate_to: localhost
"""

RETURN = r"""
oobm:
  description: Out-of-band management as CloudStack has it after the run.
  returned: success
  type: dict
  contains:
    enabled:
      description: Whether it is enabled for the host.
      type: bool
    driver:
      description: As the option of this name.
      type: str
    address:
      description: As the option of this name.
      type: str
    port:
      description: As the option of this name.
      type: str
    username:
      description: As the option of this name.
      type: str
    power_state:
      description: Power state that the BMC reported, V(On) or V(Off); V(Disabled) while it is not enabled.
      type: str
"""

from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import NoAnswer, Unreachable
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import read_record
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_error import without_secrets
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.oobm import (
    SHOWN,
    VERIFIED,
    Bmc,
    explain_bmc_error,
    needs_verification,
    oobm_result,
    plan_oobm,
    switch,
    validate_bmc,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, InputError

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "ip_address": {"type": "str", "required": True},
    "driver": {"type": "str", "choices": ["ipmitool", "redfish", "nestedcloudstack"], "default": "ipmitool"},
    "address": {"type": "str", "required": True},
    "port": {"type": "str", "default": "623"},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "on_create", "no_log": False},
    "enabled": {"type": "bool", "default": True},
}


def refused(ip_address, bmc, was_enabled, code, text):
    """The error for a BMC that gives no power state. `text` comes without passwords from the client."""
    observed, next_step = explain_bmc_error(text)
    return ApiError(
        "out-of-band management does not work",
        code=code,
        text=text,
        host=ip_address,
        expected=f"the power state from the BMC {bmc.address}:{bmc.port} as {bmc.username} ({bmc.driver})",
        observed=f"{observed} ({text.splitlines()[0][:300] if text else 'no text'})",
        next_step=next_step + ("" if was_enabled else "; it was disabled again for this host"),
    )


def plan_unseen(bmc, record):
    """What the record shows not to be done yet: whether the BMC takes the password is verified afterwards."""
    shown = {**((record or {}).get("outofbandmanagement") or {}), "powerstate": VERIFIED[0]}
    return plan_oobm(replace(bmc, always_send_password=False), record and record["id"], shown, "out-of-band management")


def verify(client, host_id, ip_address, bmc, was_enabled):
    """The power state, asked from the BMC through CloudStack; on failure out-of-band management is as enabled as it
    was."""
    try:
        answer = client.job("issueOutOfBandManagementPowerAction", hostid=host_id, action="STATUS")
        power = (answer.get("outofbandmanagement") or {}).get("powerstate")
        failure = None if power in VERIFIED else refused(ip_address, bmc, was_enabled, 0, f"power state {power}")
    except (NoAnswer, Unreachable) as error:
        failure = error
    except ApiError as error:
        failure = refused(ip_address, bmc, was_enabled, error.code, without_secrets(error.text, [bmc.password]))
    if failure is None:
        return power
    if not was_enabled:
        call = switch(host_id, False)
        client.job(call["command"], **call["params"])
    raise failure


def body(module):
    options, client = module.params, connect(module.params)
    bmc = Bmc(
        **{key: options[key] for key in (*SHOWN, "password", "enabled")},
        always_send_password=options["update_password"] == "always",
    )
    validate_bmc(bmc, options["ip_address"])
    record = read_record(client, options["ip_address"])
    if record is None and not module.check_mode:
        raise InputError(
            "CloudStack has no host of this address",
            host=options["ip_address"],
            expected="a registered host",
            observed="none in any zone",
            next_step="run ansible-playbook cloudstack.kvm.add_hosts first",
        )
    known = record or {"id": None}  # in check mode, of a host that the same run would add first
    current, host_id = known.get("outofbandmanagement") or {}, known["id"]
    plan = plan_oobm(bmc, host_id, current, f"out-of-band management of {options['ip_address']}")
    power = current.get("powerstate")
    if not module.check_mode:
        apply_calls(client, plan, lambda: plan_unseen(bmc, read_record(client, options["ip_address"])))
        if needs_verification(bmc, plan, current):
            power = verify(client, host_id, options["ip_address"], bmc, bool(current.get("enabled")))
    return plan, {"oobm": oobm_result(bmc, power)}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
