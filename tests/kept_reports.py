# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pre-flight of the hosts of tests/cluster_profiles.py leaves behind for a join, as it comes out of its files,
and the host that is to join.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.gate import Candidate, Kept
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import facts_document
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import Made, document, dump

from tests.cluster_profiles import World

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)
RUN = "5ad2b2c8-3c3d-5f5c-9a8d-5d9a6d1f7f10"


def kept(world: World, waivers: Sequence[Waiver] = (), made: datetime = NOW - timedelta(minutes=5)) -> Kept:
    """Report and facts of a run five minutes ago."""
    parts = (world.profiles(), world.intent(), world.rules(), waivers)
    report = document(
        assess(*parts, today=NOW.date().isoformat()), *parts, Made(made.isoformat(), "alice on control1", RUN)
    )
    facts = facts_document(RUN, made.isoformat(), world.profiles(), world.intent())
    return Kept("reports", json.loads(dump(report)), json.loads(dump(facts)))


def candidate(world: World, name: str = "host4", facts: Mapping[str, Any] | None = None, **changes: Any) -> Candidate:
    """The host as the inventory declares it, with the facts that it had unless others are given."""
    address = world.hosts[name]["declared"]["address"]
    given = {
        "address": address,
        "url": f"http://{address}",
        "username": "root",
        "zone_pod_cluster": ("zone1", "pod1", "cluster1"),
        "policy": world.rules(),
    }
    return Candidate(name, facts=world.hosts[name]["facts"] if facts is None else facts, **{**given, **changes})
