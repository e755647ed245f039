# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the password of a BMC can be changed through CloudStack, and whether it has to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

# RedfishOutOfBandManagementDriver.execute: the password of the database only;
# NestedCloudStackOutOfBandManagementDriver.execute: not supported.
LIMITS = {
    "redfish": "CloudStack changes its own copy only and then cannot log in; change the password on the BMC, then run"
    " with -e oobm_update_password=always",
    "nestedcloudstack": "CloudStack has no such call for it; make new API keys, and declare them",
}


def require_rotation(address: str, record: Optional[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The host's record, if its password can be changed. Raises InputError where the call would fail, or would leave
    CloudStack with a password that the BMC has not."""
    known = record or {}
    bmc = known.get("outofbandmanagement") or {}
    driver = str(bmc.get("driver") or "")
    if not bmc.get("enabled"):
        raise InputError(
            "the password of this BMC cannot be changed through CloudStack",
            host=address,
            expected="out-of-band management that is enabled for the host",
            observed=f"disabled, driver {driver}" if driver else "none configured",
            next_step="run ansible-playbook cloudstack.kvm.configure_oobm first",
        )
    if driver != "ipmitool":
        raise InputError(
            "the password of this BMC cannot be changed through CloudStack",
            host=address,
            expected="the driver ipmitool",
            observed=driver,
            next_step=LIMITS.get(driver, "correct oobm_driver"),
        )
    return known


def plan_rotation(address: str, is_finished: bool) -> Plan:
    """One step, of which nothing is shown but that it happens; none where the file of the new password is complete."""
    change = Change("rotate", f"BMC password of {address}", secret=True)
    return Plan() if is_finished else Plan((change,))
