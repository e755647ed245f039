# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what the pre-flight has left, and asks the gate, before a join."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import parse_waivers
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.report_folder import (
    FACTS,
    REPORT,
    locked,
    read_json,
    unfinished,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.gate import (
    NEXT,
    Candidate,
    Kept,
    require_verdict,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy


def require_preflight(
    given: Optional[Mapping[str, Any]], *, address: str, url: str, username: str, zone_pod_cluster: tuple[str, str, str]
) -> None:
    """Return if the pre-flight lets the host join that addHost is to be called for. Raises InputError otherwise.

    `given` is the option preflight of the module host, or None.
    """
    if given is None:
        raise InputError(
            "no host joins without a verdict of the pre-flight",
            host=address,
            expected="the option preflight, which names the folder of the report",
            observed="none",
            next_step=f"{NEXT}; a play that has proven the host in another way says preflight_required: false",
        )
    name, policy, waivers = (
        given["host"],
        Policy().with_changes(given["policy"] or {}),
        parse_waivers(given["waivers"] or ()),
    )
    candidate = Candidate(name, address, url, username, zone_pod_cluster, _facts(name, given["facts"]), policy, waivers)
    try:
        kept = read_kept(given["report_dir"])
    except InputError as error:
        error.host = name
        raise
    require_verdict(kept, candidate, SystemClock().now())


def read_kept(folder: str) -> Kept:
    """The files and marks of one moment. Raises InputError for a file that cannot be read or is not JSON."""
    with locked(folder, shared=True):
        return Kept(os.path.abspath(folder), read_json(folder, REPORT), read_json(folder, FACTS), unfinished(folder))


def _facts(host: str, text: str) -> Mapping[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, Mapping):
        expected = "what kvm_host_facts returned now, as JSON: {{ ansible_facts.kvm_host | to_json }}"
        raise InputError(
            "preflight.facts is not the facts of a host",
            host=host,
            expected=expected,
            observed="something else",
            next_step="correct the task",
        )
    return facts
