#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: oobm_password
short_description: Change the password of a host's BMC through CloudStack
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Gives the BMC's account a new random password by C(changeOutOfBandManagementPassword), which changes the BMC and
    CloudStack in one call.
  - The new password is on the controller's disk before the call. A run that was interrupted is finished by the next
    one, wherever it ended, so that CloudStack and the BMC have the same password, and the file has it too.
  - Only for the driver V(ipmitool). CloudStack changes nothing but its own copy for V(redfish), and has no such call
    for V(nestedcloudstack).
extends_documentation_fragment:
  - cloudstack.kvm.cloudstack
options:
  ip_address:
    description: Management address of the host, by which it is found.
    type: str
    required: true
  password:
    description: Password that the BMC's account has before the change.
    type: str
    required: true
  new_password_file:
    description:
      - Where the new password is kept on the controller, mode 0600, one line. Its folder must exist.
      - While a rotation is not finished, the file has C(.pending) behind its name.
      - Where the file exists already, the rotation is complete and nothing is done. Declare its content as the
        password, then remove it to rotate again.
    type: path
    required: true
attributes:
  check_mode:
    description: Predicts the rotation. Nothing is written, CloudStack is only read.
    support: full
  diff_mode:
    description: Shows that the password changes, never a password.
    support: full
seealso:
  - module: cloudstack.kvm.oobm
    description: Tells CloudStack about the BMC.
"""

EXAMPLES = r"""
- name: Rotate the password of the BMC
  cloudstack.kvm.oobm_password:
    ip_address: 192.0.2.11
    password: "{{ vault_bmc_password }}"
    new_password_file: /root/bmc/kvm01
  delegate_to: localhost
"""

RETURN = r"""
new_password_file:
  description: Where the new password is.
  returned: success
  type: str
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.password_file import PasswordFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.rotation import Rotation
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.plan.rotation import plan_rotation, require_rotation
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import API_OPTIONS, connect
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import read_record
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime

ARGUMENT_SPEC = {
    **API_OPTIONS,
    "ip_address": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "new_password_file": {"type": "path", "required": True, "no_log": False},
}


def body(module):
    address, path = module.params["ip_address"], module.params["new_password_file"]
    client, file = connect(module.params), PasswordFile(path)
    record = require_rotation(address, read_record(client, address))
    plan = plan_rotation(address, file.is_finished())
    if plan and not module.check_mode:
        rotation = Rotation(client, record, module.params["password"], file)
        runtime.hide(module, file.begin())
        rotation.run()
    return plan, {"new_password_file": path}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
