# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills as they go: the one that was recorded on a real CloudStack 4.22.1, and others made of rows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    Canary,
    Drill,
    Expectation,
    HostLook,
    Seen,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.drill import plan_drill, with_canary
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timeline import add

from tests.staged_site import healthy

RECORDED = Path(__file__).parent / "fixtures" / "recorded" / "kvm-host-ha.json"
# With which the failover was recorded; the rest are CloudStack's defaults.
SETTINGS = {
    "kvm.ha.activity.check.interval": 15,
    "kvm.ha.activity.check.max.attempts": 4,
    "kvm.ha.activity.check.failure.ratio": 0.7,
    "kvm.ha.degraded.max.period": 60,
    "kvm.ha.recover.wait.period": 90,
    "time.to.sleep": 60,
    "investigate.retry.interval": 60,
    "vm.ha.migration.max.retries": 5,
}
HUNG = "h2 hung (its QEMU stopped) with one HA VM on it"
STATES = re.compile(r"(?P<state>\w+)/(?P<resource_state>\w+) power=(?P<power>\w+)")
CANARY = Canary("ha-drill-host1", "v1", "h2", "/mnt/pool1", "nfs://192.0.2.60/export", "volume1")


def recorded() -> list[Seen]:
    """What the real one showed, look by look, from the failure on."""
    entries = json.loads(RECORDED.read_text())
    [found] = [each for each in entries if each["name"].startswith(HUNG)]
    return [_seen(row) for row in found["timeline"]]


def _seen(row) -> Seen:
    at, _clock, shown = row
    ha, host = shown["h2"]
    guest, _on, where = shown["vm"].partition(" on ")
    states = STATES.fullmatch(host).groupdict()
    return Seen(at, ha_state=ha.split()[-1], guest_state=guest, guest_host="" if where == "None" else where, **states)


def expected(failure: str = "kernel_hang", settings=None) -> Expectation:
    """What is expected of a failure of host1 with these settings."""
    site = healthy()
    site = replace(site, settings={**site.settings, **(settings or {})})
    site = with_canary(replace(site, guests=site.guests[2:]), site.hosts[0], "", 500, 2**28)
    return plan_drill(site, site.hosts[0], failure, {}, HostLook("cloudbr0", {"192.0.2.60": "eth2"}), True)


def drill(failure: str = "kernel_hang", looks=(), settings=None, **more) -> Drill:
    """A drill that has come to its end and whose host is back."""
    values = {"stage": "back", "canary": CANARY, "failed_at": 1000.0, "boot_id": "boot1", **more}
    begun = Drill(
        "host1", "10.88.0.11", failure, "zone1", "cluster1", 990.0, "me@here", expected(failure, settings), **values
    )
    for each in looks:
        begun = add(begun, each)
    return begun


def row(at: float, host: str, ha: str, guest: str = "Running", where: str = "h2", power: str = "On") -> Seen:
    """One look; `host` is state/resource state."""
    state, _, resource = host.partition("/")
    return Seen(at, state, resource or "Enabled", ha, power, guest, where)
