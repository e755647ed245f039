# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports of other machines, for the modules port_check and preflight_probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.port_probe import Target, probe

TARGET = {
    "to": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "purpose": {"type": "str", "default": ""},
    "udp_rmcp": {"type": "bool", "default": False},
    "udp": {"type": "bool", "default": False},
    "bind_device": {"type": "str"},
}
OPTIONS = {
    "targets": {"type": "list", "elements": "dict", "required": True, "options": TARGET},
    "source": {"type": "str"},
    "bind_device": {"type": "str"},
    "timeout": {"type": "float", "default": 3},
}


def check_all(options: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module port_check, in the order of the targets. Raises InputError for what is not a port."""
    entries = options["targets"]
    answers = probe([target_of(entry, options) for entry in entries], options["timeout"])
    ports = [
        {
            **{key: entry[key] for key in ("to", "address", "port", "purpose")},
            "state": answer.state,
            "ms": answer.ms,
            "text": answer.text,
            "source": answer.source,
        }
        for entry, answer in zip(entries, answers)
    ]
    return {"ports": ports}


def target_of(entry: Mapping[str, Any], options: Mapping[str, Any]) -> Target:
    """A target of the module's options. Raises InputError."""
    if not 0 < entry["port"] < 65536:
        raise InputError(
            "not a port", expected="1 to 65535", observed=entry["port"], next_step=f"correct the target {entry['to']}"
        )
    device = entry["bind_device"] or options["bind_device"] or ""
    return Target(entry["address"], entry["port"], entry["udp_rmcp"], options["source"] or "", device, entry["udp"])
