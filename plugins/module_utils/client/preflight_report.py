# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the pre-flight's report before a join."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.gate import NEXT, require_verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.client.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError

OPTIONS = {
    "report": {"type": "path", "required": True},
    "host": {"type": "str", "required": True},
    "fingerprint": {"type": "str", "required": True},
}


def require_preflight(given: Optional[Mapping[str, Any]], address: str) -> None:
    """Return if the pre-flight lets the host join. Raises InputError otherwise. `given` has the keys of OPTIONS, or is None."""
    if given is None:
        raise InputError(
            "no host joins without a verdict of the pre-flight",
            host=address,
            expected="the option preflight, which names the report",
            observed="none",
            next_step=f"{NEXT}; a play that has proven the host in another way says preflight_required: false",
        )
    report = load(given["report"])
    require_verdict(report, given["host"], given["fingerprint"], now=SystemClock().now(), place=given["report"])


def load(path: str) -> Any:
    """What preflight.json holds; None if there is no such file. Raises InputError for one that is no JSON or cannot be read."""
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise InputError("cannot read the report of the pre-flight", observed=f"{path}: {error}", next_step="run preflight.yml again") from error
