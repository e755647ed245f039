# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of a host -> what the inventory declares of it, as the checks compare it with the host's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import declared_bridges
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.parse.machine_address import (
    HOST_ADDRESS,
    host_address,
)

# What is declared -> the variables that say so, the first that is set. Those of roles that are not in the play have no
# default there, so the last column has it; a test compares it with the roles.
SOURCES: Mapping[str, tuple[tuple[str, ...], Any]] = {
    "ssh_port": (("preflight_ssh_port", "host_registration_ssh_port"), 22),
    "cloudstack_user": (("preflight_username", "host_registration_username"), "root"),
    "fqdn": (("kvm_host_fqdn",), None),
    "bridges": (("network_bridge_config",), []),
    "labels": (("cluster_traffic_labels",), []),
    "exports": (("storage_client_exports",), []),
    "time_sources": (("time_sync_sources",), []),
    "agent_version": (("cloudstack_agent_version",), None),
    "guest_cpu_mode": (("cloudstack_agent_properties",), {}),
    "oobm_address": (("oobm_address",), None),
    "oobm_username": (("oobm_username",), None),
    "oobm_port": (("oobm_port",), "623"),
    "oobm_driver": (("oobm_driver",), "ipmitool"),
    "rack": (("rack",), None),
}
SECRET = "oobm_password"  # only its size is taken over, and only where it is too long
IPMI_PASSWORD = 16  # bytes that every BMC keeps (IPMI 1.5); IPMI 2.0 has 20, and many BMCs cut at 16 without a word
VARIABLES = tuple(
    dict.fromkeys([*HOST_ADDRESS, *(name for names, _default in SOURCES.values() for name in names), SECRET])
)


def declared(variables: Mapping[str, Any], management_key: str = "") -> dict[str, Any]:
    """What the inventory declares of the host with these variables; null for what it does not say.

    `management_key` is the public key that CloudStack logs in with, empty where it could not be read.
    """
    found = {key: _value(variables, names, default) for key, (names, default) in SOURCES.items()}
    return {
        **found,
        "address": host_address(variables),
        "ssh_port": int(found["ssh_port"]),
        "bridges": declared_bridges(found["bridges"]),
        "labels": list(dict.fromkeys(each["label"] for each in found["labels"])),
        "guest_cpu_mode": found["guest_cpu_mode"].get("guest.cpu.mode"),
        "management_key": management_key.strip() or None,
        "oobm_password_too_long": _too_long(variables.get(SECRET)),
    }


def _too_long(password: Any) -> Optional[int]:
    """The size in bytes of a password that IPMI may not keep whole; None for any other."""
    size = len(str(password or "").encode())
    return size if size > IPMI_PASSWORD else None


def _value(variables: Mapping[str, Any], names: tuple[str, ...], default: Any) -> Any:
    return next((variables[name] for name in names if variables.get(name)), default)
