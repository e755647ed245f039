# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A BMC over Redfish, asked as CloudStack's driver does: basic authentication with each request, the first system.
Reads only."""

from __future__ import annotations

from urllib.error import HTTPError, URLError

from ansible.module_utils.urls import open_url
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.redfish import RedfishSystem
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.parse.redfish import parse_system, parse_systems
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError

SYSTEMS = "/redfish/v1/Systems"
REFUSED = (401, 403)


class Redfish:
    """`url` is scheme and address, without a path. Methods raise CommandError and ParseError."""

    def __init__(self, url: str, username: str, password: str, *, verify: bool, timeout: int) -> None:
        self.url, self.username, self._password = url, username, password
        self.verify, self.timeout = verify, timeout

    def system(self) -> RedfishSystem:
        """The system that CloudStack would switch."""
        path, count = parse_systems(self._get(SYSTEMS))
        return parse_system(path, count, self._get(path))

    def _get(self, path: str) -> str:
        try:
            answer = open_url(
                self.url + path,
                url_username=self.username,
                url_password=self._password,
                force_basic_auth=True,
                validate_certs=self.verify,
                timeout=self.timeout,
                follow_redirects="none",
                use_proxy=False,
            )
            return answer.read().decode("utf-8", "replace")
        except HTTPError as error:
            raise self._failed(path, f"HTTP status {error.code}", _next_step(error.code)) from None
        except (URLError, OSError) as error:
            # URLError wraps the cause; Ansible's own errors about TLS are OSErrors as well.
            observed = str(getattr(error, "reason", error))
            raise self._failed(path, observed, _next_step_without_answer(observed)) from None
        except Exception as error:  # open_url raises errors of its own for certificates
            raise self._failed(path, str(error)[:300], _next_step_without_answer(str(error))) from None

    def _failed(self, path: str, observed: str, next_step: str) -> CommandError:
        return CommandError(
            "the BMC does not answer over Redfish as CloudStack asks",
            expected=f"an answer to GET {self.url}{path} as {self.username}",
            observed=observed,
            next_step=next_step,
            reproduce=f"curl -u {self.username} {self.url}{path}",
        )


def _next_step(status: int) -> str:
    if status in REFUSED:
        return "correct account and password; some BMCs let an account use IPMI only, and Redfish has to be allowed too"
    if status == 404:
        return "this address has no Redfish: update the BMC's firmware, or use the driver ipmitool"
    return "see the BMC's log, or use the driver ipmitool"


def _next_step_without_answer(observed: str) -> str:
    if "certificate" in observed.lower():
        return (
            "give the BMC a certificate that the management servers trust, or set redfish.ignore.ssl to true"
            " (CloudStack's default is false)"
        )
    return "check the address; CloudStack asks at port 443 only, whatever oobm_port says (redfish.use.https)"
