# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in /etc/cloudstack/agent, and what a failed join left there. Secrets are compared here and never returned."""

from __future__ import annotations

import os
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.keystore import opens
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.properties import ENCODING, parse_properties, without_secrets

FOLDER = "/etc/cloudstack/agent"


def collect_agent(version: Optional[str], unknown: dict[str, str], folder: str = FOLDER) -> dict[str, Any]:
    """present, version, properties without secrets, zeroed, and the keystore. Reasons for what is not known go into `unknown`."""
    raw = _read(f"{folder}/agent.properties", "agent.properties", unknown)
    everything = _understand(raw, unknown)
    return {
        "present": os.path.exists(f"{folder}/agent.properties"),
        "version": version,
        "properties": without_secrets(everything),
        "zeroed": None if raw is None else b"\0" in raw,
        "keystore": _keystore(f"{folder}/cloud.jks", everything.get("keystore.passphrase"), unknown),
    }


def _understand(raw: Optional[bytes], unknown: dict[str, str]) -> dict[str, str]:
    try:
        return parse_properties((raw or b"").decode(ENCODING))
    except ParseError as error:
        # Not the error's own text: the line it quotes may be the one with the passphrase.
        unknown["agent.properties"] = error.message
        return {}


def _keystore(path: str, passphrase: Optional[str], unknown: dict[str, str]) -> dict[str, Any]:
    """present, readable, empty (a full disk leaves 0 bytes) and opens: whether it opens with the passphrase of agent.properties.

    `opens` is None when there is no keystore, or when it cannot be told. False makes every further join fail.
    """
    present = os.path.exists(path)
    data = _read(path, "agent.keystore", unknown) if present else None
    result: dict[str, Any] = {"present": present, "readable": data is not None, "empty": present and not os.path.getsize(path), "opens": None}
    if data and passphrase is not None:
        try:
            result["opens"] = opens(data, passphrase)
        except ParseError as error:
            unknown["agent.keystore.opens"] = error.message
    elif data:
        unknown["agent.keystore.opens"] = "agent.properties has no keystore.passphrase"
    return result


def _read(path: str, fact: str, unknown: dict[str, str]) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        unknown[fact] = f"{path}: {error.strerror}"
        return None
