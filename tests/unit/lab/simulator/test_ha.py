# SPDX-License-Identifier: GPL-3.0-or-later
"""Host HA of simulated hosts: switches, and the poll that undoes one that came too early (recorded/ha-race.json)."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from lab.simulator.commands import ha

RECORDED = Path(__file__).parents[3] / "fixtures" / "recorded"
PROVIDER = "simulatorhaprovider"


def _resource(api, host: str) -> tuple[bool, str]:
    row = api("listHostHAResources", hostid=host)["hostha"][0]
    return row["haenable"], row["hastate"]


@pytest.mark.parametrize(("wait", "held"), [(0, False), (2, False), (6, True)])
def test_enabling_too_early_is_undone_by_the_poll(api, simulated_host, wait: int, held: bool) -> None:
    host = simulated_host()["id"]
    api.job("configureHAForHost", hostid=host, provider=PROVIDER)
    api.clock.sleep(wait)
    assert api.job("enableHAForHost", hostid=host)["jobresult"] == {
        "hostha": {"hostid": host, "haenable": True, "status": True}
    }
    ha.tick(api.cloud)
    assert _resource(api, host) == (held, "Ineligible" if held else "Disabled")


@pytest.mark.parametrize("level", ["Cluster", "Zone"])
def test_a_wider_switch_leaves_the_host_enabled(api, simulated_host, level: str) -> None:
    host = simulated_host()
    where = {f"{level.lower()}id": host[f"{level.lower()}id"]}
    api.job("configureHAForHost", hostid=host["id"], provider=PROVIDER)
    api.clock.sleep(6)
    api.job("enableHAForHost", hostid=host["id"])
    assert api.job(f"disableHAFor{level}", **where)["jobresult"] == {"success": False}
    ha.tick(api.cloud)
    assert _resource(api, host["id"]) == (True, "Disabled")
    api.job(f"enableHAFor{level}", **where)
    ha.tick(api.cloud)
    assert _resource(api, host["id"]) == (True, "Ineligible")


def test_enabling_needs_a_provider(api, simulated_host) -> None:
    failed = api.job("enableHAForHost", hostid=simulated_host()["id"])
    assert (failed["jobstatus"], failed["jobresultcode"]) == (2, 431)
    assert "HAProvider is not provided for the resource" in failed["jobresult"]["errortext"]


def _watched(api, simulated_host) -> dict:
    """A host for which HA is enabled, past the first poll."""
    host = simulated_host()
    api.job("configureHAForHost", hostid=host["id"], provider=PROVIDER)
    api.clock.sleep(6)
    api.job("enableHAForHost", hostid=host["id"])
    return host


def _stage(api, host: str, health: str, recover: str = "true") -> None:
    told = {"health": health, "activity": health, "recover": recover, "fence": "true"}
    assert api("configureSimulatorHAProviderState", hostid=host, **told) == {"success": True}


def test_a_drill_as_recorded(api, simulated_host) -> None:
    """ha.json, 68 to 82: 17 transitions with these counters, then Fenced, until HA is switched off."""
    host = _watched(api, simulated_host)["id"]
    _stage(api, host, "true")
    ha.tick(api.cloud)
    assert _resource(api, host) == (True, "Available")
    _stage(api, host, "false", recover="false")
    ha.tick(api.cloud)
    _stage(api, host, "false", recover="false")  # the recording began in Suspect
    for _ in range(8):
        api.clock.sleep(4)
        ha.tick(api.cloud)
    listed = api("listSimulatorHAStateTransitions", hostid=host)
    recorded = json.loads((RECORDED / "ha.json").read_text())["entries"][75]
    assert listed == json.loads(recorded["body"])["listsimulatorhastatetransitionsresponse"]
    paged = api("listSimulatorHAStateTransitions", hostid=host, page="2", pagesize="10")
    assert paged == {"count": 17, "hastatetransition": listed["hastatetransition"][10:]}
    row = api("listHosts", id=host)["host"][0]
    assert (row["state"], row["resourcestate"], row["hostha"]["hastate"]) == ("Down", "Maintenance", "Fenced")
    assert "HA Fencing of host id=" in api("listAlerts", type="30")["alert"][0]["description"]
    _stage(api, host, "true")
    ha.tick(api.cloud)
    api.job("enableHAForHost", hostid=host)
    assert _resource(api, host) == (True, "Fenced")
    api.job("disableHAForHost", hostid=host)
    assert _resource(api, host) == (False, "Disabled")


def test_a_host_that_recovers_is_up_again(api, simulated_host) -> None:
    host = _watched(api, simulated_host)["id"]
    _stage(api, host, "false")
    states = []
    for _ in range(12):
        ha.tick(api.cloud)
        states.append(api("listHosts", id=host)["host"][0]["state"])
        api.clock.sleep(4)
    assert [state for state, _ in groupby(states)] == ["Up", "Down", "Up", "Down"]


def test_a_kvm_host_wants_power_control_at_all_levels_and_a_neighbour(api, simulated_host) -> None:
    """KVMHAProvider.java:49-57."""
    first, second = simulated_host(), simulated_host()
    rows = [*api.cloud.table("host")]
    for row in rows:
        row["hypervisor"] = "KVM"
    row = rows[0]
    assert not ha.eligible(api.cloud, row)
    row["oobm"] = {"enabled": True, "powerstate": "On"}
    assert ha.eligible(api.cloud, row)
    for level in ("Cluster", "Zone"):
        where = {f"{level.lower()}id": first[f"{level.lower()}id"]}
        api.job(f"disableOutOfBandManagementFor{level}", **where)
        assert not ha.eligible(api.cloud, row)
        api.job(f"enableOutOfBandManagementFor{level}", **where)
    api("updateHost", id=first["id"], allocationstate="Disable")
    assert not ha.eligible(api.cloud, row)
    api("updateHost", id=first["id"], allocationstate="Enable")
    assert ha.eligible(api.cloud, row)
    rows[1]["state"] = "Down"
    assert not ha.eligible(api.cloud, row)
    assert second["id"] == rows[1].uuid
