#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bmc
short_description: Settings of the host's own BMC, in band
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Sets the BMC's address, VLAN, access over LAN and the account that CloudStack uses, from the host itself, through
    C(/dev/ipmi0). No network and no password of the BMC is needed.
  - An option that is not given leaves its setting alone.
  - The account comes first and the address last. Afterwards everything is read back.
  - A password is given to ipmitool on its standard input, never in arguments, environment or files. Whether it is set
    already, the BMC itself is asked.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  channel:
    description: Number of the LAN channel. If omitted, the first of 1 and 2 that is a LAN.
    type: int
  address:
    description: IPv4 address of the BMC. It is then static. Needs O(netmask).
    type: str
  netmask:
    description: Its netmask, such as V(255.255.255.0).
    type: str
  gateway:
    description: Its gateway. Empty for none.
    type: str
  vlan:
    description: VLAN of the BMC, V(0) for untagged.
    type: int
  access:
    description: Whether IPMI over LAN is allowed at all.
    type: bool
    default: true
  cipher_privileges:
    description:
      - Highest privilege of each cipher suite, 15 letters as C(ipmitool lan print) shows them; V(X) forbids a suite.
      - CloudStack lets ipmitool choose the suite, which is 17 in newer and 3 in older versions. One of the two must
        stay open. Suite 0 asks for no password.
    type: str
  username:
    description: Account for CloudStack. If omitted, accounts are left alone. One that does not exist gets the first
      free number.
    type: str
  password:
    description: Its password, at most 20 bytes. CloudStack's driver C(ipmitool) takes at most 16.
    type: str
  privilege:
    description:
      - Its privilege on the LAN channel.
      - Power control needs V(operator). CloudStack calls ipmitool without C(-L), which then asks for V(administrator)
        and is refused as an operator.
    type: str
    choices: [operator, administrator]
    default: administrator
  update_password:
    description:
      - Matters for a BMC that cannot test a password. V(on_create) then sends it for a new account only, V(always) in
        every run.
    type: str
    choices: [always, on_create]
    default: on_create
attributes:
  check_mode:
    description: Predicts the same steps. The password is tested, nothing is set. Without C(/dev/ipmi0) it warns.
    support: full
  diff_mode:
    description: Shows each setting that differs, never a password.
    support: full
seealso:
  - module: cloudstack.kvm.oobm
    description: Tells CloudStack about the BMC and verifies it over LAN.
"""

EXAMPLES = r"""
- name: Give the BMC an address in the management servers' VLAN, and CloudStack an account
  cloudstack.kvm.bmc:
    address: 198.51.100.11
    netmask: 255.255.255.0
    gateway: 198.51.100.1
    vlan: 40
    username: cloudstack
    password: "{{ vault_bmc_password }}"
  become: true

- name: Forbid the cipher suite that asks for no password
  cloudstack.kvm.bmc:
    cipher_privileges: XaaaXXXXXXXXXXX
  become: true
"""

RETURN = r"""
bmc:
  description: The BMC after the run; in check mode as it is, null without C(/dev/ipmi0).
  returned: success
  type: dict
  contains:
    channel:
      description: Number of the LAN channel.
      type: int
    source:
      description: Where the address comes from, in ipmitool's words.
      type: str
    address:
      description: Address of the BMC, empty for none.
      type: str
    netmask:
      description: Its netmask.
      type: str
    gateway:
      description: Its gateway.
      type: str
    vlan:
      description: Its VLAN, 0 for untagged.
      type: int
    access_mode:
      description: Access over LAN, in ipmitool's words.
      type: str
    cipher_suites:
      description: Cipher suites that the BMC offers.
      type: list
      elements: int
    cipher_privileges:
      description: Highest privilege of each of them.
      type: str
    lockout:
      description: Bad passwords until the BMC locks an account; null where it does not say.
      type: int
    user_id:
      description: Number of the account, null without O(username).
      type: int
    privilege:
      description: Privilege of the account, null without O(username).
      type: str
    manufacturer:
      description: Manufacturer of the BMC.
      type: str
    firmware:
      description: Version of its firmware.
      type: str
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.ipmitool import LocalBmc, missing_device, result
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.settings import WantedBmc
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.plan.settings import (
    find_account,
    plan_bmc,
    validate_wanted,
    warnings_about,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan

SETTLE_TIME = 15  # seconds in which a BMC must show what it was told
SETTLE_INTERVAL = 1.0  # seconds

ARGUMENT_SPEC = {
    "channel": {"type": "int"},
    "address": {"type": "str"},
    "netmask": {"type": "str"},
    "gateway": {"type": "str"},
    "vlan": {"type": "int"},
    "access": {"type": "bool", "default": True},
    "cipher_privileges": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "privilege": {"type": "str", "choices": ["operator", "administrator"], "default": "administrator"},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "on_create", "no_log": False},
}


def look(bmc, wanted):
    """What is set, and what is left to do."""
    seen = bmc.fetch(wanted.channel, wanted.username)
    account = find_account(wanted, seen)
    fits = bmc.password_fits(account.user_id, wanted.password) if account else None
    return seen, plan_bmc(wanted, seen, fits)


def verify(bmc, wanted, clock):
    """The BMC once it shows everything that it was told. Raises ApplyError."""
    end = clock.monotonic() + SETTLE_TIME
    known = WantedBmc(**{**vars(wanted), "always_send_password": False})
    while True:
        seen, left = look(bmc, known)
        if not left:
            return seen
        if clock.monotonic() >= end:
            raise ApplyError(
                "the BMC did not take what it was told",
                expected=f"every declared setting within {SETTLE_TIME} s",
                observed=f"still to do: {', '.join(left.summary())}",
                next_step="some BMCs need a restart (ipmitool mc reset cold) or refuse a setting: try it in its web"
                " interface, then run again",
            )
        clock.sleep(SETTLE_INTERVAL)


def body(module):
    options = {key: module.params[key] for key in ARGUMENT_SPEC if key != "update_password"}
    wanted = WantedBmc(**options, always_send_password=module.params["update_password"] == "always")
    validate_wanted(wanted)
    missing = missing_device()
    if missing and module.check_mode:  # the real run may load the drivers first
        module.warn(f"{platform.node()}: {missing} yet, so what would be set on the BMC cannot be predicted")
        return Plan(), {"bmc": None}
    if missing:
        raise InputError(
            "the host cannot talk to its BMC in band",
            expected="/dev/ipmi0",
            observed=missing,
            next_step="load the kernel modules ipmi_si and ipmi_devintf (modprobe -a ipmi_si ipmi_devintf); a machine"
            " without a BMC has none: set oobm_in_band to false for it",
        )
    bmc = LocalBmc()
    seen, plan = look(bmc, wanted)
    for warning in warnings_about(wanted, seen):
        module.warn(f"{platform.node()}: {warning}")
    if plan and not module.check_mode:
        bmc.apply(plan, wanted.password)
        seen = verify(bmc, wanted, SystemClock())
    return plan, {"bmc": result(seen, find_account(wanted, seen), bmc.controller())}


def main():
    runtime.run(ARGUMENT_SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
