# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that API modules share, and the client made from them. The doc fragment `cloudstack` describes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleFallbackNotFound
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    JOB_INTERVAL,
    Access,
    Client,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.configuration import read_configuration
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.trust import (
    read_client_certificate,
    read_verify,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.configuration import (
    headers_of,
    is_true,
    number,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError

TIMEOUT = 900  # seconds; addHost alone may need seven minutes
EXPIRATION = 600  # seconds for which a request is valid; -1: for ever
CREDENTIALS = {"api_url": "endpoint", "api_key": "key", "api_secret": "secret"}


def from_configuration(key: str) -> str:
    """A fallback of Ansible: the value that the configuration of `cs` has. One that cannot be read is told by
    `connect`.
    """
    try:
        return read_configuration(os.environ).settings[key]
    except (KeyError, ParseError):
        raise AnsibleFallbackNotFound from None


API_OPTIONS: dict[str, dict[str, Any]] = {
    "api_url": {"type": "str", "fallback": (from_configuration, ["endpoint"])},
    "api_key": {"type": "str", "no_log": True, "fallback": (from_configuration, ["key"])},
    "api_secret": {"type": "str", "no_log": True, "fallback": (from_configuration, ["secret"])},
    "api_timeout": {"type": "int"},
    "api_verify": {"type": "raw"},
}
IN_ZONE: dict[str, dict[str, Any]] = {"zone": {"type": "str", "required": True}}
IN_POD: dict[str, dict[str, Any]] = {"pod": {"type": "str", "required": True}}
ALLOCATION_STATE: dict[str, dict[str, Any]] = {"allocation_state": {"type": "str", "choices": ["Enabled", "Disabled"]}}
STATE: dict[str, dict[str, Any]] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}


def connect(params: Mapping[str, Any]) -> Client:
    """A client for a module's parameters. Nothing is sent yet. Raises InputError and ParseError."""
    configuration = read_configuration(os.environ)
    _require_credentials(params, configuration.looked)
    settings = configuration.settings
    timeout = params["api_timeout"]
    return Client(
        Access(
            params["api_url"],
            params["api_key"],
            params["api_secret"],
            timeout=timeout or number(settings, "timeout", TIMEOUT, least=1),
            job_timeout=timeout or number(settings, "job_timeout", TIMEOUT, least=1),
            poll_interval=number(settings, "poll_interval", JOB_INTERVAL, least=0.1),
            verify=_verify(params["api_verify"], settings),
            more=_more(settings) if settings.get("endpoint") == params["api_url"] else {},
        )
    )


def _require_credentials(params: Mapping[str, Any], looked: str) -> None:
    missing = [f"{option} (CLOUDSTACK_{key.upper()})" for option, key in CREDENTIALS.items() if not params[option]]
    if missing:
        raise InputError(
            "the credentials of the CloudStack API are not complete",
            expected=(
                "api_url, api_key and api_secret, or CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY and CLOUDSTACK_SECRET, or"
                " endpoint, key and secret in a configuration file of `cs`"
            ),
            observed=f"not set or empty: {', '.join(missing)}; looked for in the environment and {looked}",
            next_step="set what is missing",
        )


def _verify(option: Any, settings: Mapping[str, str]) -> bool | str:
    """`api_verify` before the settings; as in `cs`, CLOUDSTACK_VERIFY counts more than its opposite."""
    if option not in (None, ""):
        return read_verify(option)
    if "verify" in settings:
        return read_verify(settings["verify"])
    return not is_true("CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY", settings.get("dangerous_no_tls_verify", "false"))


def _more(settings: Mapping[str, str]) -> dict[str, Any]:
    """What goes to the library as it is. It is meant for the server of these settings, and for no other one.

    trace is not followed, as it prints keys and signatures; method is not, as GET puts them into the server's log.
    """
    more: dict[str, Any] = {
        "headers": headers_of(settings),
        "retry": number(settings, "retry", 0),
        "expiration": number(settings, "expiration", EXPIRATION, least=-1),
    }
    if "cert" in settings:
        more["cert"] = read_client_certificate(settings["cert"], settings.get("cert_key"))
    return more
