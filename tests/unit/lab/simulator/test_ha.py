# SPDX-License-Identifier: GPL-3.0-or-later
"""Host HA of simulated hosts: switches, and the poll that undoes one that came too early (recorded/ha-race.json)."""

from __future__ import annotations

import pytest

from lab.simulator.commands import ha

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
