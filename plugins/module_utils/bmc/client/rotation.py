# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes the password of a BMC through CloudStack, so that wherever it ends the next run can finish it.

changeOutOfBandManagementPassword sets the BMC's password with `ipmitool user set password` and then its own
(OutOfBandManagementServiceImpl.changePassword). A management server that dies between the two leaves CloudStack with a
password that the BMC refuses; the new one is in a file then, and CloudStack is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.password_file import PasswordFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import NoAnswer, Unreachable
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_error import without_secrets
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.oobm import (
    SHOWN,
    VERIFIED,
    explain_bmc_error,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError

WRONG_PASSWORD = "RAKP 2 HMAC is invalid"  # ipmitool's words, which CloudStack passes on (recorded/oobm.json)


class Rotation:
    """One host's BMC. `record` is the host's entry in listHosts, `old` the password that is declared for it."""

    def __init__(self, client: Any, record: Mapping[str, Any], old: str, file: PasswordFile) -> None:
        self.client, self.file, self.old, self.new = client, file, old, ""
        # Each wrong password brings an account nearer to being locked, so the new one is tried only where it may be.
        self.may_be_new = file.is_pending()
        self.host, self.host_id = record["ipaddress"], record["id"]
        self.bmc = {key: record["outofbandmanagement"][key] for key in SHOWN}

    def run(self) -> None:
        """Until BMC, CloudStack and file have the same new password. Raises ApiError."""
        self.new = self.file.begin()
        if self.accepted() or self._repair() == self.old:
            self._change()
        self.file.finish()

    def accepted(self) -> bool:
        """Whether the BMC takes the password that CloudStack has. Raises ApiError where that cannot be known."""
        try:
            answer = self.client.job("issueOutOfBandManagementPowerAction", hostid=self.host_id, action="STATUS")
        except (NoAnswer, Unreachable):
            raise
        except ApiError as error:
            if WRONG_PASSWORD in error.text:
                return False
            raise self._failed("the BMC cannot be asked", error) from None
        power = (answer.get("outofbandmanagement") or {}).get("powerstate")
        if power not in VERIFIED:
            raise ApiError("the BMC cannot be asked", host=self.host, observed=f"power state {power}")
        return True

    def _repair(self) -> str:
        """Tell CloudStack the password that the BMC takes: the new one, if a run was interrupted, else the old one."""
        candidates = (self.new, self.old) if self.may_be_new else (self.old,)
        for password in candidates:
            self.client.call("configureOutOfBandManagement", hostid=self.host_id, **self.bmc, password=password)
            if self.accepted():
                return password
        raise ApiError(
            "the BMC refuses the declared password" + (" and the new one" if self.may_be_new else ""),
            host=self.host,
            expected=f"a login at {self.bmc['address']} as {self.bmc['username']}",
            observed="refused; CloudStack has the declared one",
            next_step="a BMC locks an account after bad passwords: wait some minutes and run again; otherwise correct"
            f" oobm_password. The new password stays in {self.file.pending}",
        )

    def _change(self) -> None:
        try:
            self._send()
        except (NoAnswer, Unreachable):
            self._settle()
        except ApiError as error:
            # CloudStack has put its own password back. The BMC may have taken the new one all the same.
            if self.accepted():
                self.file.give_up()
                raise self._failed("the BMC did not take a new password; the old one stays in use", error) from None
            self._require_new()
        else:
            if not self.accepted():
                self._require_new()

    def _send(self) -> None:
        self.may_be_new = True
        self.client.job("changeOutOfBandManagementPassword", hostid=self.host_id, password=self.new)

    def _settle(self) -> None:
        """After a change of which the answer got lost. What works may be the old password on both sides, so it is sent
        again: that changes nothing where it was done."""
        if self.accepted():
            self._send()
        if not self.accepted():
            self._require_new()

    def _require_new(self) -> None:
        if self._repair() == self.old:
            raise ApiError(
                "the BMC kept its old password",
                host=self.host,
                expected="the new password in use",
                observed="the old one, which CloudStack has again",
                next_step=f"run again: it goes on with the password in {self.file.pending}",
            )

    def _failed(self, message: str, error: ApiError) -> ApiError:
        observed, next_step = explain_bmc_error(error.text)
        text = without_secrets(error.text, [self.old, self.new]).splitlines()
        return ApiError(
            message,
            code=error.code,
            host=self.host,
            expected=f"an answer of the BMC {self.bmc['address']} to CloudStack",
            observed=f"{observed} ({text[0][:300] if text else 'no text'})",
            next_step=next_step,
        )
