# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching host HA is not done when CloudStack says so, but when its state is read back."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.host_ha import (
    carry_out,
    read_ha_hosts,
    wait_scope,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import HaHost, Scope
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_ha import plan_host_ha
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError

from tests.unit.plugins.scripted import ScriptedClient

PROVIDER = "kvmhaprovider"
HOST = HaHost("10.88.0.12", oobm_driver="ipmitool", oobm_enabled=True, power_state="On", neighbours=1, id="h2")
JOB = {"hostha": {"hostid": "h2", "haenable": True, "status": True}}
AROUND = [("listStoragePools", []), ("listZones", []), ("listClusters", [])]


def row(ha_state, enabled=True, **more):
    return {
        "id": "h2",
        "name": "h2",
        "ipaddress": "10.88.0.12",
        "hypervisor": "KVM",
        "state": "Up",
        "resourcestate": "Enabled",
        "zoneid": "z1",
        "clusterid": "c1",
        "hostha": {"haenable": enabled, "hastate": ha_state, "haprovider": PROVIDER},
        "outofbandmanagement": {"powerstate": "On", "enabled": True, "driver": "ipmitool"},
        **more,
    }


NEIGHBOUR = row("Available", id="h1", name="h1", ipaddress="10.88.0.11")


def seen(*rows):
    return [("listHosts", [each]) for each in rows]


def read_again(last):
    return [("listHosts", [last]), ("listHosts", [last, NEIGHBOUR]), *AROUND]


def switch(enabled, *script, seconds=60, host=HOST):
    client = ScriptedClient(*script)
    client.access.poll_interval = 2.0
    plan = plan_host_ha(enabled, PROVIDER, host)
    try:
        found = carry_out(client, plan, enabled, PROVIDER, host, seconds)
    finally:
        assert not client.script, f"not asked: {client.script}"
    return found, client


def test_enabling_that_the_first_pass_undoes_is_done_again():
    """ha-race.json: enabled at 0 s, off again at 2.4 s, Available one poll after the second enabling."""
    script = [("configureHAForHost", {}), ("enableHAForHost", JOB), *seen(row("Disabled"), row("Disabled", False))]
    script += [("enableHAForHost", JOB), *seen(row("Disabled"), row("Available"))]
    found, client = switch(True, *script, *read_again(row("Available")))
    assert (found.ha_state, found.enabled, found.neighbours) == ("Available", True, 1)
    assert client.clock.time == 6


def test_enabling_again_has_a_bound():
    undone = row("Disabled", False)
    again = [*seen(undone), ("enableHAForHost", JOB)]
    script = [("configureHAForHost", {}), ("enableHAForHost", JOB), *again, *again, *seen(undone)]
    with pytest.raises(ApiError, match="enabled 3 times, and each time switched off again"):
        switch(True, *script, *read_again(undone))


def test_a_state_that_stays_is_explained_with_what_is_missing_now():
    script = [("configureHAForHost", {}), ("enableHAForHost", JOB), *seen(*[row("Ineligible")] * 4)]
    with pytest.raises(ApiError) as caught:
        switch(
            True, *script, ("listHosts", [row("Ineligible")]), ("listHosts", [row("Ineligible")]), *AROUND, seconds=6
        )
    message = str(caught.value)
    for part in (
        "10.88.0.12: host HA is not Available",
        "within 6 s",
        "state Ineligible: no other host of the cluster",
    ):
        assert part in message


def test_maintenance_meanwhile_ends_the_wait_at_once():
    gone = row("Ineligible", resourcestate="PrepareForMaintenance")
    script = [("configureHAForHost", {}), ("enableHAForHost", JOB), *seen(gone), *read_again(gone)]
    with pytest.raises(ApiError, match="the host is in maintenance"):
        switch(True, *script)


def test_a_fenced_host_is_not_waited_for():
    fenced = row("Fenced", state="Down", resourcestate="Maintenance")
    host = HaHost("10.88.0.12", enabled=True, ha_state="Fenced", provider=PROVIDER, state="Down", id="h2")
    with pytest.raises(ApiError, match="has powered the host off through its BMC"):
        switch(True, *seen(fenced), *read_again(fenced), host=host)


def test_a_host_that_is_gone_meanwhile():
    script = [("configureHAForHost", {}), ("enableHAForHost", JOB), ("listHosts", [])]
    with pytest.raises(ApiError, match="CloudStack has no host h2 any more"):
        switch(True, *script)


ON = HaHost("10.88.0.12", enabled=True, ha_state="Recovering", provider=PROVIDER, id="h2")


def test_disabling_waits_until_a_reset_that_runs_has_ended():
    off = row("Disabled", False)
    script = [("disableHAForHost", {}), *seen(row("Recovering", False), off)]
    found, client = switch(False, *script, *read_again(off), host=ON)
    assert not found.enabled
    assert client.clock.time == 2


def test_disabling_that_does_not_come_about():
    script = [("disableHAForHost", {}), *seen(row("Recovering", False), row("Recovering", False))]
    with pytest.raises(ApiError, match="do not begin work on the host or its BMC"):
        switch(False, *script, seconds=2, host=ON)


ZONE_OFF = Scope("zone", "zone1", ha=False)


def scope_client(*script):
    client = ScriptedClient(*script)
    client.access.poll_interval = 2.0
    return client


def test_a_zone_is_off_when_no_host_is_watched_any_more():
    """ha.json: Ineligible at 0 s, Disabled at 1.1 s, haenable stays true."""
    client = scope_client(("listHosts", [row("Ineligible"), NEIGHBOUR]), ("listHosts", [row("Disabled")]))
    wait_scope(client, ZONE_OFF, "z1", False, 60, lambda: ZONE_OFF)
    assert client.sent == [("listHosts", {"type": "Routing", "details": "min", "zoneid": "z1"})] * 2


def test_a_zone_in_which_hosts_stay_watched():
    client = scope_client(*[("listHosts", [row("Suspect"), NEIGHBOUR])] * 2)
    with pytest.raises(ApiError) as caught:
        wait_scope(client, ZONE_OFF, "z1", False, 2, lambda: ZONE_OFF)
    assert "host HA of the zone zone1 is not off" in str(caught.value)
    assert "still watched: h1, h2" in str(caught.value)


def test_a_zone_that_does_not_come_on():
    with pytest.raises(ApiError, match="CloudStack does not show it as on"):
        wait_scope(scope_client(), ZONE_OFF, "z1", True, 0, lambda: ZONE_OFF)


def test_hosts_are_told_by_address():
    client = scope_client(
        ("listHosts", [row("Available"), NEIGHBOUR]), ("listHosts", [row("Available"), NEIGHBOUR]), *AROUND
    )
    hosts = read_ha_hosts(client, zoneid="z1", clusterid="c1")
    assert [(host.address, host.neighbours) for host in hosts] == [("10.88.0.11", 1), ("10.88.0.12", 1)]
    asked = dict(client.sent)
    assert asked["listStoragePools"] == {"zoneid": "z1"}
    assert asked["listClusters"] == {"zoneid": "z1"}
