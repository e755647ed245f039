# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts and events about guests and dead hosts, in the words of a real server (kvm-host-alerts-events.json)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.lab.simulator.clouds import rounds

RECORDED = Path(__file__).parents[3] / "fixtures" / "recorded" / "kvm-host-alerts-events.json"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAMES = {"truth-kvm-pod1": "p", "truth-kvm": "z", "tk-vm2": "vm"}


def plain(text: str) -> str:
    """The text without numbers and with the names that things have here."""
    for recorded, name in NAMES.items():
        text = text.replace(recorded, name)
    return re.sub(r"\d+", "#", UUID.sub("#", text))


EVENT = ("type", "username", "account", "level", "state", "resourcetype")


def test_events_of_host_ha_are_told_as_on_a_real_server(site):
    fenced_without_a_place(site)
    shown = site.api("listEvents", keyword="HA.STATE.TRANSITION")["event"]
    real = [event for event in json.loads(RECORDED.read_text())[1]["events"] if event["type"] == "HA.STATE.TRANSITION"]
    assert len(real) == 3
    ours = [(plain(event["description"]), {key: event[key] for key in EVENT}, set(event)) for event in shown]
    for event in real:
        assert (plain(event["description"]), {key: event[key] for key in EVENT}, set(event)) in ours


def recorded() -> set[tuple[int, str]]:
    alerts = json.loads(RECORDED.read_text())[0]["alerts"]
    return {(alert["type"], plain(alert["description"])) for alert in alerts}


def deployed(site) -> None:
    assert site.deploy("vm", on="h2")["jobstatus"] == 1


def no_destination(site) -> None:
    site.api("updateZone", id=site.zone, allocationstate="Disabled")
    site.deploy("vm", on="h2")


def not_migrated(site) -> None:
    deployed(site)
    site.machines.refused.add(("h2", "StopCommand"))
    guest = site.guest("vm")["id"]
    site.api.job("migrateVirtualMachine", virtualmachineid=guest, hostid=site.hosts["h1"].uuid)


def into_maintenance(site) -> None:
    site.api.job("prepareHostForMaintenance", id=site.hosts["h2"].uuid)
    rounds(site.api, 60, lambda: None)


def fenced_without_a_place(site) -> None:
    deployed(site)
    site.watch()
    site.api("updateConfiguration", name="kvm.ha.activity.check.max.attempts", value="4", clusterid=site.cluster)
    site.hosts["h1"]["memorytotal"] = 1
    site.machines.bmc_refuses.add("reset")
    site.machines.hang(site.hosts["h2"])
    rounds(site.api, 700, lambda: None)


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [
        (no_destination, [8]),
        (not_migrated, [17]),
        (into_maintenance, [7]),
        (fenced_without_a_place, [7, 30, 8]),
    ],
)
def test_each_is_worded_as_on_a_real_server(site, stage, kinds: list[int]):
    stage(site)
    shown = [(alert["type"], plain(alert["description"])) for alert in site.api("listAlerts")["alert"]]
    raised = [alert for alert in reversed(shown) if alert[0] in (7, 8, 17, 30)]
    assert [kind for kind, _ in raised] == kinds
    # names of hosts differ only by their number; which of the two it was is no part of the wording
    assert set(raised) <= recorded()
