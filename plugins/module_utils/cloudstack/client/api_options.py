# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that API modules share, and the client made from them. The doc fragment `cloudstack` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client

API_OPTIONS: dict[str, dict[str, Any]] = {
    "api_url": {"type": "str", "required": True, "fallback": (env_fallback, ["CLOUDSTACK_ENDPOINT"])},
    "api_key": {"type": "str", "required": True, "no_log": True, "fallback": (env_fallback, ["CLOUDSTACK_KEY"])},
    "api_secret": {"type": "str", "required": True, "no_log": True, "fallback": (env_fallback, ["CLOUDSTACK_SECRET"])},
    "api_timeout": {"type": "int", "default": 900},
    "api_verify": {"type": "bool", "default": True},
}
IN_ZONE: dict[str, dict[str, Any]] = {"zone": {"type": "str", "required": True}}
IN_POD: dict[str, dict[str, Any]] = {"pod": {"type": "str", "required": True}}
ALLOCATION_STATE: dict[str, dict[str, Any]] = {"allocation_state": {"type": "str", "choices": ["Enabled", "Disabled"]}}
STATE: dict[str, dict[str, Any]] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}


def connect(params: Mapping[str, Any]) -> Client:
    """A client for a module's parameters. Nothing is sent yet."""
    return Client(
        Access(
            params["api_url"],
            params["api_key"],
            params["api_secret"],
            timeout=params["api_timeout"],
            verify=params["api_verify"],
        )
    )
